"""Locks save work, and never cost an answer."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from cortical_cache.store import RowSet
from cortical_cache.store.locks import fetch_lock


def hold(folder: Path, key: str, native: bool, ready: "multiprocessing.Queue[bool]"):
    with fetch_lock(folder, key, 5, native=native) as held:
        ready.put(held)
        time.sleep(600)


@pytest.mark.parametrize("native", [True, False])
def test_one_at_a_time_by_key(tmp_path: Path, native: bool):
    with fetch_lock(tmp_path, "a", 1, native=native) as first:
        with fetch_lock(tmp_path, "a", 0.1, native=native) as second:
            pass
        with fetch_lock(tmp_path, "b", 0.1, native=native) as other:
            pass
    with fetch_lock(tmp_path, "a", 0.1, native=native) as again:
        pass

    assert (first, second, other, again) == (True, False, True, True)


def test_a_lock_that_cannot_be_had_is_no_error(synapses: RowSet, root: Path):
    root.write_text("a file where the store should be")

    with synapses.fetch_lock("key", timeout=0.1) as held:
        assert not held


def test_errors_of_the_block_pass_and_free_the_lock(synapses: RowSet):
    with pytest.raises(KeyError), synapses.fetch_lock("key"):
        raise KeyError

    with synapses.fetch_lock("key", timeout=0.1) as held:
        assert held


def test_a_lease_is_taken_where_the_system_has_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fcntl = pytest.importorskip("fcntl", reason="needs POSIX locks")

    def no_locks(*_: object) -> None:
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr(fcntl, "flock", no_locks)

    with fetch_lock(tmp_path, "a", 1) as held:
        assert held
        assert [path.suffix for path in tmp_path.glob("*.lease")] == [".lease"]
        with fetch_lock(tmp_path, "a", 0.1) as second:
            assert not second


@pytest.mark.parametrize("native", [True, False])
def test_the_lock_of_a_killed_process_is_recovered(tmp_path: Path, native: bool):
    context = multiprocessing.get_context("forkserver")
    ready: multiprocessing.Queue[bool] = context.Queue()
    holder = context.Process(target=hold, args=(tmp_path, "a", native, ready))
    holder.start()
    assert ready.get(timeout=60)
    with fetch_lock(tmp_path, "a", 0.1, native=native) as held:
        assert not held

    holder.kill()
    holder.join()

    with fetch_lock(tmp_path, "a", 60, native=native) as held:
        assert held
