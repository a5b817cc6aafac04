"""SQL about few cells among many: what is read of a large table, and what it costs."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data.scattered import opened, scattered
from benchmarks.data.synapses import ROOTS
from benchmarks.model import Case, Goal, Job, Work
from cortical_cache.engine.keysets import FEW, HANDED_OVER

__all__ = ["cases"]

PRE, POST = ROOTS
LARGE = 20_000_000
LISTED = 1_000
"""Constants that are written out at most."""
CELLS = (100, 1_000)
AMONG = 200
EVERY_KEY, NO_KEY = 10**9, 0

SUMS = "count(*) AS n, sum(size)::BIGINT AS s, sum(ctr_pt_position_x)::BIGINT AS x"
CHOSEN = "SELECT root_id FROM cell_ids ORDER BY hash(cell_id) LIMIT {number}"
JOIN = f"SELECT {SUMS} FROM synapses JOIN ({CHOSEN}) ON root_id = {POST}"
KEYS = f"SELECT {SUMS} FROM synapses WHERE {POST} IN (SELECT id FROM keys.few)"
TABLES = {"synapses": "synapses", "cell_types": "cell_types"}


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases for tables of these sizes."""
    for rows in sizes:
        for number in CELLS:
            yield _join(rows, number)
        for number in (FEW, LISTED, HANDED_OVER):
            yield _keys(rows, number)
        for name, pandas in NAMED.items():
            yield Case(
                f"sql/named {name} of {rows}",
                f"The query `{name}`, of {rows:,} synapses",
                scattered(rows),
                (
                    Job("cortical_cache", partial(_named, name)),
                    Job("pandas, needed columns", pandas),
                ),
            )


def _join(rows: int, number: int) -> Case:
    return Case(
        f"sql/join with {number} cells of {rows}",
        f"Sums over the inputs of {number:,} scattered cells, of {rows:,} synapses",
        scattered(rows),
        (
            Job("cortical_cache", partial(_joined, number)),
            Job("cortical_cache, keys given", partial(_given, number)),
            Job("DuckDB, every row group", partial(_raw, number, NO_KEY)),
            Job("pandas, needed columns", partial(_pandas_sums, number)),
        ),
        goals=_less_read if rows >= LARGE else (),
        note="A row group is read if one of the cells is in it: 32,768 rows of some.",
    )


_less_read = (
    Goal(
        "not the whole table is read",
        "read_mb",
        "DuckDB, every row group",
        at_least=1.1,
    ),
)


_no_dearer = (
    Goal("no dearer than DuckDB by itself", "cpu", "DuckDB's own limit", at_least=0.85),
)


def _keys(rows: int, number: int) -> Case:
    jobs = [
        Job("cortical_cache", partial(_raw, number, None)),
        Job("DuckDB's own limit", partial(_raw, number, 50)),
        Job("every key handed over", partial(_raw, number, EVERY_KEY)),
    ]
    if number <= LISTED:
        jobs.append(Job("a list of constants", partial(_listed, number)))
    return Case(
        f"sql/keys, {number} of {rows}",
        f"How {number:,} keys reach DuckDB: a semi-join with {rows:,} synapses",
        scattered(rows),
        tuple(jobs),
        goals=_no_dearer if rows >= LARGE else (),
        note="It tells whether `engine/keysets.py` holds on this DuckDB.",
    )


def _roots(number: int) -> list[int]:
    text = CHOSEN.format(number=number)
    return opened().sql(text)["root_id"].tolist()


def _files() -> list[str]:
    """Return the files of the copy that is sorted by the roots of the inputs."""
    return list(opened().explain(f"FROM synapses WHERE {POST} = id").files)


def _joined(number: int, folder: Path) -> Work:
    del folder
    client, text = opened(), JOIN.format(number=number)
    return lambda: client.sql(text, output="arrow")


def _given(number: int, folder: Path) -> Work:
    del folder
    client, roots = opened(), _roots(number)
    return lambda: client.sql(KEYS, params={"few": roots}, output="arrow")


def _raw(number: int, limit: int | None, folder: Path) -> Work:
    """Join with a table of keys of which the scan is told, if they are few enough."""
    del folder
    con = _opened_raw(limit)
    few, join = "few", f"id_ = {POST}"
    if limit == NO_KEY:
        join = f"id_ + 0 = {POST} + 0"  # which no statistics speak of
    con.execute(f"CREATE TABLE {few} AS SELECT unnest($1) AS id_", [_roots(number)])
    text = f"SELECT {SUMS} FROM synapses SEMI JOIN {few} ON {join}"
    return lambda: con.sql(text).to_arrow_table()


def _listed(number: int, folder: Path) -> Work:
    import duckdb

    del folder
    con, roots = _opened_raw(None), _roots(number)

    def work() -> object:
        values = map(duckdb.ConstantExpression, roots)
        rows = con.table("synapses").filter(duckdb.ColumnExpression(POST).isin(*values))
        return rows.aggregate(SUMS).to_arrow_table()

    return work


def _opened_raw(limit: int | None) -> Any:  # noqa: ANN401  a connection
    """Open DuckDB as the engine does, but for how many keys are handed over."""
    from cortical_cache.engine.connection import open_database

    con = open_database(enable_external_file_cache=False)
    con.execute("SET parquet_metadata_cache = true")
    if limit is not None:
        con.execute(f"SET dynamic_or_filter_threshold = {limit}")
    con.read_parquet(_files()).create_view("synapses")
    return con


def _named(name: str, folder: Path) -> Work:
    from cortical_cache.queries import named_query

    del folder
    client, roots = opened(), _roots(AMONG)
    kinds = {one.name: one.kind for one in named_query(name).parameters}
    params = {
        one: TABLES[one] if kind == "table" else roots for one, kind in kinds.items()
    }
    return lambda: client.sql(name=name, params=params)


def _read(columns: Sequence[str]) -> Callable[[], Any]:
    import pandas as pd

    files = _files()
    return lambda: pd.read_parquet(files, columns=[*columns])


def _pandas_sums(number: int, folder: Path) -> Work:
    import pandas as pd

    del folder
    roots, read = _roots(number), _read([POST, "size", "ctr_pt_position_x"])

    def work() -> object:
        rows = read()
        rows = rows[rows[POST].isin(roots)]
        x, s = rows["ctr_pt_position_x"], rows["size"]
        return pd.DataFrame({"n": [len(rows)], "s": [int(s.sum())], "x": [x.sum()]})

    return work


def _pandas_connectivity(folder: Path) -> Work:
    del folder
    roots, read = _roots(AMONG), _read(ROOTS)

    def work() -> object:
        rows = read()
        rows = rows[rows[PRE].isin(roots) & rows[POST].isin(roots)]
        rows = rows[rows[PRE] != rows[POST]]
        return rows.groupby([PRE, POST]).size().reset_index(name="n_synapses")

    return work


def _pandas_degrees(folder: Path) -> Work:
    import pandas as pd

    del folder
    roots, read = _roots(AMONG), _read(ROOTS)

    def work() -> object:
        rows = read()
        rows = rows[rows[PRE] != rows[POST]]
        counts: dict[str, Any] = {}
        for mine, other, n, partners in (
            (POST, PRE, "n_in", "in_partners"),
            (PRE, POST, "n_out", "out_partners"),
        ):
            by_root = rows[rows[mine].isin(roots)].groupby(mine)[other]
            counts |= {n: by_root.size(), partners: by_root.nunique()}
        found = pd.DataFrame(counts, index=pd.Index(roots, name="root_id"))
        return found.fillna(0).astype("int64").reset_index()

    return work


def _pandas_type_pairs(folder: Path) -> Work:
    del folder
    client, read = opened(), _read(ROOTS)

    def work() -> object:
        ids = client.sql("SELECT cell_id, root_id FROM cell_ids")
        types = client.sql("SELECT target_id, cell_type FROM cell_types")
        typed = ids.merge(types, left_on="cell_id", right_on="target_id")
        by_root = typed.astype({"root_id": "int64"}).set_index("root_id")["cell_type"]
        rows = read()
        rows = rows[rows[PRE] != rows[POST]]
        rows["pre_type"], rows["post_type"] = (rows[one].map(by_root) for one in ROOTS)
        rows = rows.dropna()
        kinds = rows.groupby(["pre_type", "post_type"])
        pairs = rows.drop_duplicates([*ROOTS]).groupby(["pre_type", "post_type"])
        found = kinds.size().to_frame("n_synapses").assign(n_pairs=pairs.size())
        return found.reset_index()

    return work


NAMED: dict[str, Callable[[Path], Work]] = {
    "connectivity": _pandas_connectivity,
    "degrees": _pandas_degrees,
    "type_pairs": _pandas_type_pairs,
}
