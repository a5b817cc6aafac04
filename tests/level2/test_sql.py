"""SQL sees level-2 ids, their attributes, roots and the nodes of skeletons."""

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.cache.keyed import Keyed
from cortical_cache.errors import CorruptStoreError, UnknownNameError
from tests.level2.kit import plain


def test_level2_ids_are_those_of_the_roots_asked_for(client, server, graph, roots):
    client.get_l2_ids(roots[:3])
    client.cached.chunkedgraph.get_leaves(roots[0])  # supervoxels are none
    offline = load_client("demo", offline=True)

    found = offline.sql("SELECT * FROM graph.l2_ids ORDER BY ALL")

    assert [*found.columns] == ["root_id", "l2_id"]
    assert found.dtypes.astype(str).tolist() == ["Int64", "Int64"]
    expected = sorted((r, int(one)) for r in roots[:3] for one in graph.leaves(r, 2))
    assert [*found.itertuples(index=False, name=None)] == expected


def test_level2_data_has_the_values_of_the_frame(client, roots):
    ids = client.get_l2_ids(roots[0])
    frame = client.get_l2data(ids)
    client.get_l2data(ids[:3], ["size_nm3"])

    found = client.sql(
        "SELECT l2_id, size_nm3, rep_coord_nm_x FROM graph.l2_data "
        "WHERE size_nm3 IS NOT NULL AND rep_coord_nm_x IS NOT NULL ORDER BY l2_id"
    ).set_index("l2_id")

    there = frame.dropna(subset=["size_nm3", "rep_coord_nm_x"]).sort_index()
    assert len(there) > 3
    assert found.index.tolist() == there.index.tolist()
    assert found["size_nm3"].tolist() == there["size_nm3"].tolist()
    assert found["rep_coord_nm_x"].tolist() == there["rep_coord_nm_x"].tolist()
    named = client.sql('SELECT count(*) FROM graph."l2_data.demo_pcg_l2"').iloc[0, 0]
    assert named == client.sql("SELECT count(*) FROM graph.l2_data").iloc[0, 0]


def test_of_several_l2_caches_the_datasets_own_is_meant(client, roots):
    client.tables.cell_types().query()  # the raw engine needs a version
    client.get_l2data(client.get_l2_ids(roots[0]))
    store = client.repositories.store
    before = client.sql("SELECT count(*) AS n FROM graph.l2_data")["n"][0]
    for name in ("aaa_l2", "zzz_l2"):
        rows = store.rows("graph", f"l2_data.{name}", 0)
        Keyed(rows, "l2_id", (), "http://x").add([np.array([7])])

    offline = load_client("demo", offline=True)
    assert offline.sql("SELECT count(*) AS n FROM graph.l2_data")["n"][0] == before
    with offline.duckdb() as raw:
        assert raw.sql("SELECT count(*) FROM graph.l2_data").fetchone() == (before,)


def test_roots_are_those_whose_lives_were_asked_for(client, roots):
    stamps = client.cached.chunkedgraph.get_root_timestamps(roots)

    found = client.sql(
        "SELECT root_id, make_timestamp(min(created_at)) AS created FROM graph.roots "
        "GROUP BY ALL"
    ).set_index("root_id")["created"]

    for root, stamp in zip(roots, stamps, strict=True):
        assert found[root].tz_localize("UTC") == stamp


def test_nodes_of_skeletons_are_added_when_they_are_named(client, server, roots):
    with pytest.raises(UnknownNameError, match="skeleton_nodes"):
        client.sql("SELECT * FROM graph.skeleton_nodes")
    theirs = plain(server).skeleton
    offline = load_client("demo", offline=True)
    for asked in (roots[:2], roots[:5], roots[:5]):
        client.get_skeletons(asked)

        found = offline.sql("SELECT * FROM graph.skeleton_nodes ORDER BY root_id, node")

        assert set(found["root_id"]) == set(asked)
        assert set(found["skeleton_version"]) == {4}
        for root in asked:
            mine = found[found["root_id"] == root]
            expected = theirs.get_skeleton(root)
            parents = dict(expected["edges"].tolist())
            assert mine["node"].tolist() == list(range(len(expected["vertices"])))
            assert mine[["x", "y", "z"]].to_numpy(float).tolist() == (
                expected["vertices"].tolist()
            )
            assert mine["radius"].tolist() == expected["radius"].tolist()
            assert mine["compartment"].tolist() == expected["compartment"].tolist()
            has_parent = mine.dropna(subset=["parent"])
            nodes = has_parent["node"].tolist()
            assert (
                dict(zip(nodes, has_parent["parent"].tolist(), strict=True)) == parents
            )
            assert len(nodes) == len(mine) - 1


def test_to_explain_adds_no_nodes(client, roots, store_dir):
    nodes = "SELECT count(*) AS n FROM graph.skeleton_nodes"
    with pytest.raises(UnknownNameError, match="skeleton_nodes"):
        client.explain(nodes)
    client.get_skeletons(roots[:1])
    before = {*store_dir.rglob("*")}

    verdict = client.explain(nodes)

    assert (verdict.route, verdict.files) == ("local", ())
    assert {*store_dir.rglob("*")} == before
    assert client.sql(nodes)["n"][0] == client.explain(nodes).rows


def test_a_damaged_skeleton_is_named_and_no_half_of_it_is_there(
    client, roots, store_dir
):
    client.get_skeletons(roots[:3])
    path = next(store_dir.rglob(f"{roots[1]}.json.gz"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])

    with pytest.raises(CorruptStoreError, match=str(roots[1])):
        client.sql("SELECT count(*) FROM graph.skeleton_nodes")
    path.write_bytes(whole)

    count = "SELECT count(DISTINCT root_id) AS n FROM graph.skeleton_nodes"
    assert client.sql(count)["n"][0] == 3


def test_the_raw_engine_has_the_names_too(client, roots):
    client.tables.cell_types().query()
    client.get_l2data(client.get_l2_ids(roots[0]))
    client.get_skeletons(roots[:1])
    client.cached.chunkedgraph.get_root_timestamps(roots[:1])
    client.sql("SELECT count(*) FROM graph.skeleton_nodes")

    with client.duckdb() as raw:
        rows = raw.sql(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'graph'"
        )
        names = {name for (name,) in rows.fetchall()}
        assert {"l2_ids", "l2_data", "roots", "skeleton_nodes", "leaves"} <= names
        raw.sql("SELECT * FROM graph.l2_ids").fetchall()
