-- Which type has each cell?
--
-- cell_types (table): refers to cells by target_id, and has cell_type.
--
-- Columns: cell_id (BIGINT), cell_type (VARCHAR); a row for each cell with exactly one type.
SELECT target_id AS cell_id, min(cell_type) AS cell_type
FROM cell_types
WHERE target_id IS NOT NULL
GROUP BY target_id
HAVING count(DISTINCT cell_type) = 1
ORDER BY ALL;
