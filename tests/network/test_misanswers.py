"""Answers of the right kind that are not to the question, and of another kind."""

import gzip
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.demo.server import troubles
from cortical_cache.errors import (
    CorruptStoreError,
    ServerUnavailableError,
    SourceError,
)

TWO = [1 << 57, (1 << 57) + 1]

GRAPH = {
    "roots": (
        "/roots_binary$",
        lambda c, of: c.cached.chunkedgraph.get_roots(of.supervoxels, of.moment),
    ),
    "latest": (
        "/is_latest_roots$",
        lambda c, of: c.cached.chunkedgraph.is_latest_roots(of.roots),
    ),
    "timestamps": (
        "/root_timestamps$",
        lambda c, of: c.cached.chunkedgraph.get_root_timestamps(of.roots),
    ),
    "leaves": (
        "/leaves$",
        lambda c, of: c.cached.chunkedgraph.get_leaves(of.roots[0]),
    ),
    "many leaves": (
        "/leaves_many$",
        lambda c, of: c.cached.chunkedgraph.get_leaves_many(of.roots),
    ),
    "L2 graph": (
        "/lvl2_graph$",
        lambda c, of: c.cached.chunkedgraph.level2_chunk_graph(of.roots[0]),
    ),
    "lineage": (
        "/lineage_graph_multiple$",
        lambda c, of: c.cached.chunkedgraph.get_lineage_graph(of.roots[0]),
    ),
    "past ids": (
        "/past_id_mapping$",
        lambda c, of: c.cached.chunkedgraph.get_past_ids(of.roots[:1], of.moment),
    ),
}
OTHERS = {
    "L2 data": ("/attributes$", lambda c, _: c.cached.l2cache.get_l2data(TWO)),
    "L2 caches": ("/table_mapping$", lambda c, _: c.cached.l2cache.table_mapping()),
    "skeletons exist": (
        "/exists$",
        lambda c, of: c.cached.skeleton.skeletons_exist(root_ids=of.roots),
    ),
    "skeleton": (
        "/get_skeleton/",
        lambda c, of: c.cached.skeleton.get_skeleton(of.roots[0]),
    ),
    "state": ("/nglstate/api/v1/[0-9]+$", lambda c, _: c.get_state_json(1)),
    "upload": ("/nglstate/.*post$", lambda c, _: c.upload_state_json({"a": 1})),
    "info": ("/datastack/full/", lambda c, _: c.get_datastack_info()),
    "staging": ("/annotation/", lambda c, _: c.stage_annotations("cell_types")),
}
BODIES = [
    b"",
    b"{",
    b"null",
    b"[1]",
    b"{}",
    b'"text"',
    b'{"a":1}',
    b'{"is_latest":[null]}',
    b'{"leaf_ids":[1.5]}',
    b'{"leaf_ids":{"a":"b"}}',
    b'{"timestamp":[null]}',
    b'{"edge_graph":[[1,2,3]]}',
    b'{"1":"x"}',
    b"\xff\xfe\xfd",
]


@dataclass
class Known:
    supervoxels: list[int]
    roots: list[int]
    moment: datetime


@pytest.fixture
def of(server, store_dir, tmp_path):
    """Return ids that the server knows, and of which nothing is held."""
    client = load_client("demo", version=5, cache_dir=tmp_path / "another")
    cells = client.cached.materialize.query_table("cell_types").dropna()[:5]
    return Known(
        cells["pt_supervoxel_id"].tolist(),
        cells["pt_root_id"].tolist(),
        client.cached.materialize.get_timestamp(5) - timedelta(hours=1),
    )


@pytest.mark.parametrize("name", [*GRAPH, *OTHERS])
def test_an_answer_of_another_kind_is_an_error_of_ours(name, of, server, tmp_path):
    path, ask = (GRAPH | OTHERS)[name]
    for number, body in enumerate(BODIES):
        server.recover()
        server.befall(troubles.garbage(body).on(path))
        server.clear_log()

        try:
            ask(load_client("demo", cache_dir=tmp_path / str(number)), of)
        except (SourceError, LookupError):
            assert any(re.search(path, one.path) for one in server.requests)
        else:  # any object is one
            assert name in {"L2 caches", "state"}
            assert body.startswith(b"{")


@pytest.mark.parametrize(
    ("path", "body", "ask"),
    [
        (*GRAPH["roots"][:1], np.uint64(7).tobytes(), GRAPH["roots"][1]),
        (*GRAPH["roots"][:1], b"\xff" * 40, GRAPH["roots"][1]),
        (*GRAPH["latest"][:1], b'{"is_latest":[true]}', GRAPH["latest"][1]),
        (*GRAPH["timestamps"][:1], b'{"timestamp":[1.5e9]}', GRAPH["timestamps"][1]),
        (*GRAPH["leaves"][:1], b'{"leaf_ids":[7.2e16]}', GRAPH["leaves"][1]),
        (
            *GRAPH["leaves"][:1],
            b'{"leaf_ids":[72057594037927937,18446744073709551615]}',
            GRAPH["leaves"][1],
        ),
        (
            *GRAPH["many leaves"][:1],
            b'{"1":[1]}',
            GRAPH["many leaves"][1],
        ),
    ],
    ids=[
        "one root for five",
        "ids over int64",
        "one for all",
        "one time for five",
        "an id that was a float",
        "an id over int64",
        "fewer nodes",
    ],
)
def test_fewer_or_other_answers_than_asked_are_not_believed(
    path, body, ask, of, server
):
    """Numpy would repeat a single one, and read a float as the nearest id."""
    server.befall(troubles.garbage(body).on(path))

    with pytest.raises(SourceError):
        ask(load_client("demo"), of)


@pytest.mark.parametrize("to", [2_000, 0])
def test_what_is_passed_on_is_not_believed_when_it_breaks_off(to, server):
    client = load_client("demo", version=5)
    client.cached.materialize.query_table("nucleus_detection_v0", get_counts=True)
    server.befall(troubles.shortened(to).on("/query$"))

    with pytest.raises(ServerUnavailableError, match="breaks off"):
        client.cached.materialize.query_table("nucleus_detection_v0", random_sample=50)
    server.recover()
    sample = client.cached.materialize.query_table(
        "nucleus_detection_v0", random_sample=50
    )

    assert len(sample) > 0


def test_what_is_passed_on_is_not_unpickled(server):
    client = load_client("demo", version=5)
    client.cached.materialize.query_table("nucleus_detection_v0", get_counts=True)
    server.befall(troubles.of_type("x-application/pyarrow").on("/query$"))

    with pytest.raises(SourceError, match="instead of Arrow data"):
        client.cached.materialize.query_table("nucleus_detection_v0", random_sample=50)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        gzip.compress(b""),
        gzip.compress(b"[]"),
        gzip.compress(b"{}"),
        gzip.compress(b"{"),
        gzip.compress(bytes(70 << 20)),
        gzip.compress(b'{"vertices":[]}')[:-4],
    ],
    ids=["nothing", "empty", "list", "no vertices", "no JSON", "a bomb", "cut"],
)
def test_what_is_no_skeleton_is_not_kept(body, of, server):
    server.befall(troubles.garbage(body).on("/get_skeleton/", times=1))
    skeletons = load_client("demo").cached.skeleton

    with pytest.raises(SourceError, match="gave no skeleton"):
        skeletons.get_skeleton(of.roots[0])

    assert len(skeletons.get_skeleton(of.roots[0])["vertices"])


def test_a_bomb_in_the_store_is_refused(of, store_dir):
    skeletons = load_client("demo").cached.skeleton
    skeletons.get_skeleton(of.roots[0])
    (held,) = (one for one in store_dir.rglob(f"*{of.roots[0]}*") if one.is_file())
    held.write_bytes(gzip.compress(bytes(70 << 20)))

    with pytest.raises(CorruptStoreError, match=r"over 67,108,864; refused"):
        load_client("demo", offline=True).cached.skeleton.get_skeleton(of.roots[0])


def test_a_reply_that_unpacks_to_far_more_is_refused(server):
    bomb = gzip.compress(gzip.compress(b"[" + bytes(200 << 20), 9), 9)
    twice = replace(
        troubles.garbage(bomb),
        change=lambda reply: replace(
            reply,
            body=bomb,
            headers=(*reply.headers, ("Content-Encoding", "gzip, gzip")),
        ),
    )
    server.befall(twice.on("/datastack/demo/metadata$"))

    with pytest.raises(SourceError, match=r"(times as many|bytes); refused"):
        load_client("demo").cached.materialize.get_versions()
