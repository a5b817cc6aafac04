"""A store written once stays readable; one of a newer release is refused."""

import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.errors import StoreError
from cortical_cache.store import Store
from cortical_cache.store.layout import used_file
from cortical_cache.store.sealed import FORMAT
from tests.kit import COMMAND, run
from tests.reliability.freeze import SERVER, VERSION, answer, questions

OFFLINE = {"CORTICAL_CACHE_OFFLINE": "1", "CORTICAL_CACHE_VERSION": str(VERSION)}
FROZEN = sorted((Path(__file__).parent / "frozen").iterdir())


@pytest.fixture(params=FROZEN, ids=lambda folder: folder.name)
def frozen(request, tmp_path: Path, store_dir: Path, monkeypatch) -> Path:
    """Put a frozen store where ours is; return the folder with its answers."""
    shutil.copytree(request.param / "store", store_dir)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", SERVER)
    monkeypatch.setenv("CORTICAL_CACHE_TEST_SOCKETS", "none")
    return request.param


def digests(root: Path) -> dict[str, str]:
    """Return what the files hold, but for those that say when something was read."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path != used_file(path.parent)
    }


def test_a_frozen_store_answers_as_it_did_and_stays_as_it_is(frozen, store_dir):
    kept = json.loads((frozen / "answers.json").read_text("utf-8"))
    before = digests(store_dir)
    client = load_client("demo", version=VERSION, offline=True)

    answers = {
        name: answer(ask(client)) for name, ask in questions(kept["roots"]).items()
    }

    assert answers == kept["answers"]
    assert client.repositories.store.verify(deep=True) == ()
    assert digests(store_dir) == before == digests(frozen / "store")


def test_this_format_is_frozen():
    assert FROZEN[-1].name.partition("-")[0] == str(FORMAT)


def raise_format(path: Path) -> None:
    text = path.read_bytes()
    path.write_bytes(text.replace(b'{"format":%d,' % FORMAT, b'{"format":%d,' % 99, 1))


@pytest.mark.parametrize(
    "which", ["*/dataset.json", "*/v5/tables/cell_types/commits/*.json"]
)
def test_a_newer_format_is_refused_in_a_sentence(frozen, store_dir, which):
    (path,) = store_dir.glob(which)
    raise_format(path)

    client = load_client("demo", version=VERSION, offline=True)
    with pytest.raises(StoreError, match=r"has format 99 .*upgrade with `pip install"):
        client.cached.materialize.query_table("cell_types")
    ran = run([COMMAND, "sql", "demo", "SELECT 1 FROM cell_types"], **OFFLINE)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "upgrade with" in ran.err


def test_nothing_of_a_newer_format_is_swept_or_set_aside(frozen, store_dir):
    (path,) = store_dir.glob("*/v5/tables/cell_types/commits/*.json")
    raise_format(path)
    before = digests(path.parents[1])

    ran = run([COMMAND, "repair", "demo"], **OFFLINE)
    Store(store_dir).sweep(datetime.now(UTC) + timedelta(days=365))

    assert ran.code != 0
    assert "upgrade with" in ran.err
    assert digests(path.parents[1]) == before
