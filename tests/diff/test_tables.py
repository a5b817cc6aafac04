"""``client.diff`` over HTTP, against pandas frames of the real caveclient."""

import numpy as np
import pandas as pd
import pytest
from caveclient import CAVEclient

from cortical_cache import load_client
from cortical_cache.errors import (
    NotCachedError,
    UnknownNameError,
    UnsupportedQueryError,
    VersionExpiredError,
)
from cortical_cache.repositories.diff import placed

BOOKKEEPING = {"created", "deleted", "superceded_id", "valid"}
PAIRS = [(2, 4), (2, 3), (3, 5), (4, 3)]  # merged and split, all ways; and backwards
TABLES = ["cell_types", "nucleus_detection_v0", "synapses_demo", "nucleus_scores"]


def rows(server, table, version):
    """Return the server's rows by id, NULL as NA."""
    materialize = CAVEclient("demo", server_address=server.url).materialize
    frame = materialize.query_table(
        table,
        materialization_version=version,
        merge_reference=False,
        split_positions=True,
    ).set_index("id")
    for name in frame.columns:
        if name.endswith(("_root_id", "_supervoxel_id")):
            frame[name] = frame[name].astype("Int64").replace(1, pd.NA)
    return frame.sort_index()


def expected(old, new, ignored=BOOKKEEPING):
    """Compare two frames in plain Python: added, removed, and by column changed."""
    both = [name for name in old if name in set(new) and name not in ignored]
    changed: dict[str, set[int]] = {}
    common = old.index.intersection(new.index)
    for name in both:
        base = name[:-2] if name[-2:] in ("_x", "_y", "_z") else name
        pairs = zip(common, old.loc[common, name], new.loc[common, name], strict=True)
        for one, before, after in pairs:
            missing = pd.isna(before), pd.isna(after)
            if missing[0] != missing[1] or (not any(missing) and before != after):
                changed.setdefault(base, set()).add(one)
    return (
        sorted(set(new.index) - set(old.index)),
        sorted(set(old.index) - set(new.index)),
        {name: sorted(ids) for name, ids in changed.items()},
    )


@pytest.mark.parametrize(("old", "new"), PAIRS)
@pytest.mark.parametrize("table", TABLES)
def test_rows_are_those_that_pandas_finds(table, old, new, client, server):
    before, after = rows(server, table, old), rows(server, table, new)
    added, removed, changed = expected(before, after)

    found = client.diff(table, old, new)

    assert found.added.tolist() == added
    assert found.removed.tolist() == removed
    assert {name: ids.tolist() for name, ids in found.columns.items()} == changed
    assert found.changed.tolist() == sorted(
        {i for ids in changed.values() for i in ids}
    )
    assert found.unchanged == len(before) - len(removed) - len(found.changed)
    assert (found.changes.rows_old, found.changes.rows_new) == (len(before), len(after))


def test_the_frame_shows_both_values(client, server):
    before, after = (rows(server, "synapses_demo", one) for one in (2, 3))

    found = client.diff("synapses_demo", 2, 3)
    frame = found.to_frame()

    assert frame["change"].value_counts().to_dict() == {
        "changed": len(found.changed),
        "added": len(found.added),
        "removed": len(found.removed),
    }
    for name in ("pre_pt_root_id", "post_pt_root_id"):
        for suffix, theirs in (("old", before), ("new", after)):
            ours = frame[f"{name}_{suffix}"]
            assert ours.dtype == "Int64"
            pd.testing.assert_series_equal(
                ours, theirs[name].reindex(frame.index), check_names=False
            )
        named = frame.index[[name in text.split(",") for text in frame["columns"]]]
        assert named.tolist() == found.columns[name].tolist()
    assert list(frame) == [
        "change",
        "columns",
        *(
            f"{side}_pt_root_id_{suffix}"
            for side in ("pre", "post")
            for suffix in ("old", "new")
        ),
    ]


def test_bookkeeping_is_compared_when_asked(client, server):
    before, after = (rows(server, "cell_types", one) for one in (3, 5))
    _, _, changed = expected(before, after, ignored={"deleted"})

    plain = client.diff("cell_types", 3, 5)
    found = client.diff("cell_types", 3, 5, bookkeeping=True)

    compared = [{one.name for one in each.changes.columns} for each in (plain, found)]
    assert compared[1] - compared[0] == {"created", "superceded_id", "valid"}
    assert not plain.columns

    assert {name: ids.tolist() for name, ids in found.columns.items()} == changed
    assert client.diff("cell_types", 2, 3).only_new == ()
    both = client.diff("cell_types", 2, 3, bookkeeping=True)
    assert (both.only_old, both.only_new) == ((), ("created", "superceded_id"))
    assert "only in v3" in repr(both)


def test_some_columns_only(client):
    every = client.diff("synapses_demo", 2, 3)

    one = client.diff("synapses_demo", 2, 3, columns=["pre_pt_root_id"])

    assert one.changed.tolist() == every.columns["pre_pt_root_id"].tolist()
    with pytest.raises(UnknownNameError, match="pre_pt_root_id"):
        client.diff("synapses_demo", 2, 3, columns=["pre_root_id"])


def test_a_version_against_itself_and_both_ways_round(client):
    there, back = client.diff("cell_types", 2, 4), client.diff("cell_types", 4, 2)

    assert not client.diff("cell_types", 2, 2).to_frame().size
    assert there.added.tolist() == back.removed.tolist()
    assert there.removed.tolist() == back.added.tolist()


def test_held_tables_need_no_network(client, offline, server):
    with pytest.raises(NotCachedError):
        offline.diff("cell_types", 2, 4)
    client.tables.cell_types().query()
    online = client.diff("cell_types", 2, 4)
    server.clear_log()

    found = offline.diff("cell_types", 2, 4)

    assert found.added.tolist() == online.added.tolist()
    assert not server.requests
    with pytest.raises(NotCachedError) as raised:
        offline.diff("synapses_demo", 2, 4)
    assert raised.value.command == ("cortical-cache sync demo 2 --tables synapses_demo")


def test_rows_without_an_id_are_refused(client):
    with pytest.raises(UnsupportedQueryError, match="no id"):
        client.diff("synapse_counts", 2, 4)


def test_names_that_do_not_exist(client):
    with pytest.raises(UnknownNameError, match="there are cell_types"):
        client.diff("cell_typos", 2, 4)
    with pytest.raises(UnknownNameError, match="synapse_tags"):
        client.diff("synapse_tags", 2, 4)
    with pytest.raises(UnknownNameError, match="77"):
        client.diff("cell_types", 2, 77)
    with pytest.raises(VersionExpiredError):
        client.diff("cell_types", 1, 2)


def test_a_cell_of_two_roots_has_none_and_one_entered_twice_has_its_own():
    cells, roots = np.array([5, 3, 3, 4, 5, 2]), np.array([7, 8, 9, 0, 7, -1])

    found = placed(cells, roots)

    assert found.cells.tolist() == [2, 3, 4, 5]
    assert found.roots.tolist() == [-1, -1, 0, 7]


def lookup(version):
    frame = load_client("demo", version=version).views.nucleus_detection_lookup()
    return frame.query(split_positions=True)["id"].unique().tolist()


def roots(client, cells, version):
    frame = client.cell_id_to_root_id(cells, materialization_version=version)
    return frame["root_id"].to_dict()


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_cells_are_those_of_a_loop_over_all_pairs(old, new, client):
    before = roots(client, lookup(old), old)
    after = roots(client, lookup(new), new)
    both = sorted(set(before) & set(after))
    placed = [one for one in both if before[one] > 0 and after[one] > 0]
    kinds = {"merged": set(), "split": set()}
    for one in placed:
        for other in placed:
            was = one != other and before[one] == before[other]
            now = one != other and after[one] == after[other]
            if was != now:
                kinds["split" if was else "merged"].add(one)

    found = client.diff(None, old, new).cells

    assert found.kept.tolist() == [i for i in both if before[i] == after[i]]
    assert found.changed.tolist() == [i for i in both if before[i] != after[i]]
    assert found.appeared.tolist() == sorted(set(after) - set(before))
    assert found.disappeared.tolist() == sorted(set(before) - set(after))
    assert set(found.merged.tolist()) == kinds["merged"] != set()
    assert set(found.split.tolist()) == kinds["split"] != set()
    frame = found.to_frame()
    assert frame["root_id_old"].to_dict() == {i: before.get(i, -1) for i in frame.index}
    assert frame["root_id_new"].to_dict() == {i: after.get(i, -1) for i in frame.index}
    assert frame["change"].value_counts().to_dict() == {
        name: count
        for name, count in found.counts().items()
        if name not in kinds and count
    }
    assert frame.index[frame["merged"]].tolist() == found.merged.tolist()


@pytest.mark.parametrize(
    "table", ["nucleus_detection_v0", "nucleus_alternative_points"]
)
def test_the_tables_of_the_cells_tell_of_the_cells(table, client):
    plain = client.diff(None, 2, 4)

    found = client.diff(table, 2, 4)

    assert found.cells.counts() == plain.cells.counts()
    assert client.diff("cell_types", 2, 4).cells is None


def test_without_a_lookup_view_the_tables_say_where_cells_are(server, home):
    config = home / "config.toml"
    config.write_text(
        '[datasets.bare]\ndatastack = "demo"\nserver_address = "http://127.0.0.1:1"\n'
        'alternative_tables = ["nucleus_alternative_points"]\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORTICAL_CACHE_CONFIG", str(config))
        client = load_client("bare")
    everyone = client.cached.materialize.query_table
    ids = {
        version: everyone("nucleus_detection_v0", materialization_version=version)["id"]
        for version in (3, 5)
    }
    before, after = (roots(client, ids[one].tolist(), one) for one in (3, 5))

    found = client.diff(None, 3, 5).cells.to_frame()

    both = sorted(set(before) & set(after))
    assert len(both) > 500
    for cell in both:
        assert found.loc[cell, "root_id_old"] == before[cell]
        assert found.loc[cell, "root_id_new"] == after[cell]
    assert np.count_nonzero(found["change"] == "changed") > 20


def test_it_prints_counts(client):
    found = client.diff(None, 2, 4)

    lines = dict(line.split(None, 1) for line in repr(found).splitlines()[1:5])
    assert repr(found).splitlines()[0] == "demo nucleus_detection_v0: v2 -> v4"
    assert lines["added"] == str(len(found.added))
    assert lines["changed"] == str(len(found.changed))
    assert f"<td>cells merged</td><td>{len(found.cells.merged)}</td>" in (
        found._repr_html_()
    )
    assert repr(found.cells).startswith(f"cells: {len(found.cells.kept)} kept, ")


def test_the_command_prints_counts_or_json(client, command):
    found = client.diff("cell_types", 2, 4)

    plain, as_json = (
        command("diff", "demo", "2", "4", "cell_types"),
        command("diff", "demo", "2", "4", "cell_types", "--json"),
    )
    cells = command("diff", "demo", "2", "4", "--json").json()

    told = dict(line.split("\t") for line in plain.out.splitlines())
    assert plain.code == 0
    assert (told["added"], told["removed"]) == (
        str(len(found.added)),
        str(len(found.removed)),
    )
    assert plain.err == "demo cell_types: v2 -> v4\n"
    assert as_json.json()["added"] == found.added.tolist()
    assert cells["cells"]["merged"] == client.diff(None, 2, 4).cells.merged.tolist()
    some = command(
        "diff", "demo", "2", "3", "synapses_demo", "--columns", "pre_pt_root_id"
    )
    assert "post_pt_root_id" not in some.out
    assert command("diff", "demo", "2", "x").code == 2


def test_the_command_offline_names_what_to_run(server, command, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = command("diff", "demo", "2", "4")

    assert ran.code == 1
    assert "run `cortical-cache sync demo" in ran.err
