"""cortical_tools 1.1's published tests, of our clients, against a loopback CAVE.

``test_clients_active.py`` is the file of its source distribution, with the import
renamed and nothing else changed (``test_text.py`` holds that). It is theirs (LICENSE
beside it), so our formatter and linter leave it alone. This file stands where their
``conftest.py`` does.

Their tests draw cells from a server's nuclei until one has what they need, and take
for granted what is so of nearly every cell there: that a nucleus has no other point in
another cell, and that many cells have over 100 level-2 ids. Our usual world denies the
first of one cell in twenty, and the second of all, so that their search would never
end; the ``lifelike`` world has both. numpy's seed makes the draws the same every time:
what is so of nearly all is not so of all (``test_draws.py``).
"""

import numpy as np
import pytest

from cortical_cache import Client, load_client
from cortical_cache.demo import World, WorldSettings, build_world


def _lifelike(datastack: str) -> World:
    return build_world(WorldSettings(datastack=datastack, lifelike=True))


@pytest.fixture(scope="session")
def minnie() -> World:
    return _lifelike("minnie65_public")


@pytest.fixture(scope="session")
def v1dd() -> World:
    return _lifelike("v1dd")


@pytest.fixture(autouse=True)
def cave(request, start, monkeypatch):
    """Run the CAVE that the dataset of the test is asked of."""
    if "client_name" not in request.fixturenames:
        return None
    name = request.getfixturevalue("client_name")
    world = "v1dd" if name.startswith("v1dd") else "minnie"
    running = start(request.getfixturevalue(world))
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", running.url)
    np.random.seed(0)  # noqa: NPY002  what pandas draws by where no seed is given
    return running


@pytest.fixture
def v1dd_client(cave) -> Client:
    return load_client("v1dd")


@pytest.fixture
def v1dd_public_client(cave) -> Client:
    return load_client("v1dd_public")


@pytest.fixture
def microns_prod_client(cave) -> Client:
    return load_client("microns_prod")


@pytest.fixture
def microns_public_client(cave) -> Client:
    return load_client("microns_public")
