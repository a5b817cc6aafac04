"""Every public name of cortical_tools 1.1 is here, and takes what it takes there.

Each exception has its line on docs/compatibility.md, and each line there its exception.
"""

import json
import re
import warnings
from datetime import timedelta
from pathlib import Path

import pytest

import cortical_cache
from cortical_cache import load_client
from cortical_cache.client import Client
from cortical_cache.client.exports import Exports
from cortical_cache.client.neurons.mesh import MeshClient
from cortical_cache.meshlabels import VertexAssigner
from cortical_cache.model.export import Export
from cortical_cache.policy.freshness import Fact
from tests.compat.listing import FIXTURE, peer_listing, shape, walk

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
THEIRS = json.loads(FIXTURE.read_text("utf-8"))


def ours():
    """Walk our side of every owner in the listing."""
    export = Export("a", 1, 1, "csv", "gs://b/", "v1/a", "g")
    return {
        "client": walk(Client),
        "client.exports": walk(Exports),
        "client.exports.available_files": walk(export),
        "client.mesh": walk(MeshClient),
        "cortical_tools": {"load_client": shape(cortical_cache.load_client)},
        "VertexAssigner": {
            "VertexAssigner": shape(VertexAssigner),
            **walk(VertexAssigner),
        },
    }


OURS = ours()


def told(heading):
    """Return the names in the first column of the table under a heading."""
    _, _, rest = PAGE.read_text("utf-8").partition(f"## {heading}\n")
    section = rest.partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return {
        name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    }


def full(owner, name):
    return name if owner in {"cortical_tools", name} else f"{owner}.{name}"


def differing():
    found = set()
    for owner, names in THEIRS.items():
        for name, theirs in names.items():
            if OURS.get(owner, {}).get(name) != theirs:
                found.add(full(owner, name))
    return found


@pytest.mark.parametrize(
    ("owner", "name"),
    [(owner, name) for owner, names in THEIRS.items() for name in names],
)
def test_a_name_is_here_and_takes_what_it_takes_there(owner, name):
    if full(owner, name) not in told("Names that differ"):
        assert OURS[owner].get(name) == THEIRS[owner][name]


def test_no_line_of_the_page_is_stale():
    names = told("Names that differ")

    assert names
    assert names <= differing()


def test_the_fixture_is_what_is_installed(server):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip(
            "cortical_tools",
            reason="cortical_tools is not installed: pip install cortical-cache[peer]",
        )
        found = peer_listing(server.url)

    assert json.loads(json.dumps(found)) == THEIRS


# --- freshness in the docstrings --------------------------------------------------

KEPT = {
    "get_datastack_info": Fact.INFO,
    "image_source": Fact.INFO,
    "segmentation_source": Fact.INFO,
    "viewer_resolution": Fact.INFO,
    "neuroglancer_viewer": Fact.INFO,
    "neuroglancer_url": Fact.INFO,
    "get_state_json": Fact.STATES,
    "upload_state_json": Fact.STATES,
    "tables": Fact.TABLES,
    "views": Fact.VIEWS,
    "exports": Fact.EXPORTS,
    "most_recent_materialization_version": Fact.VERSIONS,
}
"""What the policy table says of the fact that an answer is made of."""

SAYS_NOTHING = {
    "datastack_name",  # of the client itself: nothing is remembered
    "dataset_transform",
    "server_address",
    "space",
    "version",
    "now",
    "cave",
    "fix_mat_timestamp",
    "unfix_mat_timestamp",
    "set_export_cloudpath",
    "available_data_df",
}

WORDS = {None: "for ever", timedelta(0): "once a session", timedelta(days=1): "a day"}


def documented():
    owners = {"client": Client, "client.exports": Exports}
    return [
        (name, getattr(owners[owner], name))
        for owner in owners
        for name in THEIRS[owner]
        if hasattr(owners[owner], name) and name not in SAYS_NOTHING
    ]


@pytest.mark.parametrize(("name", "thing"), documented())
def test_a_docstring_says_how_fresh_the_answer_is(name, thing):
    text = " ".join((thing.__doc__ or "").split())

    assert re.search(r"Freshness:|for ever|each time", text), name
    if name in KEPT:
        said = text.partition("Freshness:")[2]
        assert WORDS[KEPT[name].rule.kept] in said


def test_what_says_nothing_is_a_public_name():
    names = {name for owner in THEIRS.values() for name in owner}

    assert names > SAYS_NOTHING
    assert names > set(KEPT)


# --- the four ways in --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "datastack"),
    [
        ("v1dd", "v1dd"),
        ("v1dd_public", "v1dd_public"),
        ("microns_prod", "minnie65_phase3_v1"),
        ("microns_public", "minnie65_public"),
    ],
)
def test_the_datasets_have_the_names_of_the_peer(name, datastack):
    assert load_client(name).datastack_name == datastack
    assert load_client(name).server_address.startswith("https://global.")
