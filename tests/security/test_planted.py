"""A store from someone else is data, whatever lies in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cortical_cache import load_client

CODE = "import pathlib; pathlib.Path(__file__).with_name('ran').touch()"
PLANTED = (
    "sitecustomize.py",
    "usercustomize.py",
    "conftest.py",
    "cortical_cache.py",
    "pandas.py",
    "duckdb.py",
    "__init__.py",
    "evil.pkl",
    "evil.npy",
    ".duckdbrc",
    "evil.duckdb_extension",
    "evil.so",
    "config.toml",
)
USE = """
import json, sys

events = []

def watch(event, arguments):
    if event in {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn",
                 "pickle.find_class", "ctypes.dlopen"}:
        events.append([event, str(arguments[0])])
    if event == "open" and any(str(arguments[0]).endswith(one) for one in PLANTED):
        events.append([event, str(arguments[0])])

PLANTED = json.loads(sys.argv[1])
import duckdb, pandas, pyarrow.parquet, caveclient  # what they load is theirs
from cortical_cache import load_client

client = load_client("demo", version=5, offline=True)
sys.addaudithook(watch)
assert len(client.cached.materialize.query_table("cell_types"))
assert len(client.sql("SELECT * FROM cell_types"))
assert str(client.cache_status())
assert not client.repositories.upkeep.verify(deep=True)
print(json.dumps([one for one in events if sys.argv[2] in one[1]]))
"""


@pytest.fixture
def store(server, store_dir) -> Path:
    client = load_client("demo", version=5)
    client.cached.materialize.query_table("cell_types")
    folders = [one for one in store_dir.rglob("*") if one.is_dir()]
    for folder in [store_dir, *folders]:
        for name in PLANTED:
            (folder / name).write_text(CODE)
    return store_dir


def test_nothing_in_a_store_is_run_or_even_opened(store):
    names = json.dumps(["/" + name for name in PLANTED])
    done = subprocess.run(
        [sys.executable, "-c", USE, names, str(store)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
        cwd=store,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
    assert not [*store.rglob("ran")]
