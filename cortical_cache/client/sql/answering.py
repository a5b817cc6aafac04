"""``client.sql``: names found, what they lack fetched, the statement run."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from cortical_cache.client.sql.fetching import fetch
from cortical_cache.client.sql.question import Question, Task, read
from cortical_cache.errors import InvalidQueryError, StoreChangedError
from cortical_cache.model.sql import Lookup, Source, Statement, TableName
from cortical_cache.policy.naming import Meaning, meaning
from cortical_cache.registry import available, resolve
from cortical_cache.repositories.answered import Explanation
from cortical_cache.repositories.dataset import Repositories, open_dataset
from cortical_cache.repositories.sql import Found, find

if TYPE_CHECKING:
    import pyarrow as pa

    from cortical_cache.engine.kept import ShutDatabases

__all__ = ["Sql"]

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
        statement, values, keys = read(question)
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
        statement, _, _ = read(question)
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
