"""What is held, as a value that prints well."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from cortical_cache.model.quantities import age, size
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.expiry import Expiry
from cortical_cache.repositories.holdings import (
    Holding,
    expiries,
    holdings,
    unversioned,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CacheStatus", "cache_status", "table_html"]

_COLUMNS = (
    "version",
    "kind",
    "name",
    "extent",
    "rows",
    "size",
    "age",
    "source",
    "on the server",
)


@dataclass(frozen=True, slots=True)
class CacheStatus:
    """Everything that is held of one dataset.

    Attributes
    ----------
    dataset : str
    holdings : tuple of Holding
    expiries : tuple of Expiry
        Of the held versions: until when the server has them, as last known.
    now : datetime
        As of when it is told.
    """

    dataset: str
    holdings: tuple[Holding, ...]
    expiries: tuple[Expiry, ...] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def nbytes(self) -> int:
        """Size of everything that counts."""
        return sum(one.nbytes for one in self.holdings)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What held versions will be gone from the server soon, or may be already."""
        told = (one.warning(self.now) for one in self.expiries)
        return tuple(one for one in told if one is not None)

    def records(self) -> list[dict[str, object]]:
        """Return one mapping per held table, view or reply, for JSON."""
        known = {one.version: asdict(one) for one in self.expiries}
        return [asdict(one) | known.get(one.version, {}) for one in self.holdings]

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per held table, view or reply."""
        import pandas as pd

        names = [*Holding.__dataclass_fields__, *Expiry.__dataclass_fields__]
        return pd.DataFrame(self.records(), columns=list(dict.fromkeys(names)))

    def lines(self) -> list[tuple[str, ...]]:
        """Return the table's cells as text, a heading first."""
        now = self.now
        ends = {one.version: one.told(now) for one in self.expiries}
        return [
            _COLUMNS,
            *(
                (
                    str(one.version or ""),
                    one.kind,
                    f"{one.name[:12]}…" if one.kind == "query" else one.name,
                    one.extent,
                    f"{one.rows:,}",
                    size(one.nbytes),
                    "" if one.fetched_at is None else age(now - one.fetched_at),
                    _source(one),
                    ends.get(one.version, ""),
                )
                for one in self.holdings
            ),
        ]

    def __repr__(self) -> str:
        """Lay the table out in columns."""
        if not self.holdings:
            return f"{self.dataset}: nothing is held yet"
        lines = self.lines()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rows = (
            "  ".join(
                cell.ljust(width) for cell, width in zip(one, widths, strict=True)
            )
            for one in lines
        )
        heading = (
            f"{self.dataset}: {size(self.nbytes)} in {len(self.holdings)} row sets"
        )
        return "\n".join([heading, *(row.rstrip() for row in rows), *self.warnings])

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """Lay the table out for a notebook."""
        warnings = "".join(f"<p>{escape(one)}</p>" for one in self.warnings)
        heading = f"{self.dataset}: {size(self.nbytes)}"
        return table_html(heading, self.lines()) + warnings


def _source(one: Holding) -> str:
    """Name the server, and the store below that holds it, if it is not the user's."""
    layers = [layer for layer in one.layers if layer != "own"]
    return f"{one.source} (in {', '.join(layers)})" if layers else one.source


def cache_status(repositories: Repositories) -> CacheStatus:
    """See `Client.cache_status`."""
    found = tuple(holdings(repositories.store))
    return CacheStatus(
        repositories.dataset.name,
        (*found, *unversioned(repositories.store)),
        expiries(repositories.store, found),
        repositories.clock(),
    )


def table_html(heading: str, lines: Sequence[Sequence[str]]) -> str:
    """Lay lines of cells out for a notebook, whatever is in them.

    Parameters
    ----------
    heading : str
    lines : sequence of sequence of str
        The columns' names first.
    """
    rows = [
        "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in line)
        for tag, line in zip(["th", *["td"] * len(lines)], lines, strict=False)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<b>{escape(heading)}</b><table>{body}</table>"
