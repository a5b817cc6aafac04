"""What a new process imports on its way to an answer."""

import pytest

from cortical_cache import load_client
from tests.kit import python

HEAVY = {
    "caveclient", "cloudvolume", "duckdb", "fsspec", "meshparty", "networkx", "numpy",
    "pandas", "pcg_skel", "pyarrow", "requests", "scipy",
}  # fmt: skip
BEGIN = """
import sys
from cortical_cache import load_client
client = load_client("demo", version=5, offline=True)
"""
END = """
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
ANSWER = {"duckdb", "numpy", "pandas", "pyarrow"}


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        ("", set[str]()),
        ("client.cached.materialize.query_table('cell_types')", ANSWER),
        ("client.sql('SELECT count(*) FROM cell_types')", ANSWER),
        ("client.tables.cell_types().query()", ANSWER | {"caveclient"}),
    ],
)
def test_a_process_imports_what_its_question_needs(server, work, expected):
    load_client("demo", version=5).tables.cell_types().query()

    ran = python(BEGIN + work + END)

    assert ran.code == 0, ran.err
    loaded = set(ran.out.split()) & HEAVY
    if "caveclient" in loaded:  # it brings its own
        loaded &= ANSWER | {"caveclient", "cloudvolume", "meshparty", "pcg_skel"}
    assert loaded == expected
