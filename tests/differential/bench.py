"""One drawn world, served, and our client in every state that its store can be in."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from caveclient import CAVEclient

from cortical_cache import load_client
from cortical_cache.client import Client
from cortical_cache.demo import LoopbackCave, ServerSettings
from cortical_cache.engine import Engine
from cortical_cache.errors import UnsupportedQueryError
from cortical_cache.model.arguments import join_query, table_query
from cortical_cache.model.blockers import blockers
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import ColumnType, TableShape
from cortical_cache.policy.freshness import Fact
from cortical_cache.testing import forget_client_caches, write_token
from tests.differential.questions import Question, made
from tests.differential.worlds import MAIN, VERSIONS, Drawn, TableRows, world_of

ENGINE = Engine()

MANY = 10**7
"""Rows that a table is said to have, so that it is not fetched whole."""


class Bench:
    """The plain caveclient, and ours, before the same server."""

    def __init__(self, drawn: Drawn, cave: LoopbackCave, folder: Path) -> None:
        self.drawn = drawn
        self.cave = cave
        self._folder = folder
        self._exact: dict[tuple[str, int], HeldRows] = {}

    @cached_property
    def plain(self):
        return CAVEclient("demo", server_address=self.cave.url).materialize

    def client(self, store: str, *, offline: bool = False) -> Client:
        return load_client(
            "demo",
            cache_dir=self._folder / store,
            server_address=self.cave.url,
            offline=offline,
        )

    @cached_property
    def _mirrored(self) -> Client:
        return self.client("mirrored")

    @cached_property
    def _mirrored_offline(self) -> Client:
        return self.client("mirrored", offline=True)

    @cached_property
    def _bare(self) -> Client:
        return self.client("bare")

    @cached_property
    def _large(self) -> Client:
        client = self.client("large")
        for version in VERSIONS:
            for one in (*self.drawn.tables, *self.drawn.views):
                name = f"{Fact.ROW_COUNTS.value}.{one.name}"
                now = datetime.now(UTC)
                client.repositories.store.write_fact(name, MANY, version, now)
        return client

    @cached_property
    def _large_offline(self) -> Client:
        return self.client("large", offline=True)

    def mirrored(self, question: Question):
        """Ask where all tables of the question are held whole."""
        of = self._mirrored.repositories
        kind = "view" if question.method == "query_view" else "table"
        for table in self.tables_of(question):
            of.rows.mirror(of.catalog.subject(table, question.version, kind))
        return question.ask(self._mirrored.cached.materialize)

    def offline(self, question: Question):
        """Ask the same store without a network."""
        return question.ask(self._mirrored_offline.cached.materialize)

    def bare(self, question: Question):
        """Ask where no row is held."""
        for version in VERSIONS:
            folder = self._bare.cache_dir / f"v{version}"
            for kind in ("tables", "views", "queries"):
                shutil.rmtree(folder / kind, ignore_errors=True)
        return question.ask(self._bare.cached.materialize)

    def large(self, question: Question):
        """Ask where the tables are too large to be fetched whole."""
        return question.ask(self._large.cached.materialize)

    def large_offline(self, question: Question):
        """Ask for what was fetched of large tables."""
        return question.ask(self._large_offline.cached.materialize)

    def exact(self, question: Question):
        """Ask the engine for rows as an export has them: nothing rounded."""
        build = {"query_table": table_query, "join_query": join_query}[question.method]
        arguments = made(dict(question.arguments))
        version = arguments.pop("materialization_version")
        if question.method == "query_table":
            merges = question.get("merge_reference", True)
            target = self.drawn[question.about].target if merges else None
            arguments["reference_table"] = target
        query = build(
            made(question.about), datastack="demo", version=version, **arguments
        )
        held = {name: self._exact_rows(name, version) for name in query.tables}
        shapes = {name: rows.shape for name, rows in held.items()}
        if reason := blockers(query, shapes):
            raise UnsupportedQueryError(reason)
        return ENGINE.answer(query, held)

    def _exact_rows(self, name: str, version: int) -> HeldRows:
        if (name, version) not in self._exact:
            of = self._mirrored.repositories
            subject = of.catalog.subject(name, version, "table")
            of.rows.mirror(subject)
            shape = of.rows.row_set(subject).state().shape
            path = self._folder / f"{name}_{version}.parquet"
            pq.write_table(exact_rows(self.drawn[name], version, shape), path)
            self._exact[name, version] = HeldRows(
                shape, (Piece((str(path),)),), exact=True
            )
        return self._exact[name, version]

    def tables_of(self, question: Question) -> tuple[str, ...]:
        names = list(question.tables)
        if question.is_join and question.method == "query_table":
            names.append(MAIN)
        return tuple(dict.fromkeys(names))


_ARROW = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us", "UTC"),
    ColumnType.POINT: pa.float64(),
}


def exact_rows(table: TableRows, version: int, shape: TableShape) -> pa.Table:
    """Write what was drawn as an export has it: doubles and unrounded positions."""
    columns: dict[str, pa.Array] = {}
    for column in shape.columns:
        values = table.stored(column.name, version)
        if column.type is ColumnType.POINT:
            for axis, name in enumerate(column.stored):
                parts = [None if one is None else one[axis] for one in values]
                columns[name] = pa.array(parts, pa.float64())
        else:
            columns[column.name] = pa.array(values, _ARROW[column.type])
    return pa.table(columns)


@contextmanager
def bench(drawn: Drawn, home: Path) -> Iterator[Bench]:
    """Serve a world; forget what caveclient remembers of another."""
    forget_client_caches()
    settings = ServerSettings(join_block_order="given")
    memory = "/dev/shm"  # noqa: S108 - a store of seconds need not reach the disk
    with (
        tempfile.TemporaryDirectory(
            dir=memory if Path(memory).is_dir() else home
        ) as folder,
        LoopbackCave(world_of(drawn), settings) as cave,
    ):
        write_token(home, cave)
        yield Bench(drawn, cave, Path(folder))
    forget_client_caches()
