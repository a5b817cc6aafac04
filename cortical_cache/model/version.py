"""One materialization version, as the server describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["VersionRecord", "parse_time"]


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A frozen state of a datastack's annotations.

    Attributes
    ----------
    version : int
        Its number; never reused.
    timestamp : datetime
        When it was frozen, UTC.
    is_merged : bool
        Whether annotation and segmentation lie in one physical table.
    valid : bool
        As last known. Only rows of a valid, available version are stable.
    status : str
        ``AVAILABLE``, ``RUNNING``, ``FAILED`` or ``EXPIRED``, as last known.
    expires_on : datetime or None
        When the server may drop it, UTC; editable by its administrators. None: never.
    """

    version: int
    timestamp: datetime
    is_merged: bool
    valid: bool
    status: str
    expires_on: datetime | None

    @classmethod
    def parse(cls, record: Mapping[str, object]) -> "VersionRecord":
        """Read a record of the materialization service.

        Raises
        ------
        ValueError
            If a field is missing or is no version, time or flag.
        """
        try:
            expires = record["expires_on"]
            return cls(
                version=int(str(record["version"])),
                timestamp=parse_time(str(record["time_stamp"])),
                is_merged=bool(record["is_merged"]),
                valid=bool(record["valid"]),
                status=str(record["status"]),
                expires_on=None if expires is None else parse_time(str(expires)),
            )
        except KeyError as error:
            message = f"the server's version record lacks {error}"
            raise ValueError(message) from error

    @property
    def is_stable(self) -> bool:
        """Whether its rows will never change: it is valid and was made to the end."""
        return self.valid and self.status == "AVAILABLE"


def parse_time(text: str) -> datetime:
    """Read CAVE's naive ISO times as UTC, whole seconds included.

    caveclient insists on a fractional second, which Python leaves out when it is zero.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
