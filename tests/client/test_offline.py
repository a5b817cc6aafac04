"""What was asked once is answered without a server, in a fresh process too."""

import shlex

import pytest

from cortical_cache import load_client
from cortical_cache.cli.app import run as command_line
from cortical_cache.errors import NotCachedError, ServerUnavailableError
from tests.kit import PYTHON, python, run, same_frame

ASK = """
import sys
from cortical_cache import load_client
client = load_client("demo", version=5, offline={offline})
frame = client.tables.cell_types(cell_type=["23P", "4P"]).query(
    desired_resolution=[1, 1, 1], split_positions=True
)
frame.to_pickle(sys.argv[1])
"""


def test_a_fresh_process_answers_the_same_with_the_server_gone(server, tmp_path):
    import pandas as pd

    online, offline, unreachable = (tmp_path / name for name in ("a", "b", "c"))
    first = run([PYTHON, "-c", ASK.format(offline=False), str(online)])
    server.stop()

    second = run(
        [PYTHON, "-c", ASK.format(offline=True), str(offline)],
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )
    third = run([PYTHON, "-c", ASK.format(offline=False), str(unreachable)])

    assert (first.code, second.code, third.code) == (0, 0, 0), second.err + third.err
    frame = pd.read_pickle(online)
    assert len(frame) > 50
    for path in (offline, unreachable):
        same_frame(pd.read_pickle(path), frame_without_note(frame))


def frame_without_note(frame):
    plain = frame.copy()
    plain.attrs.pop("cortical_cache")
    return plain


ASKS = {
    "a table": lambda client: client.tables.cell_types().query(),
    "a view": lambda client: client.views.synapse_counts().query(),
    "synapses": lambda client: client.cached.materialize.query_table("synapses_demo"),
    "a root's synapses": lambda client: client.cached.materialize.synapse_query([1]),
    "values": lambda client: client.cached.materialize.get_unique_string_values(
        "cell_types"
    ),
    "rows": lambda client: client.cached.materialize.get_annotation_count("cell_types"),
    "the tables": lambda client: list(client.tables),
    "the versions": lambda client: client.cached.materialize.get_versions(),
    "the schemas": lambda client: client.cached.schema.get_schemas(),
}


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("known", [False, True])
def test_what_is_missing_comes_with_the_command_that_fetches_it(
    known, name, start, monkeypatch
):
    ask = ASKS[name]
    cave = start()
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    if known:  # the lists are held, and another table
        load_client("demo", version=5).tables.nucleus_detection_v0().query()
    client = load_client("demo", version=5, offline=True)
    cave.clear_log()

    try:
        ask(client)
    except NotCachedError as error:
        caught = error
    else:
        assert known
        return
    assert not cave.requests
    assert f"run `{caught.command}`" in str(caught)

    program, *arguments = shlex.split(caught.command)
    assert program == "cortical-cache"
    assert command_line(arguments) == 0
    ask(load_client("demo", version=5, offline=True))


def test_offline_the_plain_caveclient_is_refused(server):
    client = load_client("demo", version=5, offline=True)

    with pytest.raises(NotCachedError, match="offline"):
        client.cave  # noqa: B018  it is the access that connects
    assert not server.requests


def test_an_unreachable_server_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", "http://127.0.0.1:9")

    with pytest.raises(ServerUnavailableError, match=r"127\.0\.0\.1:9") as caught:
        load_client("demo").version  # noqa: B018  it is the access that asks

    assert "\n" not in str(caught.value)


def test_the_environment_forbids_sockets_too(server):
    ran = python(
        "import cortical_cache\n"
        "try: cortical_cache.load_client('demo').tables.cell_types().query()\n"
        "except cortical_cache.errors.NotCachedError as error: print(error)\n",
        CORTICAL_CACHE_OFFLINE="1",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )

    assert "run `cortical-cache sync demo latest`" in ran.out
