"""Every kind of question that was answered once is answered with sockets blocked.

The same client code asks twice: online, and then with the server gone and no socket
to be made, of the offline client and of one on a version that is held.
"""

import json
import socket

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cortical_cache import load_client
from tests.kit import COMMAND, python, run


def table(client, name, **asked: object):
    return client.cached.materialize.query_table(name, **asked)


def roots(client):
    return table(client, "cell_types")["pt_root_id"].dropna().astype("int64").tolist()


def cells(client):
    return table(client, "nucleus_detection_v0")["id"].tolist()[:20]


HITS = {
    "a table": lambda c: table(c, "cell_types"),
    "a reference, merged": lambda c: table(c, "nucleus_scores"),
    "a reference, alone": lambda c: table(c, "nucleus_scores", merge_reference=False),
    "a filter": lambda c: table(
        c, "cell_types", filter_in_dict={"cell_type": ["23P", "4P"]}
    ),
    "a box": lambda c: table(
        c,
        "nucleus_detection_v0",
        filter_spatial_dict={"pt_position": [[0, 0, 0], [10**6, 10**6, 10**6]]},
    ),
    "a pattern": lambda c: table(
        c, "cell_types", filter_regex_dict={"cell_type": "^2"}
    ),
    "columns": lambda c: table(c, "cell_types", select_columns=["id", "cell_type"]),
    "a page": lambda c: (
        table(c, "cell_types"),
        table(c, "cell_types", limit=5, offset=3),
    )[1],
    "a count": lambda c: table(c, "cell_types", get_counts=True),
    "nanometres": lambda c: table(
        c, "nucleus_detection_v0", desired_resolution=[1, 1, 1], split_positions=True
    ),
    "a manager": lambda c: c.tables.cell_types(cell_type="23P").query(),
    "a view": lambda c: c.views.synapse_counts().query(),
    "a join": lambda c: c.cached.materialize.join_query(
        [["nucleus_scores", "target_id"], ["nucleus_detection_v0", "id"]]
    ),
    "synapses of a root": lambda c: c.cached.materialize.synapse_query(
        post_ids=roots(c)[0]
    ),
    "synapses of roots": lambda c: c.query_synapses(roots(c)[:3], post=True),
    "cells to roots": lambda c: c.cell_id_to_root_id(cells(c)),
    "roots to cells": lambda c: c.root_id_to_cell_id(roots(c)[:20]),
    "level-2 ids": lambda c: c.get_l2_ids(roots(c)[0]),
    "level-2 data": lambda c: c.get_l2data(c.get_l2_ids(roots(c)[0])[:20]),
    "level-2 graph": lambda c: c.cached.chunkedgraph.level2_chunk_graph(roots(c)[0]),
    "a skeleton": lambda c: c.cached.skeleton.get_skeleton(roots(c)[0]),
    "roots at a time": lambda c: c.cached.chunkedgraph.get_roots(
        table(c, "cell_types")["pt_supervoxel_id"].dropna().astype("int64")[:5],
        timestamp=c.repositories.versions.record(5).timestamp,
    ),
    "SQL": lambda c: c.sql(
        "SELECT cell_type, count(*) n FROM cell_types GROUP BY 1 ORDER BY 1"
    ),
    "a version's record": lambda c: c.cached.materialize.get_version_metadata(5),
    "the tables": lambda c: c.cached.materialize.get_tables(),
    "tables' metadata": lambda c: c.cached.materialize.get_tables_metadata(),
    "the views": lambda c: list(c.views),
    "schemas": lambda c: c.cached.schema.get_schemas(),
    "unique values": lambda c: c.cached.materialize.get_unique_string_values(
        "cell_types"
    ),
    "annotations": lambda c: c.cached.materialize.get_annotation_count("cell_types"),
}


def same(ours: object, theirs: object) -> None:
    if isinstance(theirs, pd.DataFrame):
        assert isinstance(ours, pd.DataFrame)
        ours, theirs = ours.copy(), theirs.copy()
        ours.attrs, theirs.attrs = {}, {}
        assert_frame_equal(plain(ours), plain(theirs))
    elif isinstance(theirs, pd.Series):
        pd.testing.assert_series_equal(ours, theirs)
    elif isinstance(theirs, np.ndarray):
        assert np.array_equal(ours, theirs)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name, one in theirs.items():
            same(ours[name], one)
    elif hasattr(theirs, "to_pandas"):
        same(ours.to_pandas(), theirs.to_pandas())
    else:
        assert ours == theirs


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    for column in frame.select_dtypes(object).columns:
        frame[column] = frame[column].map(
            lambda one: tuple(one) if isinstance(one, list | np.ndarray) else one
        )
    return frame


@pytest.mark.parametrize("name", HITS)
def test_what_was_asked_once_needs_no_socket(name, server, without_network):
    first = HITS[name](load_client("demo", version=5))

    again = HITS[name](without_network())

    same(again, first)


COMMANDS = {
    "ls": ["ls", "--json"],
    "info": ["info", "demo"],
    "sql": ["sql", "demo", "SELECT count(*) AS n FROM cell_types"],
    "queries": ["queries"],
    "export": ["export", "demo", "5", "--to", "{tmp}/out", "--tables", "cell_types"],
    "verify": ["verify", "demo", "--deep"],
    "doctor": ["doctor", "demo"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_need_no_socket_for_what_is_held(
    name, server, blocked, tmp_path, monkeypatch
):
    load_client("demo", version=5).cached.materialize.query_table(
        "cell_types", merge_reference=False
    )
    blocked()
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")
    monkeypatch.setenv("CORTICAL_CACHE_VERSION", "5")

    ran = run([COMMAND, *(one.format(tmp=tmp_path) for one in COMMANDS[name])])

    assert ran.code == 0, ran.err
    assert "no socket" not in ran.err


def test_a_process_that_is_blocked_can_open_no_socket(monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_TEST_SOCKETS", "none")
    with pytest.raises(RuntimeError, match="no socket"):
        socket.socket()
    with pytest.raises(RuntimeError, match="no socket"):
        socket.create_connection(("localhost", 9))

    ran = python(
        "import json, socket, subprocess, sys\n"
        "def blocked(make):\n"
        "    try: make()\n"
        "    except RuntimeError as error: return 'no socket' in str(error)\n"
        "print(json.dumps([blocked(socket.socket),\n"
        "    blocked(lambda: socket.getaddrinfo('localhost', 80))]))\n"
    )

    assert json.loads(ran.out) == [True, True]
