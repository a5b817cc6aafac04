-- How many synapses are there from cells of each type onto cells of each type?
--
-- cell_types (table): refers to cells by target_id, and has cell_type.
-- synapses (table): otherwise the dataset's own.
--
-- Columns: pre_type, post_type (VARCHAR), n_synapses, n_pairs (BIGINT); a row for each pair
-- of types that has a synapse. Only roots with exactly one cell and one type count: root 0,
-- NULL and merged cells are left out, and so are synapses of a root onto itself.
--
-- In parts: synapses by post_pt_root_id; sum n_synapses, n_pairs.
WITH typed AS (
    SELECT root_id, min(cell_type) AS cell_type
    FROM cell_ids LEFT JOIN cell_types ON cell_types.target_id = cell_ids.cell_id
    WHERE root_id > 0
    GROUP BY root_id
    HAVING count(DISTINCT cell_id) = 1 AND count(DISTINCT cell_type) = 1
)
SELECT
    pre.cell_type AS pre_type,
    post.cell_type AS post_type,
    count(*) AS n_synapses,
    count(DISTINCT (pre_pt_root_id, post_pt_root_id)) AS n_pairs
FROM synapses
JOIN typed AS pre ON pre.root_id = pre_pt_root_id
JOIN typed AS post ON post.root_id = post_pt_root_id
WHERE pre_pt_root_id <> post_pt_root_id
GROUP BY ALL
ORDER BY ALL;
