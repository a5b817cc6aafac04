"""Ctrl-C stops a query at once, as Ctrl-C."""

import signal
import threading
import time

import duckdb
import pytest

from cortical_cache.engine.connection import open_database, running
from cortical_cache.errors import StoreChangedError


@pytest.mark.parametrize("ask", ["fetchall", "to_arrow_table"])
def test_a_query_that_is_interrupted_raises_what_ctrl_c_raises(ask):
    with open_database() as connection:
        long = connection.sql("SELECT sum(range) FROM range(1000000000000)")
        press = threading.Timer(
            0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)
        )
        press.start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt), running(connection):
            getattr(long, ask)()
        assert time.monotonic() - start < 60, "DuckDB sums for hours"
        press.join()


def test_other_run_time_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="ours"), running(duckdb.connect()):
        raise RuntimeError("ours")
    with pytest.raises(StoreChangedError), running(duckdb.connect()):
        raise duckdb.IOException("no such file")
