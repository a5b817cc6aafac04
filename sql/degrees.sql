-- How many synapses and partners has each of some roots, in and out?
--
-- roots (ids): root ids.
-- synapses (table): otherwise the dataset's own.
--
-- Columns: root_id, n_in, in_partners, n_out, out_partners, all BIGINT; a row for each root
-- given, zeros included. Partners 0 and NULL (off the segmentation) are synapses, but no
-- partners; synapses of a root onto itself are left out.
--
-- In parts: synapses by post_pt_root_id; sum n_in, in_partners, n_out, out_partners.
WITH ins AS (
    SELECT
        post_pt_root_id AS root_id,
        count(*) AS n,
        count(DISTINCT pre_pt_root_id) FILTER (pre_pt_root_id <> 0) AS partners
    FROM synapses
    WHERE post_pt_root_id IN (SELECT id FROM keys.roots)
      AND pre_pt_root_id IS DISTINCT FROM post_pt_root_id
    GROUP BY ALL
),
outs AS (
    SELECT
        pre_pt_root_id AS root_id,
        count(*) AS n,
        count(DISTINCT post_pt_root_id) FILTER (post_pt_root_id <> 0) AS partners
    FROM synapses
    WHERE pre_pt_root_id IN (SELECT id FROM keys.roots)
      AND pre_pt_root_id IS DISTINCT FROM post_pt_root_id
    GROUP BY ALL
)
SELECT
    asked.id AS root_id,
    coalesce(ins.n, 0) AS n_in,
    coalesce(ins.partners, 0) AS in_partners,
    coalesce(outs.n, 0) AS n_out,
    coalesce(outs.partners, 0) AS out_partners
FROM (SELECT DISTINCT id FROM keys.roots) AS asked
LEFT JOIN ins ON ins.root_id = asked.id
LEFT JOIN outs ON outs.root_id = asked.id
ORDER BY ALL;
