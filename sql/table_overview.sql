-- How many rows has a table, and how many roots do they lie in?
--
-- subject (table): has pt_root_id.
--
-- Columns: n_rows, n_rooted, n_roots, max_per_root, all BIGINT. Root 0 (off the
-- segmentation) and NULL (none) are no roots: their rows count in n_rows alone.
--
-- In parts: subject by pt_root_id; sum n_rows, n_rooted, n_roots; max max_per_root.
WITH per_root AS (
    SELECT pt_root_id, count(*) AS n FROM subject WHERE pt_root_id <> 0 GROUP BY ALL
)
SELECT
    (SELECT count(*) FROM subject) AS n_rows,
    coalesce(sum(n), 0)::BIGINT AS n_rooted,
    count(*) AS n_roots,
    coalesce(max(n), 0) AS max_per_root
FROM per_root;
