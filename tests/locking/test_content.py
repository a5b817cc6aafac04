"""The digest of rows: what changes it, what does not, and what it is by other code."""

import math
import struct
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortical_cache.errors import UnsupportedQueryError
from cortical_cache.store.content import content_of, content_of_files

WORD = 2**64
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("size", pa.float32()),
        ("x", pa.float64()),
        ("valid", pa.bool_()),
        ("tag", pa.string()),
        ("created", pa.timestamp("us", "UTC")),
    ]
)
KINDS = {
    "id": "int64",
    "size": "float32",
    "x": "float64",
    "valid": "bool",
    "tag": "text",
    "created": "time",
}


def floats(width: int):
    return st.none() | st.floats(width=width)


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        floats(32),
        floats(64),
        st.none() | st.booleans(),
        st.none() | st.text(max_size=5),
        st.none()
        | st.datetimes(datetime(1900, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)),
    ),
    max_size=8,
)


def table(rows, schema: pa.Schema = SCHEMA) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table(
        [pa.array(one, kind) for one, kind in zip(columns, schema.types, strict=True)],
        schema=schema,
    )


def digest(rows: pa.Table) -> str:
    return content_of(rows.to_batches(), rows.schema).digest


# The same by the words of the definition, in Python's own numbers.


def mix(word: int) -> int:
    word ^= word >> 30
    word = word * 0xBF58476D1CE4E5B9 % WORD
    word ^= word >> 27
    word = word * 0x94D049BB133111EB % WORD
    return word ^ word >> 31


def word(value: object, lane: int) -> int:
    if isinstance(value, bool | int):
        return int(value) % WORD
    if isinstance(value, float):
        value = math.nan if math.isnan(value) else value + 0.0
        return struct.unpack("<Q", struct.pack("<d", value))[0]
    if isinstance(value, datetime):
        passed = value - datetime(1970, 1, 1, tzinfo=UTC)
        micros = (passed.days * 86_400 + passed.seconds) * 10**6 + passed.microseconds
        return micros % WORD
    half = blake2b(str(value).encode(), digest_size=16).digest()[lane * 8 :][:8]
    return int.from_bytes(half, "little")


def by_definition(rows) -> str:
    sums = [0, 0]
    for row in rows:
        for lane in (0, 1):
            total = 0
            for name, value in zip(SCHEMA.names, row, strict=True):
                key = blake2b(f"rows1\0{name}\0{KINDS[name]}".encode(), digest_size=32)
                seed, nothing = struct.unpack("<QQ", key.digest()[lane * 16 :][:16])
                total += (
                    nothing if value is None else mix((word(value, lane) + seed) % WORD)
                )
            sums[lane] += mix(total % WORD)
    return "rows1:" + "".join(f"{one % WORD:016x}" for one in sums)


@given(ROWS)
def test_it_is_what_the_definition_says(rows):
    assert digest(table(rows)) == by_definition(rows)


def test_it_stays_what_it_was_on_every_machine():
    moment = datetime(2024, 7, 1, tzinfo=UTC)
    rows = [(864691135336055500, 1.5, -0.0, True, "axon", moment), (None,) * 6]

    assert digest(table(rows)) == "rows1:b5986d185edf380f5db9f6fdaf88fb21"


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 9))
def test_neither_order_nor_batches_nor_column_order_change_it(rows, random, size):
    before = digest(table(rows))
    random.shuffle(rows)
    columns = list(SCHEMA.names)
    random.shuffle(columns)
    after = table(rows).select(columns)

    batches = after.to_batches(size)

    assert content_of(batches, after.schema).digest == before


@given(ROWS.filter(bool), st.data())
def test_any_other_value_changes_it(rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(SCHEMA) - 1))
    other = data.draw(ROWS.filter(bool))[0][column]
    changed = [list(row) for row in rows]
    changed[place][column] = other
    if repr(rows[place][column]) in {repr(other), repr(negated(other))}:
        return
    ours, theirs = digest(table(rows)), digest(table(changed))

    assert (ours == theirs) == (
        sorted(map(repr, rows)) == sorted(map(repr, map(tuple, changed)))
    )


def negated(value):
    return -value if isinstance(value, float) and value == 0 else value


def one(kind: pa.DataType, *values: object) -> str:
    return digest(pa.table({"a": pa.array(values, kind)}))


def test_null_type_repeats_and_who_a_value_belongs_to_all_count():
    assert one(pa.int64(), 0) != one(pa.int64(), None)
    assert one(pa.string(), "") != one(pa.string(), None)
    assert one(pa.float64(), 0.0) != one(pa.float64(), None)
    assert one(pa.int64(), 1) != one(pa.int32(), 1)
    assert one(pa.float64(), 1) != one(pa.float32(), 1)
    assert one(pa.int64(), 1) != one(pa.int64(), 1, 1)
    assert one(pa.int64(), 1, 1) != one(pa.int64(), 2, 2)
    assert one(pa.int64()) != one(pa.int64(), 0)
    assert one(pa.float64(), -0.0) == one(pa.float64(), 0.0)
    crossed = pa.table({"a": [1, 2], "b": [3, 4]}), pa.table({"a": [1, 2], "b": [4, 3]})
    assert digest(crossed[0]) != digest(crossed[1])
    named = pa.table({"a": [1], "b": [2]}), pa.table({"a": [2], "b": [1]})
    assert digest(named[0]) != digest(named[1])


def test_neither_files_nor_their_encoding_change_it(tmp_path: Path):
    rows = [
        (n * 10**14, n / 7, -n / 3, n % 2 == 0, f"t{n % 5}", None)
        for n in range(50_000)
    ]
    whole = table(rows)
    plain, *cut = (tmp_path / f"{n}.parquet" for n in range(4))
    pq.write_table(whole, plain, compression="zstd", use_dictionary=False)
    for number, path in enumerate(cut):
        part = whole.slice(number * 20_000, 20_000)
        pq.write_table(part, path, row_group_size=999, compression="gzip")

    ours = content_of_files([plain], whole.column_names)

    assert ours == content_of_files(cut[::-1], whole.column_names[::-1])
    assert (ours.rows, ours.digest) == (50_000, digest(whole))
    encoded = whole.set_column(4, "tag", whole["tag"].dictionary_encode())
    assert digest(encoded) == ours.digest
    fewer = content_of_files([plain], ["id", "size"])
    assert fewer.schema_digest != ours.schema_digest


def test_a_type_that_cave_does_not_have_is_refused():
    with pytest.raises(UnsupportedQueryError, match="column a"):
        one(pa.list_(pa.int64()), [1])
