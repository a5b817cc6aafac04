-- Which cells have another root at one version than at another?
--
-- old (version): the one before.
-- new (version): the one after.
--
-- Columns: cell_id, old_root_id, new_root_id, all BIGINT; a row for each cell with one entry
-- in both versions. Root 0 and NULL are no roots, shown as NULL; from none to none is no
-- change.
WITH before AS (
    SELECT cell_id, min(nullif(root_id, 0)) AS root_id
    FROM old.cell_ids GROUP BY cell_id HAVING count(*) = 1
),
after AS (
    SELECT cell_id, min(nullif(root_id, 0)) AS root_id
    FROM new.cell_ids GROUP BY cell_id HAVING count(*) = 1
)
SELECT cell_id, before.root_id AS old_root_id, after.root_id AS new_root_id
FROM before JOIN after USING (cell_id)
WHERE before.root_id IS DISTINCT FROM after.root_id
ORDER BY ALL;
