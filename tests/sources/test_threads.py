"""Replies are read in several threads at once."""

import subprocess
import sys

CODE = """
import gc
import io
import threading
import time

import pyarrow as pa
import requests

from cortical_cache.sources.cave.replies import read_reply

table = pa.table({"id": [1]})
sink = io.BytesIO()
with pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
header = repr({"cells": {f"column{number}": "x" for number in range(40)}})

def reply():
    made = requests.Response()
    made.status_code = 200
    made.headers["column_names"] = header
    made.headers["Content-Type"] = "data.arrow"
    made._content = sink.getvalue()
    return made

failures = []

def read():
    try:
        for _ in range(300):
            assert len(read_reply(reply(), "cells").columns["cells"]) == 40
    except BaseException as error:
        failures.append(error)

# Collecting lets other threads in, as a file that is closed on the way does.
gc.set_threshold(50)
gc.callbacks.append(lambda *_: time.sleep(0))
threads = [threading.Thread(target=read) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failures)
"""


def test_headers_that_are_parsed_at_once_are_all_read():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
