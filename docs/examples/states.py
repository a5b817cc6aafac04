"""Save a neuroglancer state, and get it back: from the store, once it was seen."""

from pathlib import Path

from cortical_cache.datasets.microns_public import client

my_state = {"layers": [], "position": [240_000, 200_000, 21_000]}
remembered = Path("state_id.txt")
if not client.offline:
    remembered.write_text(str(client.upload_state_json(my_state)))
state_id = int(remembered.read_text())
assert client.get_state_json(state_id) == my_state
