-- Which cells are proofread, and how deep is each soma below the pia?
--
-- proofreading (table): has pt_root_id, status_axon, status_dendrite; otherwise
--   proofreading_status_and_strategy.
-- nuclei (table): has id and pt_position; otherwise the dataset's own.
--
-- Columns: cell_id, root_id (BIGINT), status_axon, status_dendrite (as the table has them),
-- soma_depth (DOUBLE, micrometres). Root 0 and NULL are left out; a root with several cells
-- has several rows.
SELECT
    cell_ids.cell_id,
    cell_ids.root_id,
    proofreading.status_axon,
    proofreading.status_dendrite,
    soma_depth(
        nm(
            nuclei.pt_position_x,
            nuclei.pt_position_y,
            nuclei.pt_position_z,
            resolution('nuclei')
        )
    ) AS soma_depth
FROM proofreading
JOIN cell_ids ON cell_ids.root_id = proofreading.pt_root_id
JOIN nuclei ON nuclei.id = cell_ids.cell_id
WHERE cell_ids.root_id > 0
ORDER BY ALL;
