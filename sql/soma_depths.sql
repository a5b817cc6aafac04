-- How deep below the pia is each soma?
--
-- nuclei (table): has id and pt_position; otherwise the dataset's own.
--
-- Columns: cell_id (BIGINT), soma_depth (DOUBLE, micrometres); a row for each nucleus that
-- has a position.
SELECT
    id AS cell_id,
    soma_depth(
        nm(pt_position_x, pt_position_y, pt_position_z, resolution('nuclei'))
    ) AS soma_depth
FROM nuclei
WHERE pt_position_x IS NOT NULL
ORDER BY ALL;
