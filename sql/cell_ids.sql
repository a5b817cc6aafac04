-- Which root has each of some cells?
--
-- cells (ids): cell ids.
--
-- Columns: cell_id, root_id, supervoxel_id, all BIGINT; a row for each entry. A cell that
-- is unknown has no row; one without a root has NULL; 0 (off the segmentation) stays 0.
SELECT cell_id, root_id, supervoxel_id
FROM cell_ids
WHERE cell_id IN (SELECT id FROM keys.cells)
ORDER BY ALL;
