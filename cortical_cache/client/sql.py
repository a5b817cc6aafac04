"""``client.sql``: names found, what they lack fetched, the statement run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from cortical_cache.client.fetching import fetch
from cortical_cache.errors import InvalidQueryError, StoreChangedError
from cortical_cache.model.ids import as_ids
from cortical_cache.model.sql import KEYS, Lookup, Source, Statement, TableName
from cortical_cache.policy.naming import Meaning, meaning
from cortical_cache.queries import Parts
from cortical_cache.registry import available, resolve
from cortical_cache.repositories.answered import Explanation
from cortical_cache.repositories.dataset import Repositories, open_dataset
from cortical_cache.repositories.sql import Found, find

if TYPE_CHECKING:
    import pyarrow as pa

    from cortical_cache.engine.kept import ShutDatabases

__all__ = ["MEMORY_LIMIT", "TIMEOUT", "Question", "Sql", "Task"]

TIMEOUT = 300.0
"""Seconds that a statement may take."""

MEMORY_LIMIT = "4GB"
"""That a statement may take; beyond it DuckDB spills to disk what it can."""


@dataclass(frozen=True)
class Question:
    """A statement with all that its names and parameters stand for.

    Attributes
    ----------
    text : str
    params : mapping of str to object, or sequence
    tables : mapping of str to TableName
        Plain names that stand for another table.
    versions : mapping of str to int
        Schemas that stand for a version.
    timeout : float
    memory_limit : str
    parts : Parts or None
        How workers share it out; None if one answers alone.
    """

    text: str
    params: Mapping[str, object] | Sequence[object] = ()
    tables: Mapping[str, TableName] = field(default_factory=dict[str, TableName])
    versions: Mapping[str, int] = field(default_factory=dict[str, int])
    timeout: float = TIMEOUT
    memory_limit: str = MEMORY_LIMIT
    parts: Parts | None = None


@dataclass(frozen=True)
class Task:
    """A statement with the files that it reads: needs no client, and can be sent away.

    Attributes
    ----------
    statement : Statement
    sources : mapping of TableName to Source
    keys : mapping of str to sequence of int
    values : mapping of str to object
        Of parameters.
    transform : str or None
        That ``soma_depth`` means.
    timeout : float
    memory_limit : str
    """

    statement: Statement
    sources: Mapping[TableName, Source]
    keys: Mapping[str, Sequence[int]]
    values: Mapping[str, object]
    transform: str | None
    timeout: float
    memory_limit: str


Run: TypeAlias = "Callable[[Task], pa.Table]"


class Sql:
    """SQL over all that is held.

    Parameters
    ----------
    repositories : Repositories
        Of the dataset whose tables have plain names.
    """

    def __init__(self, repositories: Repositories) -> None:
        self._own = repositories
        self._others: dict[str, Repositories] = {}

    def answer(self, question: Question, run: "Run | None" = None) -> "pa.Table":
        """Return the rows of a statement.

        Parameters
        ----------
        question : Question
        run : callable, optional
            Runs a task; otherwise this process does.

        Raises
        ------
        InvalidQueryError
            If it is not one SELECT, does more than read, or makes no sense.
        UnknownNameError
            If it names what there is not.
        NotCachedError, PartialTableError, TooLargeError
            If it names what is not held whole and cannot be, or should not be, fetched
            now.
        QueryTimeoutError, QueryMemoryError
            If it takes more than it may.
        """
        run = run or self._run
        try:
            return run(self.task(question))
        except StoreChangedError:
            # A sweep removed superseded files under us; the commits name new ones.
            return run(self.task(question))

    def task(self, question: Question) -> Task:
        """Return all that is needed to answer a statement, and fetch what it lacks.

        Raises as `answer`.
        """
        if not question.timeout > 0:
            raise InvalidQueryError("timeout is a number of seconds above 0")
        statement, values, keys = _read(question)
        sources = self._sources(statement, question)
        for name in statement.measured - {str(one).casefold() for one in sources}:
            raise InvalidQueryError(
                f"resolution({name!r}): the statement reads no table of that name"
            )
        transform = self._own.dataset.transform
        return Task(
            statement,
            sources,
            keys,
            values,
            transform,
            question.timeout,
            question.memory_limit,
        )

    def _run(self, task: Task) -> "pa.Table":
        with self._databases.lend(
            task.sources, task.memory_limit, task.transform
        ) as database:
            return database.run(
                task.statement, task.sources, task.keys, task.values, task.timeout
            )

    @property
    def answers(self) -> int:
        """Requests that servers of its datasets have answered so far."""
        datasets = (self._own, *self._others.values())
        return sum(one.origin.answers for one in datasets)

    @cached_property
    def _databases(self) -> "ShutDatabases":
        from cortical_cache.engine.kept import ShutDatabases

        return ShutDatabases()

    def explain(self, question: Question) -> Explanation:
        """Tell what a statement would read: no network, and nothing is written."""
        statement, _, _ = _read(question)
        files: dict[str, None] = {}
        for name, found in self._found(statement, question, adding=False).items():
            if not isinstance(found, Source):
                reason = f"{name} is not held whole: `{found[0].command}`"
                return Explanation("fetch", reason, (), 0, 0)
            files |= dict.fromkeys(found.files)
        from cortical_cache.engine.footers import rows_and_bytes

        rows, nbytes = rows_and_bytes(list(files))
        return Explanation(
            "local", "all that it names is held", tuple(files), rows, nbytes
        )

    def source(self, name: TableName, lookups: Sequence[Lookup] = ()) -> Source:
        """Return the rows that a name stands for, and fetch what they lack.

        Raises as `answer`.
        """
        statement = Statement("", (name,), frozenset(), {name.key: tuple(lookups)})
        found = self._sources(statement, Question(""))
        if name not in found:
            raise InvalidQueryError(f"{name} is no table of the store")
        return found[name]

    def _sources(
        self, statement: Statement, question: Question
    ) -> dict[TableName, Source]:
        found = self._found(statement, question)
        lacking = [
            (self._of(self._meaning(name, question)), one)
            for name, each in found.items()
            if not isinstance(each, Source)
            for one in each
        ]
        if lacking:
            fetch(lacking)
            found = self._found(statement, question)
        return {name: one for name, one in found.items() if isinstance(one, Source)}

    def _found(
        self, statement: Statement, question: Question, *, adding: bool = True
    ) -> dict[TableName, Found]:
        found: dict[TableName, Found] = {}
        for name in statement.tables:
            asked = self._meaning(name, question)
            if asked.kind == "keys":
                continue
            bounds = statement.lookups.get(name.key, ())
            parts = question.parts
            if parts is not None and name.key == ("", "", parts.table):
                # The copy that can be cut, whatever would be better for one reader.
                bounds = [one for one in bounds if one.column == parts.column]
                bounds.append(Lookup(parts.column, None))
            found[name] = find(self._of(asked), asked, bounds, adding=adding)
        return found

    def _meaning(self, name: TableName, question: Question) -> Meaning:
        is_plain = not name.catalog and not name.schema
        named = question.tables.get(name.key[2], name) if is_plain else name
        return meaning(named, question.versions)

    def _of(self, asked: Meaning) -> Repositories:
        """Return the repositories of the dataset that is meant."""
        own, wanted = self._own, asked.dataset.casefold()
        if not wanted or wanted in {own.dataset.name, *own.dataset.aliases}:
            return own
        if wanted not in self._others:
            known = {name.casefold(): name for name in available(own.settings)}
            name = known.get(wanted, asked.dataset)
            home = resolve(name, own.settings)
            self._others[wanted] = open_dataset(home, own.settings, clock=own.clock)
        return self._others[wanted]


def _read(
    question: Question,
) -> tuple[Statement, dict[str, object], dict[str, list[int]]]:
    """Parse a statement; return with it its parameters' values and its key sets."""
    from cortical_cache.engine.statement import read_statement

    given = _by_name(question.params)
    plain = {name: _plain(value) for name, value in given.items()}
    known = {name: [value] for name, value in plain.items() if type(value) is int}
    named = {
        name.key[2]: name.name
        for name in read_statement(question.text).tables
        if name.key[:2] == ("", KEYS)
    }
    keys: dict[str, list[int]] = {}
    for key, name in named.items():
        if name not in given:
            raise InvalidQueryError(
                f"{KEYS}.{name} stands for ids that were not given: "
                f"params={{{name!r}: [...]}}"
            )
        keys[key] = [*as_ids(given[name], name)]
    known |= {f"{KEYS}.{name}": ids for name, ids in keys.items()}
    statement = read_statement(question.text, known)
    unused = set(given) - statement.parameters - set(named.values())
    missing = statement.parameters - set(given)
    if unused or missing:
        names = ", ".join(sorted(unused or missing))
        what = "given but not in" if unused else "in but not given with"
        raise InvalidQueryError(f"parameter {names} is {what} the SQL")
    values = {name: plain[name] for name in statement.parameters}
    return statement, values, keys


def _by_name(params: Mapping[str, object] | Sequence[object]) -> dict[str, object]:
    if isinstance(params, Mapping):
        return {str(name).lstrip("$"): value for name, value in params.items()}
    if isinstance(params, str):
        raise InvalidQueryError("params is a dict of $name, or a list of ?")
    return {str(number): value for number, value in enumerate(params, 1)}


def _plain(value: object) -> object:
    """Return a value as DuckDB binds it: numpy's and pandas' own as Python's."""
    if isinstance(value, str | bytes | Mapping):
        return cast("object", value)
    made: Any = value
    if hasattr(made, "tolist"):
        kind = str(getattr(made, "dtype", ""))
        if kind.startswith(("datetime64", "timedelta64")) and "," not in kind:
            # Of nanoseconds NumPy would make a number.
            made = made.astype(f"{kind.partition('[')[0]}[us]")
        return made.tolist()
    if isinstance(value, Iterable):
        return [_plain(one) for one in cast("Iterable[object]", value)]
    return value
