"""What it costs to begin: imports, a client, the first frame of a new process."""

from collections.abc import Iterator

from benchmarks.data.cortex import DATASET, VERSION, cortex
from benchmarks.model import Case, Goal, Job

__all__ = ["cases"]

SMALL = cortex(1_000_000)
EMPTY = Job("an empty process", script="print('{}')")

# None of them may have been loaded by importing the package.
_IMPORT = """
import cortical_cache, json, sys
heavy = ("duckdb", "caveclient", "cloudvolume", "meshparty", "pandas", "pyarrow")
print(json.dumps({"extra": {"heavy": sum(one in sys.modules for one in heavy)}}))
"""
_READY = f"""
from cortical_cache import load_client
client = load_client({DATASET!r}, version={VERSION}, offline=True)
print("{{}}")
"""
_FRAME = f"""
from cortical_cache import load_client
client = load_client({DATASET!r}, version={VERSION}, offline=True)
rows = client.tables.nucleus_detection_v0().query(split_positions=True)
print('{{"answer": %d}}' % len(rows))
"""
_QUERY = _FRAME.replace(
    "tables.nucleus_detection_v0().query(",
    "cached.materialize.query_table('nucleus_detection_v0', ",
)
# The same rows: it reads the file that lies in the store.
_IMPORTS = """
import pandas, caveclient.tools
print("{}")
"""
_PANDAS = """
import os, pathlib
import pandas as pd
store = pathlib.Path(os.environ["CORTICAL_CACHE_DIR"])
path = next(store.rglob("tables/nucleus_detection_v0/*.parquet"))
rows = pd.read_parquet(path, dtype_backend="numpy_nullable")
print('{"answer": %d}' % len(rows))
"""


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases; the size of a table is nothing to them."""
    del sizes
    yield Case(
        "startup/import",
        "A process that imports the package, from its start to its end",
        SMALL,
        (
            Job("cortical_cache", script=_IMPORT),
            EMPTY,
            _imports("pandas"),
            _imports("caveclient"),
            _imports("cortical_tools.common"),
        ),
        goals=(
            _over_nothing("0.3 s more than an empty process", 0.3),
            Goal("none of the heavy libraries loaded", "heavy", at_most=0),
        ),
        fresh=True,
    )
    yield Case(
        "startup/client ready",
        "A process with a client of a pinned, held version",
        SMALL,
        (Job("cortical_cache", script=_READY), EMPTY),
        goals=(_over_nothing("0.5 s more than an empty process", 0.5),),
        fresh=True,
    )
    yield Case(
        "startup/first frame",
        "A process up to its first frame from the store, by a table manager",
        SMALL,
        (
            Job("cortical_cache", script=_FRAME),
            Job("cortical_cache, query_table", script=_QUERY),
            Job("importing pandas and caveclient", script=_IMPORTS),
            Job("pandas on Parquet", script=_PANDAS),
        ),
        goals=(
            Goal(
                "2.5 s of CPU",
                "cpu",
                at_most=2.5,
                why="nine tenths are the imports of pandas and of caveclient, whose "
                "table managers these are: see the row that does nothing else.",
            ),
        ),
        fresh=True,
        note="caveclient is imported for its table managers; query_table needs none.",
    )


def _imports(module: str) -> Job:
    needs = (module.partition(".")[0],)
    return Job(needs[0], script=f"import {module}; print('{{}}')", needs=needs)


def _over_nothing(text: str, seconds: float) -> Goal:
    return Goal(text, "wall", EMPTY.name, at_most=seconds, is_difference=True)
