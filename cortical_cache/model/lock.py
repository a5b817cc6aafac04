"""What a lock file says: which tables of a version there were, and what was in them.

It can be shared: it has no path of this machine, no token and no name of a user.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, cast, get_args

from cortical_cache.errors import ConfigurationError
from cortical_cache.model.json import as_list, as_object

__all__ = ["Lock", "LockedTable", "parse_lock"]

FORMAT = 1

LockedKind = Literal["table", "view", "export"]
Source = Literal["cave", "export"]

_DIGEST = re.compile(r"[0-9a-f]{32}")
_CONTENT = re.compile(r"rows1:[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class LockedTable:
    """One table, view or export.

    Attributes
    ----------
    kind : {"table", "view", "export"}
    name : str
    rows : int
    schema : str
        Digest of the columns' names and types.
    content : str
        Digest of the rows, in any order (see ``store.content``).
    source : {"cave", "export"}
        Replies are rounded and exports are not, so their digests differ.
    export : str or None
        Name of the export that the rows are of.
    """

    kind: LockedKind
    name: str
    rows: int
    schema: str
    content: str
    source: Source
    export: str | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """Some tables of one version.

    Attributes
    ----------
    dataset, datastack, server : str
    version : int
    timestamp : datetime
        When the version was frozen, UTC.
    tables : tuple of LockedTable
    tools : mapping of str to str
        Versions of what made it; told, not compared.
    """

    dataset: str
    datastack: str
    server: str
    version: int
    timestamp: datetime
    tables: tuple[LockedTable, ...]
    tools: Mapping[str, str]

    def text(self) -> str:
        """Return the file: the same tables make the same bytes."""
        body = {
            "cortical-cache.lock": FORMAT,
            "dataset": self.dataset,
            "datastack": self.datastack,
            "server": self.server,
            "version": self.version,
            "timestamp": self.timestamp.isoformat(),
            "tables": [asdict(one) for one in self.tables],
            "tools": dict(self.tools),
        }
        return json.dumps(body, indent=2) + "\n"


def parse_lock(text: str, where: str) -> Lock:
    """Read a lock file; nothing in it is believed before it is checked.

    Parameters
    ----------
    text : str
    where : str
        The file, for messages.

    Raises
    ------
    ConfigurationError
        If it is none, or of a later format.
    """
    try:
        body = as_object(json.loads(text))
        number = body["cortical-cache.lock"]
        if isinstance(number, int) and number > FORMAT:
            raise ConfigurationError(
                f"{where} has format {number} and this release reads up to {FORMAT}; "
                "upgrade with `pip install --upgrade cortical-cache`"
            )
        if number != FORMAT:
            raise ConfigurationError(f"{where} is not a lock file: format {number!r}")
        return Lock(
            dataset=_text(body["dataset"]),
            datastack=_text(body["datastack"]),
            server=_text(body["server"]),
            version=_count(body["version"]),
            timestamp=_moment(body["timestamp"]),
            tables=tuple(_table(as_object(one)) for one in as_list(body["tables"])),
            tools={name: _text(one) for name, one in as_object(body["tools"]).items()},
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"{where} is not a lock file: {error!r}") from error


def _table(record: Mapping[str, object]) -> LockedTable:
    kind, source, export = record["kind"], record["source"], record["export"]
    schema, content = _text(record["schema"]), _text(record["content"])
    if kind not in get_args(LockedKind) or source not in get_args(Source):
        raise ValueError(kind, source)
    if not _DIGEST.fullmatch(schema) or not _CONTENT.fullmatch(content):
        raise ValueError(schema, content)
    return LockedTable(
        kind=cast("LockedKind", kind),
        name=_text(record["name"]),
        rows=_count(record["rows"]),
        schema=schema,
        content=content,
        source=cast("Source", source),
        export=None if export is None else _text(export),
    )


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


def _text(value: object) -> str:
    if isinstance(value, str) and value.isprintable():
        return value
    raise TypeError(value)


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise TypeError(value)
