-- How many synapses are there from each of some roots onto each of some others?
--
-- pre (ids): root ids whose outputs are meant.
-- post (ids): root ids whose inputs are meant.
-- synapses (table): otherwise the dataset's own.
--
-- Columns: pre_pt_root_id, post_pt_root_id, n_synapses, all BIGINT; a row for each pair
-- that has a synapse. Synapses of a root onto itself are left out.
--
-- In parts: synapses by post_pt_root_id; sum n_synapses.
SELECT pre_pt_root_id, post_pt_root_id, count(*) AS n_synapses
FROM synapses
WHERE pre_pt_root_id IN (SELECT id FROM keys.pre)
  AND post_pt_root_id IN (SELECT id FROM keys.post)
  AND pre_pt_root_id <> post_pt_root_id
GROUP BY ALL
ORDER BY ALL;
