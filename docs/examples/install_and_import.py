"""Install, import, and look at what there is.

``pip install 'cortical-cache[skeletons,neuroglancer]'``
"""

from cortical_cache import load_client
from cortical_cache.datasets.microns_public import client

assert client.datastack_name == "minnie65_public"
assert client.server_address
assert load_client("microns_public").datastack_name == client.datastack_name

client.version = 1300
assert client.version_timestamp() < client.now()
shown = repr(client)  # in a notebook, a link that opens neuroglancer
assert "version=1300" in shown

url = client.neuroglancer_url()
assert url.startswith("https://")
