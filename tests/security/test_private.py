"""No token, address of mail or home in anything that stays or is shown."""

import logging
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.cache.keyed import Keyed
from cortical_cache.cli.app import run as command_line
from cortical_cache.demo.server import troubles
from cortical_cache.errors import CorruptStoreError, CorticalCacheError
from cortical_cache.store.segments import MAPPED_ROWS

TOKEN = "5ec2e7" + "ab" * 13
MAIL = "someone.else@example.org"


@pytest.fixture
def cave(start, monkeypatch):
    """Run a CAVE with a token that nothing else looks like."""
    cave = start(token=TOKEN)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return cave


def use_everything() -> list[object]:
    """Fill the store by every way that fills it; return what a user would look at."""
    client = load_client("demo", version=5)
    table = client.cached.materialize.query_table("cell_types")
    root = int(table["pt_root_id"].dropna().iloc[0])
    seen = [
        table,
        table.attrs,
        client.cached.materialize.synapse_query(post_ids=root),
        client.views.synapse_counts().query(),
        client.cached.materialize.get_tables_metadata(),
        client.cached.schema.get_schemas(),
        client.get_l2data(client.get_l2_ids(root)[:3]),
        client.cached.chunkedgraph.is_latest_roots([root]),
        client.cached.info.get_datastack_info(),
        client.sql("SELECT count(*) FROM cell_types"),
        client.cached.skeleton.get_skeleton(root),
        client.cache_status(),
        client.last_source,
        client,
        client.cached,
        client.repositories,
        client.repositories.settings,
        client.repositories.origin.session,
    ]
    assert command_line(["sync", "demo", "5", "--tables", "core"]) == 0
    assert command_line(["doctor", "demo"]) in {0, 1}
    assert command_line(["pin", "demo", "5"]) == 0
    store = client.repositories.store
    facts = Keyed(store.rows("graph", "ours", 0), "id", (), client.server_address)
    facts.add((np.arange(MAPPED_ROWS),))
    facts.get(np.arange(3))
    kinds = {path.suffix or path.name for path in client.cache_dir.rglob("*")}
    assert kinds >= {".json", ".parquet", ".gz", ".npy", ".lock", "used", "pinned"}
    return seen


def test_nothing_that_stays_or_is_shown_has_the_token(
    cave, home, store_dir, caplog, capsys
):
    caplog.set_level(logging.DEBUG)

    shown = "\n".join(f"{one!r}\n{one}" for one in use_everything())

    said = capsys.readouterr()
    for text in (shown, caplog.text, said.out, said.err):
        assert TOKEN not in text
    files = [path for path in store_dir.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        data = path.read_bytes()
        assert TOKEN.encode() not in data, path
        assert str(home).encode() not in data, path
        assert not re.search(rb"[\w.+-]{2,}@[\w-]{2,}\.[a-z]{2,}", data), path


def test_a_lock_file_has_nothing_of_the_user(cave, home, capsys):
    load_client("demo", version=5).cached.materialize.query_table("cell_types")
    capsys.readouterr()
    assert command_line(["lock", "demo", "5"]) == 0

    lock = capsys.readouterr().out

    assert "cell_types" in lock
    assert TOKEN not in lock
    assert str(home) not in lock
    assert not re.search(r"[\w.+-]{2,}@[\w-]{2,}\.[a-z]{2,}", lock)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_no_error_repeats_what_a_server_says_of_the_user(status, cave, caplog):
    caplog.set_level(logging.DEBUG)
    client = load_client("demo", version=5)
    client.cached.materialize.get_tables_metadata()
    message = f"{MAIL} with the token {TOKEN} may not \x1b[2J\u202e this"
    cave.befall(troubles.said(message, status).on("/query$"))

    with pytest.raises(CorticalCacheError) as caught:
        client.cached.materialize.query_table("cell_types")

    for text in (str(caught.value), repr(caught.value), caplog.text):
        assert TOKEN not in text
        assert MAIL not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_an_error_of_the_store_does_not_name_the_home(cave, home, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_DIR", str(home / "store"))
    load_client("demo", version=5).cached.materialize.query_table("cell_types")
    for path in (home / "store").rglob("commits/*.json"):
        path.write_bytes(b"{")

    with pytest.raises(CorruptStoreError) as caught:
        load_client("demo", version=5).cached.materialize.query_table("cell_types")

    assert str(home) not in str(caught.value)
    assert "~/store/" in str(caught.value)


def modes(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode)
        for path in [root, *root.rglob("*")]
    }


@pytest.fixture
def generous():
    """Have the umask allow everything to everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_the_store_is_the_users_alone(cave, store_dir, generous):
    use_everything()

    open_to_others = {
        name: oct(mode) for name, mode in modes(store_dir).items() if mode & 0o077
    }
    assert not open_to_others


def test_the_store_is_readable_by_the_group_on_request(
    cave, store_dir, generous, monkeypatch
):
    monkeypatch.setenv("CORTICAL_CACHE_GROUP_READABLE", "1")

    use_everything()

    for path in [store_dir, *store_dir.rglob("*")]:
        if "locks" in path.parts:  # the group does not write
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o750 if path.is_dir() else 0o640), path
