"""Every service of the loopback CAVE, asked by the real client over HTTP."""

import gzip
import io
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest
import requests
from caveclient import CAVEclient
from caveclient.auth import AuthClient
from caveclient.base import AuthException

from cortical_cache.demo import (
    LoopbackCave,
    ServerSettings,
    World,
    WorldSettings,
    build_world,
)
from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.schemas import all_schemas
from cortical_cache.demo.server.crc32c import crc32c
from cortical_cache.testing import forget_client_caches, loopback_cave

Serve = Callable[..., CAVEclient]

pytestmark = pytest.mark.filterwarnings(
    "ignore:Deprecat", "ignore::UserWarning", "ignore::FutureWarning"
)


@pytest.fixture
def graph(cave_world: World) -> ChunkedGraph:
    return cave_world.segmentations["demo_pcg"].graph


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


# --- info, auth, schema ---------------------------------------------------------


def test_info_record_points_back_at_the_server(client: CAVEclient, cave: LoopbackCave):
    record = client.info.get_datastack_info()

    assert record["local_server"] == cave.url
    assert record["synapse_table"] == "synapses_demo"
    assert record["segmentation_source"].endswith("/segmentation/table/demo_pcg")
    assert "datastack" not in record
    assert client.info.get_datastacks() == ["demo", "demo_public"]
    assert client.info.get_aligned_volumes() == ["demo_volume"]
    assert client.info.get_aligned_volume_info("demo")["name"] == "demo_volume"
    assert client.info.get_aligned_volume_info_by_id(1)["name"] == "demo_volume"
    assert client.info.get_datastacks_by_aligned_volume("demo_volume") == [
        "demo",
        "demo_public",
    ]


@pytest.mark.usefixtures("cave_home")
def test_unknown_datastack_is_404(cave: LoopbackCave):
    with pytest.raises(requests.HTTPError, match="404"):
        CAVEclient("nope", server_address=cave.url)


def test_schema_service_defines_what_tables_hold(client: CAVEclient):
    definitions = client.schema.schema_definition_all()

    assert set(client.schema.get_schemas()) == set(definitions) == set(all_schemas())
    synapse = client.schema.schema_definition("synapse")
    fields = synapse["definitions"][synapse["$ref"].split("/")[-1]]["properties"]
    assert fields["pre_pt"]["$ref"] == "#/definitions/BoundSpatialPoint"
    assert fields["ctr_pt"]["$ref"] == "#/definitions/SpatialPoint"
    with pytest.raises(requests.HTTPError, match="404"):
        client.schema.schema_definition("nope")
    some = client.schema.schema_definition_multi(["synapse", "bound_tag"])
    assert set(some) == {"synapse", "bound_tag"}


def test_tokens_and_users(client: CAVEclient, cave: LoopbackCave):
    assert [t["token"] for t in client.auth.get_tokens()] == [cave.token]
    assert client.auth.get_user_information([1])[0]["id"] == 1


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"Authorization": "Bearer " + "f" * 32}, 401, "invalid_token"),
        ({"Authorization": "Basic abc"}, 400, "bad_auth_header"),
        ({"X-Requested-With": "x"}, 401, "no_token"),
    ],
)
def test_bad_tokens_are_refused_as_by_the_real_services(
    cave: LoopbackCave, headers: dict, status: int, error: str
):
    url = f"{cave.url}/materialize/api/v3/datastack/demo/versions"

    reply = requests.get(url, headers=headers, timeout=10)

    assert (reply.status_code, reply.json()["error"]) == (status, error)


def test_missing_token_is_redirected_to_a_login(cave: LoopbackCave, cave_home: Path):
    for path in (cave_home / ".cloudvolume" / "secrets").glob("*"):
        path.unlink()
    url = f"{cave.url}/materialize/api/v3/datastack/demo/versions"

    reply = requests.get(url, timeout=10)

    assert reply.history[0].status_code == 302
    anonymous = CAVEclient(server_address=cave.url, auth_token=None)
    with pytest.raises(AuthException):
        anonymous.auth.get_user_information([1])


def test_forbidden_datastack_is_403(serve: Serve):
    client = serve(ServerSettings(forbidden=("demo",)))

    with pytest.raises(requests.HTTPError, match=r"403.*missing_permission"):
        client.materialize.get_versions()
    with pytest.raises(requests.HTTPError, match="403"):
        client.chunkedgraph.get_oldest_timestamp()


def test_token_need_not_be_required(cave_world: World):
    with LoopbackCave(cave_world, ServerSettings(require_token=False)) as cave:
        url = f"{cave.url}/materialize/api/v3/datastack/demo/versions"
        assert requests.get(url, timeout=10).status_code == 200


# --- materialization: metadata ---------------------------------------------------


def test_versions_and_their_states(client: CAVEclient):
    assert sorted(client.materialize.get_versions()) == [2, 3, 4, 5]
    assert sorted(client.materialize.get_versions(expired=True)) == [1, 2, 3, 4, 5, 6]
    states = {
        m["version"]: (m["status"], m["valid"], m["is_merged"])
        for m in client.materialize.get_versions_metadata(expired=True)
    }
    assert states[1] == ("EXPIRED", False, True)
    assert states[2] == ("AVAILABLE", True, True)
    assert states[5] == ("AVAILABLE", True, False)
    assert states[6] == ("RUNNING", False, False)


def test_expired_version_still_answers_metadata_but_no_query(client: CAVEclient):
    assert client.materialize.get_version_metadata(1)["status"] == "EXPIRED"
    assert "nucleus_detection_v0" in client.materialize.get_tables(version=1)
    with pytest.raises(requests.HTTPError, match=r"500.*does not exist"):
        client.materialize.query_table(
            "nucleus_detection_v0", materialization_version=1
        )
    with pytest.raises(requests.HTTPError, match=r'500.*demo__mat1" does not exist'):
        client.materialize.get_annotation_count("nucleus_detection_v0", version=1)


def test_versions_come_in_no_order(client: CAVEclient):
    orders = {tuple(client.materialize.get_versions()) for _ in range(20)}

    assert len(orders) > 1


def test_count_differs_from_a_split_query_as_on_the_real_server(client: CAVEclient):
    table = "nucleus_detection_v0"
    for version, same in ((4, True), (5, False)):
        rows = client.materialize.query_table(table, materialization_version=version)
        count = client.materialize.get_annotation_count(table, version=version)
        assert (len(rows) == count) is same


def test_unique_strings_contain_null(client: CAVEclient):
    values = client.materialize.get_unique_string_values("cell_types")

    assert "23P" in values["cell_type"]
    assert None in values["cell_type"]


def test_private_table_is_refused(client: CAVEclient):
    with pytest.raises(requests.HTTPError, match=r"500.*401 Unauthorized"):
        client.materialize.query_table("private_notes", metadata=False)


def test_notice_arrives_in_one_line_and_settings_win(
    serve: Serve, caplog: pytest.LogCaptureFixture
):
    client = serve(ServerSettings(notices={"synapses_demo": "Be\nkind."}))

    client.materialize.query_table("synapses_demo", limit=1)
    client.materialize.query_table("nucleus_scores", limit=1)

    assert "Table Owner Notice on synapses_demo: Be kind." in caplog.text
    assert "Scores are made up, use them" in caplog.text


# --- materialization: queries ----------------------------------------------------


def test_rows_are_shuffled_from_request_to_request(client: CAVEclient):
    one, other = (client.materialize.query_table("cells_v1dd_nm") for _ in range(2))

    assert one["id"].tolist() != other["id"].tolist()
    assert sorted(one["id"]) == sorted(other["id"])


def test_join_blocks_come_in_any_order_or_as_set(client: CAVEclient, serve: Serve):
    orders = {
        tuple(client.materialize.query_table("cell_types", limit=2).columns)
        for _ in range(20)
    }
    assert len(orders) == 2

    for order, first in (("given", "id"), ("reversed", "id_ref")):
        fixed = serve(ServerSettings(join_block_order=order))
        for _ in range(4):
            frame = fixed.materialize.query_table("cell_types", limit=2)
            assert frame.columns[0] == first


@pytest.mark.parametrize(("spare", "warned"), [(0, True), (1, False), (-20, True)])
def test_truncation_is_warned_of_even_when_it_fits(
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    cave_world: World,
    spare: int,
    warned: bool,
):
    frozen = cave_world.frozen["demo", 5]["cells_v1dd_nm"]
    valid = int(frozen.annotation["valid"].data.sum())
    client = serve(ServerSettings(row_cap=valid + spare))

    rows = len(client.materialize.query_table("cells_v1dd_nm"))

    assert rows == min(valid + spare, valid)
    assert (f'201 - "Limited query to {valid + spare} rows' in caplog.text) is warned


def test_null_roots_are_shown_as_1_and_filtered_as_null(client: CAVEclient):
    query = client.materialize.query_table
    everything = query("cells_v1dd_nm")

    assert (everything["pt_root_id"] == 1).any()
    assert not len(query("cells_v1dd_nm", filter_in_dict={"pt_root_id": [1]}))
    null = query("cells_v1dd_nm", filter_equal_dict={"pt_root_id": None})
    assert len(null) == (everything["pt_root_id"] == 1).sum()
    merged = query("synapses_demo", materialization_version=4)
    assert merged["pre_pt_root_id"].isna().any()


def test_exclusion_and_percent_signs_do_nothing(client: CAVEclient):
    query = client.materialize.query_table
    everything = query("cells_v1dd_nm")
    strings = everything["cell_type"]
    assert (strings == "100 % sure").any()

    out = query("cells_v1dd_nm", filter_out_dict={"id": everything["id"].tolist()})
    assert len(out) == len(everything)
    for value, rows in (("plain", True), ("", True), ("100 % sure", False)):
        found = query("cells_v1dd_nm", filter_equal_dict={"cell_type": value})
        assert bool(len(found)) is rows


def test_fine_voxels_are_scaled_in_exact_decimal(client: CAVEclient, cave_world: World):
    frozen = cave_world.frozen["demo", 5]["cells_v1dd_nm"].annotation
    stored = dict(
        zip(frozen["id"].ints().tolist(), frozen["pt_position"].xyz(), strict=True)
    )

    frame = client.materialize.query_table(
        "cells_v1dd_nm", desired_resolution=[1, 1, 1], split_positions=True
    )

    turned = client.materialize.query_table(
        "cells_v1dd_nm", desired_resolution=[-1, 1, 1], split_positions=True
    )

    for row in frame.itertuples():
        x, y, z = (round(float(v)) for v in stored[row.id])
        expected = (x * 97 // 10, y * 97 // 10, z * 45)
        assert (row.pt_position_x, row.pt_position_y, row.pt_position_z) == expected
    mirrored = turned.set_index("id")["pt_position_x"].sort_index()
    there = frame.set_index("id")["pt_position_x"].sort_index()
    assert (mirrored == -there).all(), "cut off towards zero on either side"


def test_odd_floats_arrive_as_float32(client: CAVEclient):
    frame = client.materialize.query_table("nucleus_scores", merge_reference=False)

    assert str(frame["value"].dtype) == "Float32"
    shown = set(frame["value"].dropna())
    assert {np.inf, -np.inf} <= shown
    assert frame["value"].isna().any()
    assert {"", "100 % sure"} <= set(frame["tag"].dropna())


def test_select_and_error_quirks(client: CAVEclient):
    query = client.materialize.query_table
    table = "nucleus_detection_v0"

    assert list(query(table, select_columns=["pt_root_id"], limit=2)) == [
        "pt_supervoxel_id",
        "pt_root_id",
    ]
    for kwargs, message in (
        ({"select_columns": ["id"]}, "'BigInteger' object has no attribute 'id'"),
        ({"filter_in_dict": {"nope": [1]}}, "'nope'"),
        ({"filter_in_dict": {"id": ["x"]}}, "invalid input syntax"),
        ({"filter_equal_dict": {"volume": True}}, "operator does not exist"),
        ({"desired_resolution": [1, 2]}, "Length must be 3"),
    ):
        with pytest.raises(requests.HTTPError, match="500") as caught:
            query(table, **kwargs)
        assert message in str(caught.value)


def test_random_sample_is_a_part(client: CAVEclient):
    some = client.materialize.query_table("synapses_demo", random_sample=1000)

    assert 700 < len(some) < 1300


def test_json_mode_sends_plain_records(client: CAVEclient):
    records = client.materialize.query_table(
        "nucleus_detection_v0", return_df=False, limit=2, metadata=False
    )

    records = json.loads(records) if isinstance(records, str) else records
    assert len(records) == 2
    assert isinstance(records[0]["created"], int)


def test_views_have_no_id_if_they_are_statistics(client: CAVEclient):
    counts = client.materialize.query_view("synapse_counts")
    synapses = client.materialize.query_table("synapses_demo")

    assert list(counts.columns) == [
        "pre_pt_root_id",
        "n_synapses",
        "total_size",
        "mean_size",
    ]
    assert str(counts["mean_size"].dtype) == "Float64"
    found = synapses["pre_pt_root_id"].value_counts()
    for row in counts.itertuples():
        assert found[row.pre_pt_root_id] == row.n_synapses
    lookup = client.materialize.query_view("nucleus_detection_lookup")
    assert {"id", "pt_supervoxel_id", "pt_root_id", "pt_position"} == set(lookup)


def test_public_datastack_shows_its_parents_rows(serve: Serve):
    public = serve(datastack="demo_public")
    private = serve()

    assert "private_notes" not in public.materialize.get_tables()
    with pytest.raises(requests.HTTPError, match=r"404.*No table named"):
        public.materialize.query_table("cells_v1dd_nm")
    one = public.materialize.query_table("synapses_demo").sort_values("id")
    other = private.materialize.query_table("synapses_demo").sort_values("id")
    assert one["post_pt_root_id"].tolist() == other["post_pt_root_id"].tolist()
    assert public.materialize.get_views(5)["synapse_counts"]["datastack_name"] == "demo"


# --- live queries ----------------------------------------------------------------


def test_live_query_of_a_root_has_todays_rows(
    client: CAVEclient, graph: ChunkedGraph, end_of_world: datetime
):
    table = client.materialize.live_live_query("synapses_demo", end_of_world)
    root = int(table["post_pt_root_id"][table["post_pt_root_id"] > 1].mode()[0])

    some = client.materialize.live_live_query(
        "synapses_demo",
        end_of_world,
        filter_equal_dict={"synapses_demo": {"post_pt_root_id": root}},
    )

    atoms = table["post_pt_supervoxel_id"].to_numpy(np.int64)
    ms = int(end_of_world.timestamp() * 1000)
    roots = graph.parents(atoms, ms)
    assert np.array_equal(roots, table["post_pt_root_id"].to_numpy(np.int64))
    assert 0 < len(some) <= (roots == root).sum()
    assert set(some["id"]) <= set(table["id"][roots == root])


def test_live_query_sees_new_rows_and_not_deleted_ones(
    client: CAVEclient, cave_world: World, end_of_world: datetime
):
    live = cave_world.aligned_volumes["demo_volume"].tables["synapses_demo"].annotation
    alive = set(live["id"].ints()[live["valid"].data.astype(bool)].tolist())
    frozen = set(client.materialize.query_table("synapses_demo")["id"])

    today = set(client.materialize.live_live_query("synapses_demo", end_of_world)["id"])

    assert today - frozen
    assert frozen - today
    assert today == alive


def test_live_query_refuses_stale_roots_and_missing_lookups(
    client: CAVEclient, graph: ChunkedGraph, end_of_world: datetime
):
    stale = graph.edits[0].before[0]
    wanted = {"synapses_demo": {"post_pt_root_id": stale}}

    with pytest.raises(requests.HTTPError, match=r"500.*not valid at the query"):
        client.materialize.live_live_query(
            "synapses_demo", end_of_world, filter_equal_dict=wanted
        )
    with pytest.raises(requests.HTTPError, match=r"500.*406 Not Acceptable"):
        client.materialize.live_live_query("cells_v1dd_nm", end_of_world)


def test_client_side_live_query_follows_the_graph(
    client: CAVEclient, graph: ChunkedGraph
):
    edit = next(e for e in reversed(graph.edits) if e.kind == "merge")
    moment = _time(edit.time) + timedelta(hours=1)

    frame = client.materialize.query_table(
        "synapses_demo",
        timestamp=moment,
        filter_in_dict={"post_pt_root_id": list(edit.after)},
    )

    assert set(frame["post_pt_root_id"]) <= set(edit.after)


# --- chunked graph ---------------------------------------------------------------


def test_roots_leaves_and_level2(client: CAVEclient, graph: ChunkedGraph):
    cg = client.chunkedgraph
    edit = graph.edits[-1]
    after = _time(edit.time)
    root = edit.after[0]
    leaves = cg.get_leaves(root)

    assert set(leaves.tolist()) == set(graph.leaves(root).tolist())
    assert set(cg.get_roots(leaves, timestamp=after).tolist()) == {root}
    earlier = cg.get_roots(leaves, timestamp=after - timedelta(milliseconds=1))
    assert set(earlier.tolist()) <= set(edit.before)
    assert cg.get_root_id(int(leaves[0]), timestamp=after) == root
    level2 = cg.get_leaves(root, stop_layer=2)
    assert set(cg.get_roots(leaves, timestamp=after, stop_layer=2)) == set(level2)
    assert set(cg.get_children(int(level2[0]))) <= set(leaves.tolist())
    assert cg.get_roots([0, 5]).tolist() == [0, 0]
    many = cg.get_leaves_many([root])
    assert set(many[root].tolist()) == set(leaves.tolist())


def test_bounds_cut_leaves_and_level2_graph(client: CAVEclient, graph: ChunkedGraph):
    root = graph.edits[-1].after[0]
    edges = client.chunkedgraph.level2_chunk_graph(root)
    everywhere = np.array([[0, 10**6]] * 3)
    nowhere = np.array([[0, 1]] * 3)

    bounded = client.chunkedgraph.level2_chunk_graph(root, bounds=everywhere)
    assert sorted(bounded) == sorted(edges)
    assert len(client.chunkedgraph.get_leaves(root, bounds=nowhere)) == 0


def test_times_lineage_and_validity(client: CAVEclient, graph: ChunkedGraph):
    cg = client.chunkedgraph
    edit = next(e for e in graph.edits if e.kind == "split")
    old, new = edit.before[0], edit.after[0]
    born, died = (
        cg.get_root_timestamps([new]),
        cg.get_root_timestamps([old], latest=True),
    )

    assert born[0] == _time(edit.time)
    assert died[0] == _time(edit.time) - timedelta(milliseconds=1)
    assert (
        cg.is_latest_roots([old, 5], timestamp=_time(edit.time)).tolist() == [False] * 2
    )
    assert cg.is_latest_roots([2**64 - 1]).tolist() == [False], "ids have no sign"
    just_before = _time(edit.time) - timedelta(milliseconds=1)
    assert cg.is_latest_roots([old, new], timestamp=just_before).tolist() == [
        True,
        False,
    ]
    lineage = cg.get_lineage_graph(
        new, timestamp_past=just_before, timestamp_future=_time(edit.time)
    )
    assert {"source": old, "target": new} in lineage["links"]
    assert set(cg.get_latest_roots(old)) <= set(
        graph.parents(graph.leaves(old), 10**15).tolist()
    )
    past = cg.get_past_ids([new], timestamp_past=just_before)
    assert past["past_id_map"] == {new: [old]}
    assert past["future_id_map"] == {}
    assert cg.is_valid_nodes([old, new, 5]).tolist() == [True, True, False]
    assert cg.get_oldest_timestamp() == _time(graph.oldest)
    gone, made = cg.get_delta_roots(just_before, _time(edit.time))
    assert set(gone) == set(edit.before)
    assert set(made) == set(edit.after)


def test_some_unknown_root_is_an_error_and_only_unknown_ones_are_nothing(
    client: CAVEclient, graph: ChunkedGraph
):
    root = graph.edits[-1].after[0]

    with pytest.raises(requests.HTTPError, match="500"):
        client.chunkedgraph.get_root_timestamps([root, 5])
    assert len(client.chunkedgraph.get_root_timestamps([5])) == 0


def test_logs_of_edits(client: CAVEclient, graph: ChunkedGraph):
    edit = graph.edits[-1]
    root = edit.after[0]

    log = client.chunkedgraph.get_change_log(root)
    table = client.chunkedgraph.get_tabular_change_log([root])[root]
    details = client.chunkedgraph.get_operation_details([edit.operation_id])

    assert edit.operation_id in log["operations_ids"]
    assert log["n_merges"] + log["n_splits"] == len(table)
    assert table["operation_id"].tolist() == log["operations_ids"]
    assert details[str(edit.operation_id)]["roots"] == list(edit.after)


def test_covering_nodes_of_a_whole_cell_are_its_root(
    client: CAVEclient, graph: ChunkedGraph
):
    atoms = graph.supervoxels[:1]
    root = int(graph.parents(atoms, 10**15)[0])

    covering = client.chunkedgraph.get_minimal_covering_nodes(graph.leaves(root))

    assert covering.tolist() == [root]


def test_public_segmentation_knows_nothing_after_its_cap(
    serve: Serve, graph: ChunkedGraph, cave_world: World
):
    cap = cave_world.segmentations["demo_public"].cap
    late = next(e for e in graph.edits if e.time > cap)
    public = serve(datastack="demo_public").chunkedgraph
    atoms = graph.leaves(late.after[0])

    assert set(public.get_roots(atoms).tolist()) <= set(
        graph.parents(atoms, cap).tolist()
    )
    with pytest.raises(requests.HTTPError, match=r"401.*not valid at timestamp"):
        public.get_leaves(late.after[0])


def test_suggested_root_is_current(client: CAVEclient, graph: ChunkedGraph):
    root = next(e for e in graph.edits if e.kind == "merge").before[0]

    suggested = client.chunkedgraph.suggest_latest_roots(root)

    assert isinstance(suggested, int)
    assert client.chunkedgraph.segmentation_info["graph"]["n_layers"] == 12


# --- bucket ----------------------------------------------------------------------


def test_exports_hold_the_physical_rows(cave: LoopbackCave, cave_world: World):
    base = f"{cave.url}/bucket/{cave_world.bucket}/demo/v5/synapses_demo"
    header = requests.get(f"{base}_header.csv", timeout=10).text
    names = [line.split(",")[0] for line in header.splitlines()]

    data = requests.get(f"{base}.csv.gz", timeout=30).content
    frame = pd.read_csv(
        io.BytesIO(gzip.decompress(data)), header=None, names=names, dtype=str
    )

    table = cave_world.frozen["demo", 5]["synapses_demo"]
    assert len(frame) == len(table.annotation)
    assert set(frame["valid"]) == {"t", "f"}
    point = bytes.fromhex(frame["pre_pt_position"][0])
    assert point[:5].hex() == "0101000080"
    xyz = np.frombuffer(point[5:], "<f8")
    assert xyz.tolist() == table.annotation["pre_pt_position"].xyz()[0].tolist()
    other = requests.get(f"{base}__demo_pcg_header.csv", timeout=10).text
    assert other.splitlines()[0] == "id,bigint"
    assert "USER-DEFINED" in header


def test_bucket_lists_by_prefix_and_page_and_serves_ranges(
    cave: LoopbackCave, cave_world: World
):
    root = f"{cave.url}/storage/v1/b/{cave_world.bucket}/o"
    folded = requests.get(
        root, params={"delimiter": "/", "prefix": "demo/"}, timeout=60
    )
    assert folded.json()["prefixes"] == [f"demo/v{n}/" for n in (2, 3, 4, 5)]

    names: list[str] = []
    token = None
    while True:
        params = {"prefix": "demo/v2/cell", "maxResults": 3, "pageToken": token}
        page = requests.get(root, params=params, timeout=60).json()
        names += [item["name"] for item in page["items"]]
        token = page.get("nextPageToken")
        if token is None:
            break
    assert len(names) == 4
    assert names == sorted(names)

    name = "demo/v2/cell_types.csv.gz"
    quoted = name.replace("/", "%2F")
    whole = requests.get(f"{root}/{quoted}", params={"alt": "media"}, timeout=30)
    part = requests.get(
        f"{cave.url}/bucket/{cave_world.bucket}/{name}",
        headers={"Range": "bytes=10-19"},
        timeout=30,
    )
    assert part.status_code == 206
    assert part.content == whole.content[10:20]
    tail = requests.get(part.url, headers={"Range": "bytes=-5"}, timeout=30)
    assert tail.content == whole.content[-5:]
    record = requests.get(f"{root}/{quoted}", timeout=30).json()
    assert int(record["size"]) == len(whole.content)
    head = requests.head(f"{cave.url}/bucket/{cave_world.bucket}/{name}", timeout=10)
    assert head.headers["Content-Length"] == record["size"]
    missing = requests.get(f"{root}/nope", timeout=10)
    assert missing.status_code == 404


@pytest.mark.parametrize("copies", [1, 5000])
def test_checksum_is_crc32c(copies: int):
    data = b"123456789" * copies
    slow = 0xFFFFFFFF
    for byte in data:
        slow ^= byte
        for _ in range(8):
            slow = (slow >> 1) ^ (0x82F63B78 if slow & 1 else 0)

    assert crc32c(data) == slow ^ 0xFFFFFFFF
    assert crc32c(b"123456789") == 0xE3069283


def test_merged_exports_are_one_flat_file(cave: LoopbackCave, cave_world: World):
    base = f"{cave.url}/bucket/{cave_world.bucket}/demo/v4/nucleus_detection_v0"
    header = requests.get(f"{base}_header.csv", timeout=10).text

    names = [line.split(",")[0] for line in header.splitlines()]
    assert names == list(all_schemas()["nucleus_detection"].flat)
    assert requests.get(f"{base}__demo_pcg.csv.gz", timeout=10).status_code == 404


# --- the server itself -----------------------------------------------------------


def test_log_tells_what_was_asked(client: CAVEclient, cave: LoopbackCave):
    cave.clear_log()

    client.materialize.query_table("cells_v1dd_nm", limit=3, metadata=False)

    entry = next(r for r in cave.requests if r.path.endswith("/query"))
    assert (entry.method, entry.status) == ("POST", 200)
    assert json.loads(entry.body) == {"limit": 3}
    assert entry.bytes_out > 0
    cave.clear_log()
    assert cave.requests == ()


def test_latency_is_kept(cave_world: World):
    with LoopbackCave(cave_world, ServerSettings(latency=0.2)) as cave:
        began = time.perf_counter()
        urlopen(Request(f"{cave.url}/info/version"), timeout=10).close()  # noqa: S310  http
        assert time.perf_counter() - began >= 0.2


def test_stop_ends_threads_and_start_is_refused_twice(cave_world: World):
    before = threading.active_count()
    cave = LoopbackCave(cave_world).start()
    with pytest.raises(RuntimeError, match="already running"):
        cave.start()
    session = requests.Session()
    session.get(f"{cave.url}/info/version", timeout=10)

    cave.stop()
    cave.stop()

    session.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_unknown_url_and_wrong_method(cave: LoopbackCave):
    headers = {"Authorization": f"Bearer {cave.token}"}
    nowhere = requests.get(f"{cave.url}/nope", headers=headers, timeout=10)
    assert nowhere.status_code == 404
    url = f"{cave.url}/materialize/api/v3/datastack/demo/version/5/query"
    wrong = requests.get(url, headers=headers, timeout=10)
    assert wrong.status_code == 500
    assert wrong.json()["message"].startswith("405 Method Not Allowed")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"row_cap": 0}, "row_cap must be at least 1"),
        ({"latency": -1}, "latency must not be negative"),
        ({"port": 70000}, "port must be between"),
        ({"token": "short"}, "token must be 32 hexadecimal digits"),
        ({"join_block_order": "x"}, "join_block_order must be"),
        ({"seed": -1}, "seed must not be negative"),
    ],
)
def test_senseless_server_settings_are_refused(wrong: dict, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        ServerSettings(**wrong)


@pytest.mark.parametrize("datastack", ["minnie65_public", "minnie65_phase3_v1", "v1dd"])
def test_stands_in_for_the_real_datastacks(serve: Serve, datastack: str):
    settings = WorldSettings(datastack=datastack, cells=60, synapses=600)
    client = serve(world=build_world(settings), datastack=datastack)

    info = client.info.get_datastack_info()
    synapses = client.materialize.query_table(info["synapse_table"])
    nuclei = client.materialize.query_table(info["soma_table"])
    assert len(synapses) > 500
    assert len(nuclei) > 40
    expected = [9.7, 9.7, 45.0] if datastack == "v1dd" else [4.0, 4.0, 40.0]
    assert synapses.attrs["dataframe_resolution"] == expected


def test_context_manager_serves_outside_pytest():
    with loopback_cave(WorldSettings(cells=60, synapses=600)) as cave:
        client = CAVEclient("demo", server_address=cave.url)
        assert client.materialize.get_versions()
        assert AuthClient(server_address=cave.url).token == cave.token
    forget_client_caches()
