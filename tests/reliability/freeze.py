"""Make a small store that stays as it is for ever, and what it answers.

``python -m tests.reliability.freeze FOLDER`` does, once for each format that a release
has written. The stores made so are never made anew: later releases must read them.
"""

import gzip
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SYNAPSES, KEY, VERSION, PORT = "synapses_demo", "pre_pt_root_id", 5, 8789
VIEW = "nucleus_detection_lookup"
SERVER = f"http://127.0.0.1:{PORT}"


def questions(roots: list[int]) -> dict[str, Callable[[Any], Any]]:
    """Return what is asked of a client, by name."""
    return {
        "whole table": lambda it: it.cached.materialize.query_table("cell_types"),
        "filtered": lambda it: it.cached.materialize.query_table(
            "nucleus_detection_v0", filter_in_dict={"pt_root_id": roots}
        ),
        "view": lambda it: it.cached.materialize.query_view(VIEW),
        "keys": lambda it: it.cached.materialize.query_table(
            SYNAPSES, filter_in_dict={KEY: roots}
        ),
        "metadata": lambda it: it.cached.materialize.get_table_metadata("cell_types"),
        "versions": lambda it: sorted(it.cached.materialize.get_versions()),
        "created": lambda it: it.cached.chunkedgraph.get_root_timestamps(roots),
        "leaves": lambda it: it.cached.chunkedgraph.get_leaves(roots[0]),
        "skeleton": lambda it: it.cached.skeleton.get_skeleton(roots[0]),
        "export": lambda it: it.exports.get_table("mine", VERSION),
        "sql": lambda it: it.sql("SELECT count(*) AS n, sum(id) AS s FROM cell_types"),
    }


def answer(value: object) -> str:
    """Return a digest of an answer that any machine gives."""
    if hasattr(value, "to_json"):
        value.attrs = {}
        text = f"{list(value.columns)} {value.to_csv(index=False)}"
    else:
        text = json.dumps(value, default=_plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def freeze(folder: Path) -> None:
    """Fill a store from a CAVE of this process, and write down what it answers."""
    from cortical_cache import load_client
    from cortical_cache.cache.keyed import Keyed
    from cortical_cache.cli.app import run
    from cortical_cache.demo import ServerSettings, WorldSettings, build_world
    from cortical_cache.testing import loopback_cave

    settings = ServerSettings(port=PORT)
    os.environ["CORTICAL_CACHE_DIR"] = str(folder / "store")
    os.environ["CORTICAL_CACHE_SERVER"] = SERVER
    with loopback_cave(build_world(WorldSettings(cells=40, synapses=400)), settings):
        client = load_client("demo", version=VERSION)
        names = [
            "nucleus_detection_v0",
            "cell_types",
            "proofreading_status_and_strategy",
        ]
        assert run(["sync", "demo", str(VERSION), "--tables", *names]) == 0
        client.repositories.store.write_fact(f"row_counts.{SYNAPSES}", 10**7, VERSION)
        nuclei = client.cached.materialize.query_table("nucleus_detection_v0")
        every = [one for one in nuclei["pt_root_id"].tolist() if one > 1]
        roots = every[:3]
        client.set_export_cloudpath(str(dump(folder)))
        answers = {name: answer(ask(client)) for name, ask in questions(roots).items()}
        # joined, so that there is a commit that supersedes others
        client.cached.chunkedgraph.get_root_timestamps(every)
        lives = client.repositories.store.rows("graph", "root_lives", 0)
        columns = ("created_at", "ended_at", "seen_at")
        Keyed(lives, "root_id", columns, SERVER, compact_at=2).compact()
    for lock in (folder / "store").rglob("*.lock"):
        lock.unlink()
    text = json.dumps({"roots": roots, "answers": answers}, indent=1)
    (folder / "answers.json").write_text(text + "\n", "utf-8")


def dump(folder: Path) -> Path:
    """Write a bulk export; return the folder to name."""
    path = folder / "dumps" / f"v{VERSION}" / "mine.csv.gz"
    path.parent.mkdir(parents=True)
    path.with_name("mine_header.csv").write_text("id,bigint\npt_root_id,bigint\n")
    path.write_bytes(gzip.compress(b"1,864691135000000001\n2,\n3,0\n", mtime=0))
    return folder / "dumps"


if __name__ == "__main__":
    freeze(Path(sys.argv[1]))
