"""What may be remembered, and for how long. The one table; no I/O, no clock.

Every public method that returns a remembered fact repeats its row in its docstring.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

__all__ = ["ABSENCE", "SETTLED", "Fact", "Rule", "is_absent", "is_fresh", "is_past"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How long a fact is good for.

    Attributes
    ----------
    kept : timedelta or None
        Served without asking again for this long; None: for ever.
    reason : str
        Why.
    """

    kept: timedelta | None
    reason: str


_DAY = timedelta(days=1)

ABSENCE = timedelta(hours=1)
"""How long "there is none" is believed of what may still be made."""


class Fact(Enum):
    """Everything that is remembered besides rows, by the name of its document."""

    INFO = "info"
    SCHEMAS = "schemas"
    VERSIONS = "versions"
    ROW_CAP = "row_cap"
    TABLES = "tables"
    VIEWS = "views"
    VIEW_SCHEMAS = "view_schemas"
    UNIQUE_STRINGS = "unique_strings"
    ANNOTATION_COUNTS = "annotation_counts"
    ROW_COUNTS = "row_counts"
    LINEAGE = "lineage"
    EXPORT_LOCATION = "export_location"
    EXPORTS = "exports"
    L2_CACHES = "l2_caches"
    SEGMENTATION = "segmentation"
    SKELETON_VERSIONS = "skeleton_versions"
    IMAGE_MIRRORS = "image_mirrors"
    STATES = "states"
    PROPERTIES = "properties"
    NO_MESHES = "no_meshes"

    @property
    def rule(self) -> Rule:
        """Its row of the table."""
        return _RULES[self]


_RULES = {
    Fact.INFO: Rule(_DAY, "administrators edit viewer, tables and descriptions"),
    Fact.SCHEMAS: Rule(_DAY, "schemas grow with server releases"),
    Fact.VERSIONS: Rule(
        timedelta(0),
        "made and expired by a schedule; asked once a session, when first needed",
    ),
    Fact.ROW_CAP: Rule(
        None, "a setting of the server, learnt again when a reply is cut"
    ),
    Fact.TABLES: Rule(_DAY, "read from the live database: notices, permissions move"),
    Fact.VIEWS: Rule(_DAY, "read from the live database"),
    Fact.VIEW_SCHEMAS: Rule(None, "reflected from the frozen database"),
    Fact.UNIQUE_STRINGS: Rule(_DAY, "of the live table, whatever the version"),
    Fact.ANNOTATION_COUNTS: Rule(None, "stored by the server when the version froze"),
    Fact.LINEAGE: Rule(
        timedelta(0), "for ever up to a moment past for good; up to now asked each time"
    ),
    Fact.EXPORT_LOCATION: Rule(None, "set by the user; stays till set anew"),
    Fact.EXPORTS: Rule(_DAY, "new dumps appear; asked again by sync as well"),
    Fact.L2_CACHES: Rule(_DAY, "a cache that is built anew gets a new id"),
    Fact.SEGMENTATION: Rule(_DAY, "administrators edit meshes and mirrors"),
    Fact.SKELETON_VERSIONS: Rule(_DAY, "grow with releases of the service"),
    Fact.IMAGE_MIRRORS: Rule(_DAY, "administrators move images"),
    Fact.STATES: Rule(None, "the state server never writes a number twice"),
    Fact.PROPERTIES: Rule(None, "lie beside the states, under the same rule"),
    Fact.NO_MESHES: Rule(
        ABSENCE, "made some time after their roots; what is older is not served offline"
    ),
    Fact.ROW_COUNTS: Rule(None, "frozen rows, counted by the query endpoint"),
}


def is_fresh(fact: Fact, captured_at: datetime, now: datetime) -> bool:
    """Tell whether a remembered fact may be served without asking the server.

    Parameters
    ----------
    fact : Fact
    captured_at, now : datetime
        Aware. A capture date in the future (a clock set back) is not fresh.
    """
    kept = fact.rule.kept
    if kept is None:
        return True
    return timedelta(0) <= now - captured_at <= kept


def is_absent(asked_at: datetime, now: datetime) -> bool:
    """Tell whether what was not there when asked need not be asked for again.

    Parameters
    ----------
    asked_at, now : datetime
        Aware. A moment in the future (a clock set back) proves nothing.
    """
    return timedelta(0) <= now - asked_at <= ABSENCE


SETTLED = timedelta(seconds=60)
"""How far back a moment must lie before its answer can no longer change."""


def is_past(
    moment: datetime, server_time: datetime | None, end: datetime | None
) -> bool:
    """Tell whether the answer at a moment may be kept.

    Parameters
    ----------
    moment : datetime
    server_time : datetime or None
        By the server's own clock; None: unknown, so nothing is past.
    end : datetime or None
        Where the time of a public datastack ends; later moments are clamped to it,
        and it moves.
    """
    if server_time is None or server_time - moment < SETTLED:
        return False
    return end is None or moment <= end
