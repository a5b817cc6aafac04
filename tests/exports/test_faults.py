"""A fault is told clearly, leaves what was held, and the next run goes on."""

import gzip
import os
import signal
import subprocess
import time
import urllib.request

import pytest

from cortical_cache import load_client
from cortical_cache.cache.exports import ExportCache
from cortical_cache.cache.facts import utc_now
from cortical_cache.errors import (
    NotAuthorizedError,
    SourceError,
    StoreError,
)
from cortical_cache.sources.buckets.bucket import Bucket, Entry, ObjectGoneError
from cortical_cache.sources.buckets.download import Download
from cortical_cache.sources.dumps.listing import list_exports
from cortical_cache.store import Store
from tests.exports.conftest import write_dump
from tests.kit import PYTHON

HEADER = "id,bigint\npt_root_id,bigint\n"
ROWS = "".join(f"{n},{n * 7}\n" for n in range(5_000))


def damaged(data: bytes, how: str) -> bytes:
    return {
        "cut": data[: len(data) // 2],
        "no trailer": data[:-8],
        "crc": data[:-8] + bytes(4) + data[-4:],
        "no gzip": b"id\n" + data,
    }[how]


@pytest.fixture
def local(server, dumps):
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(dumps))
    return client.exports


@pytest.mark.parametrize("how", ["cut", "no trailer", "crc", "no gzip"])
def test_a_damaged_stream_is_refused_and_the_old_rows_stay(local, dumps, how):
    path = write_dump(dumps, "mine", HEADER, "1,7\n")
    assert len(local.get_table("mine", 5)) == 1
    path.write_bytes(damaged(gzip.compress(ROWS.encode()), how))
    local.reset_available_files()

    with pytest.raises(SourceError, match=r"mine\.csv\.gz is (cut short|damaged)"):
        local.get_table("mine", 5)

    assert len(local._exports.row_set("mine", 5).state().commits) == 1
    assert local._exports.row_set("mine", 5).state().rows == 1
    path.write_bytes(gzip.compress(ROWS.encode()))
    local.reset_available_files()
    assert len(local.get_table("mine", 5)) == 5_000


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (HEADER, "1,2\n3\n", "Expected 2 columns, got 1"),
        (HEADER, "1,2,3\n", "Expected 2 columns, got 3"),
        ("id,bigint\npt_root_id,boolean\n", "1,2\n", "invalid value '2'"),
        ("id,bigint\npt_root_id,money\n", "1,2\n", "type 'money'"),
        ("id,bigint\nid,bigint\n", "1,2\n", "is not a header"),
        ("", "1,2\n", "is not a header"),
        ("id,bigint\npt_position,geometry\n", "1,0102\n", "geometry"),
    ],
)
def test_a_header_that_does_not_match_is_said(local, dumps, header, rows, message):
    write_dump(dumps, "mine", header, rows)

    with pytest.raises(SourceError, match=message):
        local.get_table("mine", 5)

    assert not local.available_data_df()["held"].any()


def test_a_dump_without_its_header_is_said(local, dumps):
    path = write_dump(dumps, "mine", HEADER, "1,2\n")
    path.with_name("mine_header.csv").unlink()

    with pytest.raises(SourceError, match="has no header"):
        local.get_table("mine", 5)


def test_a_header_larger_than_any_is_not_read(local, dumps):
    path = write_dump(dumps, "mine", HEADER, "1,2\n")
    os.truncate(path.with_name("mine_header.csv"), (64 << 20) + 1)

    with pytest.raises(SourceError, match=r"67,108,865 bytes, over 67,108,864"):
        local.get_table("mine", 5)


def test_an_object_that_vanished_is_said(local, dumps):
    path = write_dump(dumps, "mine", HEADER, "1,2\n")
    local.reset_available_files()
    path.unlink()

    with pytest.raises(SourceError, match="is gone, though it was listed"):
        local.get_table("mine", 5)


def test_a_bucket_that_refuses_is_named_with_the_account(server, start, monkeypatch):
    from threading import Thread
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_arguments: object) -> None: ...

    def refuse(_environment, answer) -> list[bytes]:
        answer("403 Forbidden", [("Content-Type", "application/json")])
        return [b'{"error": {"code": 403, "message": "no access"}}']

    door = make_server("127.0.0.1", 0, refuse, handler_class=Quiet)
    Thread(target=door.serve_forever, daemon=True).start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{door.server_port}")
    try:
        with pytest.raises(
            NotAuthorizedError, match="bucket secret may not be read an"
        ):
            Bucket("gs://secret/exports").entries()
    finally:
        door.shutdown()
        door.server_close()


def test_no_room_is_said_before_a_byte_comes(server, dumps, store_dir):
    write_dump(dumps, "mine", HEADER, ROWS)
    (export,) = list_exports(Bucket(str(dumps)))
    from dataclasses import replace

    huge = replace(export, size=10**15)
    store = Store(store_dir).dataset("demo", datastack="demo", server=server.url)
    cache = ExportCache(store, utc_now)

    with pytest.raises(StoreError, match=r"takes about \d+\.0 GB .* are free in"):
        cache.bring(huge, known={})

    assert cache.held("mine", 5) is None


def test_a_cut_download_goes_on_where_it_stopped(server, bucket, tmp_path):
    place = Bucket(bucket)
    entry = place.find("v4/synapses_demo.csv.gz")
    url = f"{server.url}/bucket/{server.world.bucket}/demo/v4/synapses_demo.csv.gz"
    whole = urllib.request.urlopen(url).read()  # noqa: S310  the loopback CAVE
    spool = tmp_path / "spool"
    spool.write_bytes(whole[: len(whole) // 3])
    server.clear_log()

    download = Download(place, entry, spool, lambda _: None)
    assert b"".join(iter(lambda: download.read(1 << 16), b"")) == whole
    assert download.check()["crc32c"]
    download.close()

    media = [one for one in server.requests if "alt=media" in one.query]
    assert sum(one.bytes_out for one in media) == len(whole) - len(whole) // 3


def test_bytes_that_are_not_the_published_ones_are_refused(server, bucket, tmp_path):
    place = Bucket(bucket)
    entry = place.find("v4/cell_types.csv.gz")
    spool = tmp_path / "spool"
    spool.write_bytes(b"x" * 100)
    download = Download(place, entry, spool, lambda _: None)

    with pytest.raises(SourceError, match="do not have the crc32c that is published"):
        download.check()

    download.close()
    assert not spool.exists()


def test_an_object_that_changes_meanwhile_is_refused(dumps):
    path = write_dump(dumps, "mine", HEADER, ROWS)
    place = Bucket(str(dumps))
    entry = place.find("v5/mine.csv.gz")
    download = Download(place, entry, None, lambda _: None)
    download.read(10)
    os.utime(path, (1, 1))

    with pytest.raises(SourceError, match="changed while it was read"):
        download.check()

    download.close()


def test_what_is_asked_of_an_object_that_is_not_there(bucket, tmp_path):
    place = Bucket(bucket)
    ghost = Entry("v4/ghost.csv.gz", is_folder=False, size=10)
    download = Download(place, ghost, tmp_path / "spool", lambda _: None)

    with pytest.raises(ObjectGoneError, match=r"there is no gs://.*ghost"):
        download.read(10)

    download.close()


BRING = """
from pathlib import Path

from cortical_cache.cache.exports import ExportCache
from cortical_cache.cache.facts import utc_now
from cortical_cache.sources.buckets.bucket import Bucket
from cortical_cache.sources.dumps.listing import list_exports
from cortical_cache.store import Store
(export,) = list_exports(Bucket({dumps!r}))
store = Store(Path({store!r})).dataset("demo", datastack="demo", server="http://x")
print("go", flush=True)
cache = ExportCache(store, utc_now, rows_per_file=20_000)
cache.bring(export, known={{}})
"""


def test_a_process_killed_at_any_moment_leaves_nothing_listed(dumps, store_dir):
    rows = "".join(f"{n},{n % 997}\n" for n in range(200_000))
    write_dump(dumps, "mine", HEADER, rows)
    code = BRING.format(dumps=str(dumps), store=str(store_dir))
    store = Store(store_dir).dataset("demo", datastack="demo", server="http://x")
    for delay in (0.0, 0.1, 0.25, 0.45):
        process = subprocess.Popen(
            [PYTHON, "-c", code], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "go\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        held = store.rows("export", "mine", 5).state()
        assert held.rows in (0, 200_000)
        assert held.exists == held.is_whole

    done = subprocess.run([PYTHON, "-c", code], capture_output=True, check=True)

    assert done.returncode == 0
    state = store.rows("export", "mine", 5).state()
    assert (state.rows, state.is_whole) == (200_000, True)
    orders = {file.sorted_by for file in state.commits[0].files}
    assert orders == {("pt_root_id", "id")}
