"""The examples of cortical_tools' documentation run, online and then offline.

A script of ours for each of its sections, in docs/examples, against a loopback CAVE
that plays minnie65_public; offline with the store that the first run filled, and
without a socket.
"""

import gzip
from pathlib import Path

import pytest

from tests.kit import PYTHON, run

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

SECTIONS = (
    "install_and_import",
    "queries",
    "cell_ids",
    "spatial_transforms",
    "meshes",
    "skeletons",
    "exports",
    "roots_over_time",
    "dataset_info",
    "states",
    "level2",
    "skeleton_availability",
    "mesh_labels",
)


@pytest.fixture
def place(start, minnie_world, monkeypatch, tmp_path):
    """Return an empty folder with exports beside a running CAVE, and the CAVE."""
    cave = start(minnie_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    folder = tmp_path / "exports" / "v1300"
    folder.mkdir(parents=True)
    name = "connections_with_nuclei"
    (folder / f"{name}_header.csv").write_text("id,bigint\nn_synapses,integer\n")
    with gzip.open(folder / f"{name}.csv.gz", "wt") as dump:
        dump.write("1,5\n2,7\n")
    monkeypatch.chdir(tmp_path)
    return cave


@pytest.mark.parametrize("section", SECTIONS)
def test_an_example_runs_online_and_then_offline(section, place):
    script = str(EXAMPLES / f"{section}.py")

    online = run([PYTHON, script])
    assert online.code == 0, online.err
    place.clear_log()
    offline = run([PYTHON, script], CORTICAL_CACHE_OFFLINE="1")

    assert offline.code == 0, offline.err
    assert not place.requests


def test_an_example_needs_its_first_run(place):
    script = str(EXAMPLES / "queries.py")

    ran = run([PYTHON, script], CORTICAL_CACHE_OFFLINE="1")

    assert ran.code == 1
    assert "NotCachedError" in ran.err


def test_each_section_has_its_example():
    there = {one.stem for one in EXAMPLES.glob("*.py")}

    assert there == {*SECTIONS}
