"""What a notebook user sees: names to complete, a table of what is held."""

import sys
from dataclasses import replace

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from cortical_cache import load_client


@pytest.fixture
def client(server):
    return load_client("demo", version=5)


@pytest.fixture
def complete(client, home, monkeypatch):
    """Return a function that completes a line as IPython does on Tab."""
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    # IPython puts its own module there, and multiprocessing would look for ours.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    shell = InteractiveShell.instance()
    shell.user_ns["client"] = client

    def complete(line: str) -> set[str]:
        with provisionalcompleter():
            found = shell.Completer.completions(line, len(line))
            return {one.text.removeprefix(".") for one in found}

    yield complete
    shell.user_ns.clear()
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def test_tables_alone_lists_the_tables(client):
    shown = repr(client.tables)

    assert "cell_types" in shown
    assert "synapses_demo" in shown
    assert len(client.tables) == len(list(client.tables)) == 9
    assert "cell_types" in client.tables
    assert "synapse_counts" in repr(client.views)


def test_ipython_completes_tables_and_views(complete):
    assert {"cell_types", "cells_v1dd_nm"} <= complete("client.tables.cell")
    assert "synapse_counts" in complete("client.views.syn")


def test_ipython_completes_what_a_table_filters_by(complete, client):
    client.tables.cell_types  # noqa: B018  touched, as a user does on the way

    assert "cell_type=" in complete("client.tables.cell_types(cell_ty")


def test_completion_asks_the_server_at_most_once(complete, server):
    complete("client.tables.cell")
    server.clear_log()

    complete("client.tables.cell")
    complete("client.tables.syn")

    assert not server.requests


def test_two_versions_in_one_process_do_not_mix(server):
    old, new = (load_client("demo", version=one) for one in (2, 5))

    assert "synapse_tags" in new.tables
    assert "synapse_tags" not in old.tables
    before = old.tables.cell_types().query()
    after = new.tables.cell_types().query()

    assert len(before) < len(after)
    assert "created" not in before.columns


def test_two_datasets_with_a_table_of_the_same_name_do_not_mix(start, cave_world):
    """caveclient remembers the columns of a table by its name alone."""
    (name,) = {stack.aligned_volume for stack in cave_world.datastacks.values()}
    volume = cave_world.aligned_volumes[name]
    scores = replace(volume.tables["nucleus_scores"], schema="cell_type_reference")
    other = replace(volume, tables={**volume.tables, "nucleus_scores": scores})
    servers = (
        start(cave_world),
        start(replace(cave_world, aligned_volumes={name: other})),
    )

    fields = []
    for one in servers:
        client = load_client("demo", version=5, server_address=one.url)
        fields.append(set(client.tables.nucleus_scores.fields))

    assert {"tag", "value"} <= fields[0]
    assert {"cell_type", "classification_system"} <= fields[1]
    assert not {"tag", "value"} & fields[1]


def test_cache_status_says_what_is_held(client, server):
    client.tables.cell_types(cell_type="23P").query()
    client.views.synapse_counts().query()

    status = client.cache_status()

    frame = status.to_frame().set_index("name")
    assert frame.loc["cell_types", ["version", "kind", "extent"]].tolist() == [
        5,
        "table",
        "whole",
    ]
    assert frame.loc["synapse_counts", "rows"] == 746
    assert (frame["nbytes"] > 1000).all()
    assert frame["fetched_at"].notna().all()
    assert set(frame["source"]) == {server.url}
    assert "cell_types" in repr(status)
    assert "just now" in repr(status)
    assert "<td>cell_types</td>" in client._repr_html_()


def test_cache_status_of_an_empty_store():
    status = load_client("demo").cache_status()

    assert repr(status) == "demo: nothing is held yet"
    assert status.to_frame().empty
