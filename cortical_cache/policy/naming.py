"""What a table name of a SQL statement means. Pure: nothing is looked up.

====================================== ============================================
name                                   rows
====================================== ============================================
``NAME``, ``cell_ids``                 of the client's dataset and version
``v1181.NAME``, ``v1181.cell_ids``     of another version
``exports.NAME``, ``exports_v1181.NAME``  of a bulk export, every row of the dump
``partial.NAME``, ``partial_v1181.NAME``  what happens to be held of a table
``graph.NAME``                         facts that no version changes
``DATASET.v1300.NAME`` and so on       of another dataset, with its version
``keys.NAME``                          the ids that the caller gave under that name
====================================== ============================================
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.sql import KEYS, TableName

__all__ = ["CELL_IDS", "Kind", "Meaning", "meaning"]

Kind = Literal["table", "cells", "export", "partial", "graph", "keys"]

CELL_IDS = "cell_ids"

_KINDS: Mapping[str, Kind] = {
    "exports": "export",
    "partial": "partial",
    "graph": "graph",
    KEYS: "keys",
}
_VERSION = re.compile(r"(?:(exports|partial)_)?v(\d{1,9})")

_SCHEMAS = "v1300, exports, exports_v1300, partial, partial_v1300, graph, keys"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name means.

    Attributes
    ----------
    kind : {"table", "cells", "export", "partial", "graph", "keys"}
        A ``"table"`` may turn out to be a view.
    name : str
        As spelt.
    version : int or None
        None: the client's own; of the graph and of keys there is none.
    dataset : str
        Empty: the client's own.
    """

    kind: Kind
    name: str
    version: int | None
    dataset: str


def meaning(name: TableName, versions: Mapping[str, int]) -> Meaning:
    """Tell what a name means.

    Parameters
    ----------
    name : TableName
    versions : mapping of str to int
        Further schemas, and the versions they stand for.

    Raises
    ------
    InvalidQueryError
        If its schema is none of ours, or a dataset comes without a version.
    """
    catalog, schema, _ = name.key
    kind: Kind = "table"
    version: int | None = None
    found = _VERSION.fullmatch(schema)
    if schema in versions and not catalog:
        version = versions[schema]
    elif found:
        kind = _KINDS.get(found[1] or "", "table")
        version = int(found[2])
    elif schema in _KINDS:
        kind = _KINDS[schema]
    elif schema:
        raise InvalidQueryError(
            f"{name}: there is no {name.schema!r} to read from; there are {_SCHEMAS}, "
            "and DATASET.v1300"
        )
    if catalog and version is None and kind != "graph":
        raise InvalidQueryError(
            f"{name}: another dataset needs a version: {name.catalog}.v1300.{name.name}"
        )
    if kind == "table" and name.key[2] == CELL_IDS:
        kind = "cells"
    return Meaning(kind, name.name, version, name.catalog)
