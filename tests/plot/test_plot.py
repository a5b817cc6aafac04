"""A picture shows the numbers that the query gives."""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest

from cortical_cache import Client, load_client
from cortical_cache.errors import InvalidQueryError, NotCachedError
from tests.kit import python

mpl.use("Agg")
import matplotlib.pyplot as plt

NUCLEI, TYPES = "nucleus_detection_v0", "aibs_metamodel_celltypes_v661"
STATUS = "proofreading_status_and_strategy"
OLD, NEW = 1300, 1484


@pytest.fixture(autouse=True)
def shut():
    """Close every figure."""
    yield
    plt.close("all")


@pytest.fixture
def client(start, minnie_world, monkeypatch) -> Client:
    """Return a client of a stand-in for minnie65_public, which has a pia."""
    cave = start(minnie_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return load_client("minnie_public", version=NEW)


@pytest.fixture
def typed(client) -> dict[int, str]:
    """Return the type of each cell that has one only."""
    frame = client.tables[TYPES]().query()
    single = frame.groupby("target_id")["cell_type"].agg(["nunique", "first"])
    single = single[single["nunique"] == 1]["first"]
    return {int(cell): str(kind) for cell, kind in single.items()}


@pytest.fixture
def roots(client, typed) -> dict[int, int]:
    """Return the roots of some cells: of those given, each is alone in its own."""
    cells = [*typed][:150]
    found = client.cell_id_to_root_id(cells)["root_id"]
    alone = found[(found > 0) & ~found.duplicated(keep=False)]
    assert 100 < len(alone) < len(cells), "some cells have no root of their own"
    return {int(cell): int(root) for cell, root in alone.items()}


def dots(axes) -> dict[str, np.ndarray]:
    return {one.get_label(): np.asarray(one.get_offsets()) for one in axes.collections}


def test_soma_depth_shows_every_soma_under_its_type(client, typed):
    axes = client.plot.soma_depth(cell_types=TYPES)

    frame = client.tables[NUCLEI]().query(
        desired_resolution=[1, 1, 1], split_positions=True
    )
    where = frame[[f"pt_position_{axis}" for axis in "xyz"]].to_numpy(float)
    depths = client.space.transform("nm").apply(where)[:, 1]
    expected: dict[str, list[float]] = {}
    for cell, depth in zip(frame["id"], depths, strict=True):
        expected.setdefault(typed.get(cell, "no single type"), []).append(depth)
    shown = dots(axes)
    assert set(shown) == set(expected)
    assert len(expected) > 4
    for place, label in enumerate(shown):
        np.testing.assert_allclose(
            np.sort(shown[label][:, 1]), np.sort(expected[label]), atol=1e-6
        )
        assert np.abs(shown[label][:, 0] - place).max() < 0.36
    ticks = [one.get_text() for one in axes.get_xticklabels()]
    assert ticks == [*sorted(set(ticks) - {"no single type"}), "no single type"]
    low, high = axes.get_ylim()
    assert low > high, "the pia is on top"


def test_soma_depth_without_types_is_one_column(client):
    (shown,) = dots(client.plot.soma_depth()).values()

    assert len(shown) == len(client.tables[NUCLEI]().query())


@pytest.mark.parametrize("how", ["among themselves", "onto others"])
def test_connectivity_is_the_matrix_ordered_by_type(client, typed, roots, how):
    given = [*typed][:150]
    post = None if how == "among themselves" else given[:40]

    axes = client.plot.connectivity(given, post, cell_types=TYPES)

    synapses = client.cached.materialize.query_table("synapses_pni_2")
    counts = synapses.groupby(["pre_pt_root_id", "post_pt_root_id"]).size()
    rows = sorted(roots, key=lambda one: (typed[one], one))
    columns = rows
    if post is not None:
        mapped = client.cell_id_to_root_id(post)["root_id"]
        own = mapped[(mapped > 0) & ~mapped.duplicated(keep=False)]
        columns = sorted(map(int, own.index), key=lambda one: (typed[one], one))
        roots |= {int(cell): int(root) for cell, root in own.items()}
    expected = np.array(
        [
            [
                0 if roots[a] == roots[b] else counts.get((roots[a], roots[b]), 0)
                for b in columns
            ]
            for a in rows
        ]
    )
    (image,) = axes.images
    shown = np.asarray(image.get_array())
    assert shown.dtype == np.int64
    assert shown.tolist() == expected.tolist()
    assert expected.sum() > 20
    kinds = [typed[one] for one in rows]
    ticks = [one.get_text() for one in axes.get_yticklabels()]
    assert ticks == [*dict.fromkeys(kinds)]
    for tick, place in zip(ticks, axes.get_yticks(), strict=True):
        assert kinds[int(place)] == tick
    lines = {one.get_ydata()[0] for one in axes.lines if one.get_xdata()[0] == 0}
    ends = {
        place - 0.5
        for place in range(1, len(kinds))
        if kinds[place] != kinds[place - 1]
    }
    assert ends <= lines


def test_degrees_are_those_of_the_query(client, typed, roots):
    axes = client.plot.degrees([*typed][:150], cell_types=TYPES)

    found = client.sql(name="degrees", params={"roots": [*roots.values()]})
    of = found.set_index("root_id")[["n_in", "n_out"]].astype(int)
    expected: dict[str, list[tuple[int, int]]] = {}
    for cell in sorted(roots):
        expected.setdefault(typed[cell], []).append(tuple(of.loc[roots[cell]]))
    shown = dots(axes)
    assert set(shown) == set(expected)
    for label, pairs in expected.items():
        assert shown[label].tolist() == [list(map(float, one)) for one in pairs]
    legend = [one.get_text() for one in axes.get_legend().get_texts()]
    assert legend == sorted(expected)
    assert {one.get_label() for one in axes.collections} == set(legend)


def test_versions_are_those_of_the_diff(client):
    versions = [OLD, 1412, NEW]

    axes = client.plot.versions(STATUS, versions=versions)

    pairs = [*pairwise(versions)]
    for bars in axes.containers:
        counts = [
            len(getattr(client.diff(STATUS, *pair), bars.get_label())) for pair in pairs
        ]
        assert [one.get_height() for one in bars] == counts
    assert [one.get_label() for one in axes.containers] == [
        "added",
        "removed",
        "changed",
    ]
    assert sum(one.get_height() for bars in axes.containers for one in bars) > 0
    ticks = [one.get_text() for one in axes.get_xticklabels()]
    assert ticks == ["v1300 to v1412", "v1412 to v1484"]


def test_versions_are_otherwise_those_held(client):
    for version in (NEW, OLD):
        client.version = version
        client.tables[STATUS]().query()

    axes = client.plot.versions(STATUS)

    assert [one.get_text() for one in axes.get_xticklabels()] == ["v1300 to v1484"]


def test_a_picture_goes_where_it_is_told(client):
    figure, (left, right) = plt.subplots(1, 2)

    assert client.plot.soma_depth(ax=right) is right
    assert not left.has_data()
    assert plt.get_fignums() == [figure.number]


def test_what_was_drawn_is_drawn_again_offline(client, typed):
    online = client.plot.degrees([*typed][:150], cell_types=TYPES)
    offline = load_client("minnie_public", version=NEW, offline=True)

    again = offline.plot.degrees([*typed][:150], cell_types=TYPES)

    assert {k: v.tolist() for k, v in dots(again).items()} == {
        k: v.tolist() for k, v in dots(online).items()
    }
    with pytest.raises(NotCachedError):
        offline.plot.versions(STATUS, versions=[OLD, NEW])


def test_what_cannot_be_drawn_is_said(client, server, monkeypatch):
    with pytest.raises(InvalidQueryError, match="two versions"):
        client.plot.versions(versions=[NEW])
    with pytest.raises(InvalidQueryError, match="none of the cells"):
        client.plot.degrees([1, 2])
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", server.url)
    with pytest.raises(InvalidQueryError, match="soma_depth"):
        load_client("demo", version=5).plot.soma_depth()


def test_matplotlib_is_loaded_by_drawing_and_missed_with_a_word():
    ran = python(
        "import sys\n"
        "from cortical_cache import load_client\n"
        "client = load_client('demo', offline=True); client.plot\n"
        "assert 'matplotlib' not in sys.modules\n"
        "sys.modules['matplotlib'] = None\n"
        "client.plot.soma_depth()\n"
    )

    assert "pip install 'cortical-cache[plots]'" in ran.err
