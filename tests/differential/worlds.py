"""Tables and views with whatever hurts, drawn by Hypothesis and put into a world.

What is drawn are plain values by column, so that a failing example reads as a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import strategies as st

from cortical_cache.demo import World
from cortical_cache.demo.rows import (
    FLOAT_KINDS,
    WHOLE_KINDS,
    Kind,
    Rows,
    Vector,
    empty,
    floating,
    moments,
    points,
    text,
    truth,
    whole,
)
from cortical_cache.demo.schemas import Schema, all_schemas
from cortical_cache.demo.world import (
    AlignedVolume,
    Datastack,
    FrozenTable,
    MergedTable,
    SplitTable,
    Table,
    Version,
    View,
)

MERGED, SPLIT = 1, 2
VERSIONS = (MERGED, SPLIT)

MAIN, REFERS, OTHER, VIEW = "main", "refers", "other", "shown"

Resolution = tuple[float, float, float]
Values = Mapping[str, list]

_ROOTS = [
    864_691_135_336_055_529,
    864_691_135_336_055_530,
    2**53,
    2**53 + 1,
    2**63 - 1,
    42,
    0,
]
_WHOLE: dict[Kind, list[int]] = {
    "bigint": [0, 1, 2, 7, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)],
    "integer": [0, 1, 2, 7, -1, 2**31 - 1, -(2**31)],
    "smallint": [0, 1, 2, 7, -1, 2**15 - 1, -(2**15)],
}
_IDS = [1, 2, 3, 4, 5, 6, 7, 2**53, 2**53 + 1, 2**53 + 2, 2**62, 2**63 - 1]
_FLOATS = [
    0.0,
    -0.0,
    0.1,
    float(np.float32(0.1)),
    1.5,
    300.25,
    299.9999999,
    16_777_217.0,
    -7.0,
    1e300,
    -1e300,
    5e-324,
    float("nan"),
    float("inf"),
    float("-inf"),
]
_TEXTS = [
    "",
    "a",
    "A",
    "b",
    "23P",
    "23p",
    "é",
    "日本",
    "it's",
    '"q"',
    "a\nb",
    " a ",
    "\\d",
]
_PERCENT = ["50%", "%", "a%b", "%%"]
_TIMES = [
    datetime(2025, 1, 2, 3, 4, 5, 678_901),
    datetime(2025, 1, 2, 3, 4, 5),
    datetime(1999, 12, 31, 23, 59, 59, 999_999),
    datetime(2262, 1, 1),
]
_COORDINATES = [
    *(0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 50.0, 300_000.3, 133_337.33),
    *(100_005.0, 100_006.5, 100_007.5, 2.0**24, 2.0**24 + 1, 2.0**24 + 1.5),
    *(2.0**31 - 1, -(2.0**31)),
]
_UNITS: list[Resolution] = [
    (1.0, 1.0, 1.0),
    (4.0, 4.0, 40.0),
    (9.7, 9.7, 45.0),
    (8.0, 8.0, 33.0),
]
_VIEW_KINDS: dict[str, Kind] = {
    "id": "bigint",
    "pt_root_id": "bigint",
    "pt_supervoxel_id": "bigint",
    "pt_position": "geometry",
    "n": "integer",
    "few": "smallint",
    "ratio": "double precision",
    "single": "real",
    "mean": "numeric",
    "flag": "boolean",
    "tag": "character varying",
    "created": "timestamp without time zone",
    "a_x": "bigint",
    "a_y": "double precision",
    "a_z": "integer",
}


@dataclass(frozen=True)
class TableRows:
    """A table: schema, units, what it refers to, and its values by column."""

    name: str
    schema: str
    resolution: Resolution
    target: str | None
    by_column: Values
    segmented: tuple[bool, ...]  # rows without segmentation wait for their lookup

    def columns(self, version: int) -> dict[str, Kind]:
        """Model columns of a version, with their SQL types."""
        schema = all_schemas()[self.schema]
        if version == MERGED:
            return dict(schema.flat)
        return {**schema.annotation, **schema.segmentation}

    def stored(self, column: str, version: int) -> list:
        """Return a column's values in a version's database."""
        values = self.by_column[column]
        if version == MERGED:
            return values[1:]
        if column in all_schemas()[self.schema].segmentation:
            return [
                one if has else None
                for one, has in zip(values, self.segmented, strict=True)
            ]
        return values


@dataclass(frozen=True)
class ViewRows:
    """A view: units, types and values by column."""

    name: str
    resolution: Resolution
    kinds: Mapping[str, Kind]
    by_column: Values

    def columns(self, version: int) -> dict[str, Kind]:
        assert version in VERSIONS
        return dict(self.kinds)


@dataclass(frozen=True)
class Drawn:
    """Everything drawn for one world."""

    tables: tuple[TableRows, ...]
    views: tuple[ViewRows, ...]

    def __getitem__(self, name: str) -> TableRows | ViewRows:
        return next(one for one in (*self.tables, *self.views) if one.name == name)


def values_of(  # noqa: PLR0911 - one answer a line
    kind: Kind, column: str = ""
) -> st.SearchStrategy[object]:
    """Draw one value that is not NULL."""
    if column.endswith(("_root_id", "_supervoxel_id")):  # 1 is never an id
        return st.sampled_from(_ROOTS)
    if kind in WHOLE_KINDS:
        return st.sampled_from(_WHOLE[kind]) | st.integers(-20, 20)
    if kind in FLOAT_KINDS:
        return st.sampled_from(_FLOATS) | st.floats(width=32)
    if kind == "boolean":
        return st.booleans()
    if kind == "character varying":
        return st.sampled_from(_TEXTS) | st.sampled_from(_PERCENT)
    if kind == "geometry":
        axis = st.sampled_from(_COORDINATES) | st.floats(-1e6, 1e6)
        return st.tuples(axis, axis, axis)
    return st.sampled_from(_TIMES)


@st.composite
def _column(draw: st.DrawFn, name: str, kind: Kind, rows: int) -> list:
    if name == "id":
        order = draw(st.permutations(_IDS))
        return [*order[:rows]]
    value = values_of(kind, name)
    if name == "target_id":
        value = st.sampled_from(_IDS[:10])
    if name == "valid":
        value = st.sampled_from([True, True, True, True, False])
    nulls = draw(st.sampled_from(["none", "some", "some", "none", "all"]))
    if name in ("valid", "target_id"):
        value = st.one_of(*[value] * 9, st.none())
        nulls = "none"
    if nulls == "all":
        return [None] * rows
    if nulls == "some":
        value = st.none() | value | value | value
    return draw(st.lists(value, min_size=rows, max_size=rows))


@st.composite
def _table(
    draw: st.DrawFn, name: str, schemas: tuple[str, ...], target: str | None
) -> TableRows:
    schema = draw(st.sampled_from(schemas))
    rows = draw(st.sampled_from([9, 7, 12, 5, 3, 2, 1, 0]))
    kinds = {**all_schemas()[schema].annotation, **all_schemas()[schema].segmentation}
    return TableRows(
        name,
        schema,
        draw(st.sampled_from(_UNITS)),
        target,
        {column: draw(_column(column, kind, rows)) for column, kind in kinds.items()},
        tuple(draw(st.sampled_from([True, True, True, False])) for _ in range(rows)),
    )


@st.composite
def _view(draw: st.DrawFn) -> ViewRows:
    names = draw(
        st.lists(
            st.sampled_from(sorted(_VIEW_KINDS)), min_size=1, max_size=7, unique=True
        )
    )
    if draw(st.booleans()):
        names = [*(name for name in names if name[:2] != "a_"), "a_x", "a_y", "a_z"]
    rows = draw(st.sampled_from([9, 6, 4, 2, 0]))
    return ViewRows(
        VIEW,
        draw(st.sampled_from(_UNITS)),
        {name: _VIEW_KINDS[name] for name in names},
        {name: draw(_column(name, _VIEW_KINDS[name], rows)) for name in names},
    )


def _schemas(*, reference: bool) -> tuple[str, ...]:
    return tuple(
        name
        for name, schema in sorted(all_schemas().items())
        if "valid" in schema.flat and schema.reference == reference
    )


_PLAIN = ("synapse", "nucleus_detection", "cell_type_local", *_schemas(reference=False))
_REFERENCE = _schemas(reference=True)


@st.composite
def worlds(draw: st.DrawFn) -> Drawn:
    """Draw a table, one that refers to it, a third one of any kind, and a view."""
    return Drawn(
        (
            draw(_table(MAIN, _PLAIN, None)),
            draw(_table(REFERS, _REFERENCE, MAIN)),
            draw(_table(OTHER, _PLAIN, None)),
        ),
        (draw(_view()),),
    )


def vector(kind: Kind, values: list) -> Vector:
    """Return a column of the demo's rows."""
    null = np.array([one is None for one in values], dtype=np.bool_)
    if kind in WHOLE_KINDS:
        return whole([one or 0 for one in values], null, kind)
    if kind in FLOAT_KINDS:
        return floating([0.0 if one is None else one for one in values], null, kind)
    if kind == "boolean":
        return truth([bool(one) for one in values], null)
    if kind == "character varying":
        return text(values)
    if kind == "geometry":
        rows = [(0.0, 0.0, 0.0) if one is None else one for one in values]
        return points(np.array(rows, dtype=np.float64).reshape(-1, 3), null)
    return moments(np.array(values, dtype="datetime64[us]"), null)


def rows_of(kinds: Mapping[str, Kind], values: Values) -> Rows:
    return Rows({name: vector(kind, values[name]) for name, kind in kinds.items()})


def frozen(table: TableRows, version: int) -> FrozenTable:
    """Copy a table into a version; the merged one has all rows but the first."""
    schema = all_schemas()[table.schema]
    has = np.array(table.segmented, dtype=np.bool_)
    if version == SPLIT:
        annotation = rows_of(schema.annotation, table.by_column)
        segmentation = None
        if schema.segmentation:
            kinds: dict[str, Kind] = {"id": "bigint", **schema.segmentation}
            segmentation = rows_of(kinds, table.by_column).take(has)
        return SplitTable(len(annotation), annotation, segmentation)
    flat = rows_of(schema.flat, table.by_column).take(slice(1, None))
    return MergedTable(len(flat), flat)


def view_rows(view: ViewRows, version: int) -> Rows:
    rows = rows_of(view.kinds, view.by_column)
    return rows.take(slice(1, None)) if version == MERGED else rows


def world_of(drawn: Drawn) -> World:
    """Put what was drawn into a world of one datastack with two versions."""
    start = datetime(2025, 1, 1, 8, 10, 1, 500_000, tzinfo=UTC)
    names = {table.name: number for number, table in enumerate(drawn.tables, 1)}
    versions = tuple(
        Version(
            row_id=number,
            number=number,
            time_stamp=start + timedelta(days=number),
            expires_on=None,
            is_merged=number == MERGED,
            valid=True,
            status="AVAILABLE",
            tables=names,
        )
        for number in VERSIONS
    )
    stack = Datastack(
        "demo", "", "volume", "graph", MAIN, MAIN, (4.0, 4.0, 40.0), versions
    )
    volume = AlignedVolume(
        1,
        "volume",
        "",
        "",
        "",
        {table.name: _live(table, start) for table in drawn.tables},
        {view.name: _view_record(view) for view in drawn.views},
    )
    return World(
        {"demo": stack},
        {"volume": volume},
        {},
        {
            ("demo", number): {t.name: frozen(t, number) for t in drawn.tables}
            for number in VERSIONS
        },
        {
            ("demo", number): {v.name: view_rows(v, number) for v in drawn.views}
            for number in (0, *VERSIONS)
        },
    )


def _live(table: TableRows, created: datetime) -> Table:
    schema: Schema = all_schemas()[table.schema]
    return Table(
        name=table.name,
        schema=schema.name,
        description="",
        voxel_resolution=table.resolution,
        created=created,
        last_modified=created,
        annotation=Rows({n: empty(kind, 0) for n, kind in schema.annotation.items()}),
        segmentation=None,
        reference_table=table.target,
    )


def _view_record(view: ViewRows) -> View:
    return View(1, view.name, "", view.resolution, view.kinds)
