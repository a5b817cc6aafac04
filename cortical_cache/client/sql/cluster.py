"""Tables and named queries for Dask, where one machine is too small.

Workers read the files of the store where they lie, so it must be on a disk that all of
them see under the same path.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from cortical_cache.client.sql.answering import Sql
from cortical_cache.client.sql.naming import table_name
from cortical_cache.client.sql.question import Question, Task
from cortical_cache.errors import ConfigurationError, UnsupportedQueryError
from cortical_cache.model.sql import Lookup
from cortical_cache.queries import Parts

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

__all__ = ["Cluster", "Filters", "answer_on", "to_dask"]

Filters: TypeAlias = Sequence[Any]
"""As pyarrow takes them: ``[("size", ">", 100), ...]``, or a list of such lists."""


class Cluster(Protocol):
    """What is asked of a ``dask.distributed.Client``."""

    def map(self, _func: Any, /, *_each: Any, **_how: Any) -> list[Any]:  # noqa: ANN401  Dask's own signature
        """Run a function for each."""
        ...

    def gather(self, futures: Any) -> Any:  # noqa: ANN401  Dask's own signature
        """Wait for what it returns."""
        ...


def answer_on(cluster: Cluster, sql: Sql, question: Question) -> "pa.Table":
    """Return the rows of a statement that workers have answered.

    Raises as `Sql.answer`.
    """

    def run(task: Task) -> "pa.Table":
        tasks = _tasks(task, question.parts)
        found = cluster.gather(cluster.map(_answered, tasks, pure=False))
        return _together(found, question.parts)

    return sql.answer(question, run)


def _tasks(task: Task, parts: Parts | None) -> list[Task]:
    from cortical_cache.engine.parts import parts as cut

    if parts is None:
        return [task]
    name = next(one for one in task.sources if one.key == ("", "", parts.table))
    return [
        replace(task, sources={**task.sources, name: one})
        for one in cut(task.sources[name], parts.column)
    ]


def _answered(task: Task) -> "pa.Table":
    from cortical_cache.engine.shut import ShutDatabase

    with ShutDatabase(task.sources, task.memory_limit, task.transform) as database:
        return database.run(
            task.statement, task.sources, task.keys, task.values, task.timeout
        )


def _together(found: "Sequence[pa.Table]", parts: Parts | None) -> "pa.Table":
    """Add up the answers to the parts, and order them as `ORDER BY ALL` does."""
    import pyarrow as pa

    rows = pa.concat_tables(found)
    if parts is None or len(found) == 1:
        return rows
    counted = {*parts.sums, *parts.maxima}
    same = [one for one in rows.column_names if one not in counted]
    kinds: list[Any] = [(one, "sum") for one in parts.sums]
    kinds += [(one, "max") for one in parts.maxima]
    added = rows.group_by(same).aggregate(kinds)
    named = {f"{one}_sum": one for one in parts.sums}
    named |= {f"{one}_max": one for one in parts.maxima}
    added = added.rename_columns([named.get(one, one) for one in added.column_names])
    added = added.select(rows.column_names).cast(rows.schema)
    return added.sort_by([(one, "ascending") for one in same]) if same else added


def to_dask(
    sql: Sql, table: str, columns: Sequence[str] | None, filters: Filters | None
) -> "dd.DataFrame":
    """See `Client.to_dask`."""
    try:
        import dask.dataframe as dd
    except ImportError as error:
        message = "to_dask needs Dask: pip install 'cortical-cache[dask]'"
        raise ConfigurationError(message) from error
    import pyarrow.parquet as pq

    from cortical_cache.client.outputs import to_pandas

    source = sql.source(table_name(table), _lookups(filters or ()))
    part, *others = source.parts
    if source.rule not in {"all", "valid"} or others:
        raise UnsupportedQueryError(
            "to_dask gives tables, views and exports; client.sql(..., output='arrow') "
            "gives cell_ids, partial and graph rows"
        )
    shape = part.held.shape
    shown = [*(shape.stored_columns if columns is None else columns)]
    kept = _filter(
        filters, valid=source.rule == "valid" and bool(shape.column("valid"))
    )
    empty = to_pandas(pq.read_schema(source.files[0]).empty_table().select(shown))
    made: Any = dd  # from_map is of no known type
    return made.from_map(_frame, source.files, columns=shown, kept=kept, meta=empty)


def _lookups(filters: Filters) -> list[Lookup]:
    """Return the keys that all rows have one of, where the filters say so plainly."""
    found: list[Lookup] = []
    for one in filters:
        match one:
            case (str(column), "=" | "==", int(key)):
                found.append(Lookup(column.casefold(), frozenset({key})))
            case (str(column), "in", keys) if {*map(type, keys)} == {int}:
                found.append(Lookup(column.casefold(), frozenset(keys)))
            case _:
                pass
    return found


def _filter(filters: Filters | None, *, valid: bool) -> "pc.Expression | None":
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    kept = pc.field("valid") if valid else None
    if not filters:
        return kept
    given = pq.filters_to_expression([*filters])
    return given if kept is None else given & kept


def _frame(
    file: str, columns: Sequence[str], kept: "pc.Expression | None"
) -> "pd.DataFrame":
    import pyarrow.parquet as pq

    from cortical_cache.client.outputs import to_pandas

    return to_pandas(pq.read_table(file, columns=[*columns], filters=kept))
