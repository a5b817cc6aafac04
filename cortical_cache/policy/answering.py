"""Where the answer to a query comes from. Pure: every fact is passed in.

The caller performs the step, looks again, and decides again, until the step is an
answer or a pass-through. `explain` shows the first step and performs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from cortical_cache.model.ids import possible, undamaged
from cortical_cache.model.misread import misread, selects_one
from cortical_cache.model.query import Query
from cortical_cache.model.shape import Kind

__all__ = [
    "DEFAULT",
    "SMALL_TABLE",
    "Answer",
    "Count",
    "FetchKeys",
    "Known",
    "Mirror",
    "Options",
    "PassThrough",
    "Step",
    "decide",
    "key_filters",
]

SMALL_TABLE = 200_000
"""Rows up to which a table is mirrored whole on first use.

MaterializationEngine's default cap (``QUERY_LIMIT_SIZE``): one reply on most servers.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller allows that is not the default.

    Attributes
    ----------
    widen : bool
        More than a query's own rows may be fetched to answer it.
    approximate : bool
        Rounded values are taken at face value where they leave rows open.
    columns : {"all", "held"}
        ``"held"``: of a table whose export lacks columns, those that there are.
    """

    widen: bool = True
    approximate: bool = False
    columns: Literal["all", "held"] = "all"


DEFAULT = Options()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one table of a query.

    Attributes
    ----------
    name : str
    kind : {"table", "view"}
    whole : bool
        All rows are held.
    missing : mapping of str to frozenset of int
        Of each key column that the query filters, the keys not covered.
    rows : int or None
        Rows of the whole table, where counted.
    shaped : bool
        Its columns are known; without them not even an empty answer can be given.
    """

    name: str
    kind: Kind
    whole: bool
    missing: Mapping[str, frozenset[int]] = field(
        default_factory=dict[str, frozenset[int]]
    )
    rows: int | None = None
    shaped: bool = True

    @property
    def answering_column(self) -> str | None:
        """A key column whose wanted keys are all covered, if there is one."""
        if not self.shaped:
            return None
        covered = [one for one, keys in self.missing.items() if not keys]
        # Large tables are sorted by their root ids.
        return min(covered, key=lambda one: not one.endswith("_root_id"), default=None)


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything needed is held.

    Attributes
    ----------
    by : tuple of (str, str or None)
        For each table the key column that its rows are found by; None: all are read.
    """

    by: tuple[tuple[str, str | None], ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Count:
    """Ask how many rows a table has, to see whether to mirror it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mirror:
    """Fetch a whole table."""

    name: str
    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class FetchKeys:
    """Fetch all rows of the keys that are missing."""

    name: str
    column: str
    keys: frozenset[int]
    reason: str


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Send the request as it is.

    Attributes
    ----------
    keep : bool
        Whether the reply may be kept under the exact request.
    """

    keep: bool
    reason: str


Step = Answer | Count | Mirror | FetchKeys | PassThrough


def key_filters(query: Query, table: str) -> dict[str, frozenset[int]]:
    """Return the keys that a query allows in each key column of a table.

    Key columns are ids, root ids and target ids; a filter that allows NULL or anything
    but integers is none. Integers of more than 64 bits are no keys: no row has them.

    Raises
    ------
    InvalidQueryError
        For a float that may have lost digits of an id.
    """
    found: dict[str, frozenset[int]] = {}
    for one in query.filters_of(table):
        if one.kind not in {"in", "equal"} or not _is_key(one.column):
            continue
        values = one.value if isinstance(one.value, tuple) else (one.value,)
        if set(map(type, values)) <= {int}:  # by the hundred thousand: no step for each
            keys = possible(frozenset(cast("tuple[int, ...]", values)))
            found[one.column] = found.get(one.column, keys) & keys
            continue
        for value in values:
            if isinstance(value, float):
                undamaged(value, one.column)
        keys = frozenset(value for value in values if type(value) is int)
        if len(keys) == len(frozenset(values) - {None}) and one.value is not None:
            keys = possible(keys)
            found[one.column] = found.get(one.column, keys) & keys
    return found


def decide(
    query: Query,
    known: Sequence[Known],
    *,
    page: int,
    blocked: str | None,
    widen: bool,
) -> Step:
    """Choose the next step towards the answer of a query.

    Parameters
    ----------
    query : Query
    known : sequence of Known
        One for each table, in the query's order.
    page : int
        Rows that the server gives in one reply.
    blocked : str or None
        Why held rows cannot answer this query, if they cannot.
    widen : bool
        More than the query's own rows may be fetched.

    Returns
    -------
    Step
    """
    if query.random_sample:
        return PassThrough(keep=False, reason="a random sample is new every time")
    if blocked:
        return PassThrough(keep=True, reason=blocked)
    lacking = [one for one in known if not one.whole and one.answering_column is None]
    if not lacking:
        by = tuple((one.name, one.answering_column) for one in known)
        return Answer(by, "everything it needs is held")
    return _as_asked(query, lacking[0], widen=widen) or _fetch(lacking[0], page)


def _as_asked(query: Query, table: Known, *, widen: bool) -> PassThrough | None:
    """Pass on what is better not widened, unless the server would get it wrong."""
    is_misread = misread(query) is not None
    if query.counts and not is_misread:
        return PassThrough(keep=True, reason=f"counting needs no rows of {table.name}")
    if query.limit is not None and not is_misread and not selects_one(query):
        reason = f"a limit needs only some rows of {table.name}"
        return PassThrough(keep=False, reason=reason)
    if not widen:
        return PassThrough(keep=True, reason="widen=False")
    return None


def _fetch(table: Known, page: int) -> Step:
    """Bring what a table lacks, if that is not too much."""
    if table.rows is None:
        return Count(table.name, f"{table.name} is not held; how large is it?")
    if table.rows <= max(page, SMALL_TABLE):
        reason = f"{table.name} has {table.rows:,} rows: fetch all"
        return Mirror(table.name, table.rows, reason)
    if table.missing:
        column, keys = min(table.missing.items(), key=lambda item: len(item[1]))
        reason = f"{len(keys):,} keys of {table.name}.{column} are not held"
        return FetchKeys(table.name, column, keys, reason)
    return PassThrough(
        keep=True,
        reason=f"{table.name} has {table.rows:,} rows and no filter on an id column",
    )


def _is_key(column: str) -> bool:
    return column in {"id", "target_id"} or column.endswith("_root_id")
