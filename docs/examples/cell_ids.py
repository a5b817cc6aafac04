"""Map cell ids to root ids and back again."""

from cortical_cache.datasets.microns_public import client

client.version = 1300
nuclei = client.tables.nucleus_detection_v0().query()
cell_ids = nuclei["id"].head(10).tolist()

root_id_df = client.cell_id_to_root_id(cell_ids)
assert root_id_df.index.tolist() == cell_ids  # in the order asked
root_ids = root_id_df["root_id"]
root_ids = root_ids[root_ids > 0].unique().tolist()  # -1: none, or several

cell_id_df = client.root_id_to_cell_id(root_ids)
assert cell_id_df.index.tolist() == root_ids
assert set(cell_id_df["cell_id"]) - {-1} <= set(nuclei["id"])
