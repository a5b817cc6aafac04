"""A disk that is full, read-only, out of reach or moved: told, and nothing is lost."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.errors import NotCachedError, StoreError
from cortical_cache.store import Store
from tests.kit import COMMAND, Ran, run, same_frame
from tests.reliability.kit import CHANGES, content, litter
from tests.reliability.trial import TABLES, Trial

FULL = "error=ENOSPC"
PLACES = ("write", "pwrite64", "fsync", "mkdir", "rename", "link")
FEW = 3
SYNC = [COMMAND, "sync", "demo", "5", "--jobs", "1", *TABLES]


def test_no_space_at_some_calls(trial: Trial, traced):
    every = list(trial.calls(FULL, PLACES))
    told = [trial.fail(inject=one) for one in every[:: max(1, len(every) // FEW)]]

    assert any("No space left" in one.said for one in told)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", [FULL, "error=EIO"])
def test_the_disk_refuses_at_every_call(trial: Trial, traced, how: str):
    places = PLACES if how == FULL else CHANGES
    told = [trial.fail(inject=one) for one in trial.calls(how, places)]

    sys.stdout.write(f"{len(told)} faults, {sum(one.code != 0 for one in told)} told\n")
    assert sum(one.code != 0 for one in told) > len(told) / 2


def test_no_file_may_grow(trial: Trial):
    for largest in (300, 2_000):
        ended = trial.fail(largest=largest)

        assert ended.code == 0 or "File too large" in ended.said


def mounted(script: str, store: Path, *command: str, after: Path | None = None) -> Ran:
    """Run a command where something is mounted at the store; keep a copy of it."""
    store.mkdir(exist_ok=True)
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    if shutil.which("unshare") is None or subprocess.run(probe, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    copy = f'cp -r "$STORE" {after}' if after else "true"
    whole = f'{script}; "$@"; code=$?; {copy}; exit $code'
    return run(["unshare", "-rm", "sh", "-c", whole, "-", *command], STORE=str(store))


@pytest.mark.parametrize("size", [120, 200, 260, 320])
def test_a_small_file_system(server, store_dir, tmp_path, size: int):
    script = f'mount -t tmpfs -o size={size}k none "$STORE"'
    ran = mounted(script, store_dir, *SYNC, after=tmp_path / "after")

    assert ran.code in {1, 3}
    assert "Traceback" not in ran.err
    assert "bytes free" in ran.err or "No space left" in ran.err
    root = tmp_path / "after"
    assert not any(
        Store(root).verify(name, deep=True) for name in Store(root).datasets()
    )
    assert all(
        name[1] == "synapses_demo" or "whole" in held
        for name, held in content(root).rows.items()
    )
    assert run(SYNC, CORTICAL_CACHE_DIR=str(root)).code == 0
    assert run(SYNC, CORTICAL_CACHE_DIR=str(tmp_path / "new")).code == 0
    assert content(root).rows == content(tmp_path / "new").rows


READ_ONLY = 'mount --bind "$STORE" "$STORE" && mount -o remount,ro,bind "$STORE"'


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["sql", "demo@5", "SELECT count(*) FROM cell_types"], 0),
        (["verify", "demo", "--deep"], 0),
        (["ls"], 0),
        (["sync", "demo", "5", "--tables", "proofreading_status_and_strategy"], 1),
        (["rm", "demo", "5", "cell_types", "--yes"], 1),
        (["prune", "demo", "--keep", "0", "--yes"], 1),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_a_read_only_store_answers_and_says_what_it_cannot(
    server, store_dir, words, code
):
    assert run(SYNC).code == 0
    before = content(store_dir)

    ran = mounted(READ_ONLY, store_dir, COMMAND, *words)

    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    if code:
        assert "Read-only file system" in ran.err
        assert ran.err.count("\n") == 1
    assert content(store_dir) == before


def powerless(*command: str) -> list[str]:
    """Return a command that is run without root's power over permissions."""
    if os.geteuid() != 0:
        return [*command]
    if shutil.which("setpriv") is None:
        pytest.skip("root may do anything, and setpriv is not installed")
    powers = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", *command]


@pytest.mark.parametrize("mode", [0o000, 0o500])
@pytest.mark.parametrize(
    "words",
    [
        ["sql", "demo@5", "SELECT count(*) FROM cell_types"],
        ["verify", "demo"],
        ["rm", "demo", "5", "cell_types", "--yes"],
        ["repair", "demo"],
        ["sync", "demo", "5", "--tables", "cell_types"],
    ],
    ids=lambda words: words[0],
)
def test_lost_permission_is_told_in_a_line(server, store_dir, words, mode: int):
    assert run(SYNC).code == 0
    before = content(store_dir)
    folder = next(store_dir.glob("*/v5/tables/cell_types/commits"))
    (data,) = folder.parent.glob("*.parquet")
    folder.chmod(mode)
    data.chmod(mode & 0o444)
    folder.parent.chmod(mode)

    ran = run(powerless(COMMAND, *words))

    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    data.chmod(0o644)
    assert "Traceback" not in ran.err
    assert ran.code in ({1, 3, 5} if mode == 0 or words[0] == "rm" else {0})
    assert ran.code == 0 or "Permission denied" in ran.err + ran.out
    after = content(store_dir)
    assert (after.rows, after.objects) == (before.rows, before.objects)
    assert after.facts.keys() >= before.facts.keys()  # a sync captures them anew


def test_a_store_moved_under_a_reader_is_no_wrong_answer(server, store_dir):
    assert run(SYNC).code == 0
    client = load_client("demo", version=5, offline=True)
    ask = client.cached.materialize.query_table
    expected = ask("cell_types")
    del expected.attrs["cortical_cache"]
    ask("nucleus_detection_v0")

    away = store_dir.rename(store_dir.with_name("away"))
    for name in ("cell_types", "synapses_demo"):
        with pytest.raises((NotCachedError, StoreError)):
            ask(name)
    assert not store_dir.exists()
    away.rename(store_dir)

    same_frame(ask("cell_types"), expected)


@pytest.mark.parametrize("at", ["fsync:when=3", "rename:when=4", "write:when=9"])
def test_a_store_moved_under_a_writer_keeps_what_it_had(
    worker, server, store_dir, tmp_path, traced, at: str
):
    assert run(SYNC).code == 0
    before = content(store_dir)
    words = ["sync", "demo", "4", "--jobs", "1", *TABLES]

    pid = worker.pause("command", store_dir, words, at=at)
    away = store_dir.rename(tmp_path / "away")
    ended = worker.resume(pid)

    assert ended.code in {0, 1, 3}
    assert "Traceback" not in ended.said
    assert ended.code == 0 or "cannot be" in ended.said, ended.said
    seen = content(away)
    for name, held in before.rows.items():
        assert seen.rows[name] == held
    assert not any(
        Store(away).verify(name, deep=True) for name in Store(away).datasets()
    )


@pytest.mark.parametrize("at", ["fsync:when=4", "write:when=7", "utimensat:when=2"])
def test_the_files_of_a_live_writer_are_not_swept(
    worker, server, store_dir, traced, at: str
):
    assert run(SYNC).code == 0
    words = ["sync", "demo", "4", "--jobs", "1", *TABLES]
    pid = worker.pause("command", store_dir, words, at=at)
    unfinished = litter(store_dir)
    assert unfinished

    swept = Store(store_dir).sweep()

    assert swept.removed == ()
    assert unfinished == litter(store_dir)
    ended = worker.resume(pid)
    assert ended.code == 0, ended.said
    assert litter(store_dir) == []
