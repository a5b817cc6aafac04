"""Send a query as it is, through caveclient's own methods."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import requests
from caveclient import materializationengine

from cortical_cache.model.calls import call
from cortical_cache.model.query import Query
from cortical_cache.sources.cave.faults import translated
from cortical_cache.sources.cave.session import CaveSession

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Passed", "pass_on", "presented"]

_theirs: Any = materializationengine  # it has no types


@dataclass(frozen=True, slots=True)
class Passed:
    """The server's own answer.

    Attributes
    ----------
    frame : pandas.DataFrame
        Positions split, ``attrs`` attached.
    limited : bool
        A ``Limited query to N rows`` warning came with it.
    """

    frame: "pd.DataFrame"
    limited: bool


def pass_on(session: CaveSession, query: Query) -> Passed:
    """Ask the server exactly this, positions left split.

    Raises
    ------
    CorticalCacheError
        Whatever the server or the way to it fails with.
    """
    asked = replace(query, split_positions=True, return_df=True, metadata=True)
    method, arguments = call(asked)
    materialize = session.materialize
    what = f"{method} of {', '.join(query.tables)} v{query.version}"
    with (
        _warnings_of(materialize.session) as warnings,
        translated(session.server_address, what),
    ):
        frame = cast("pd.DataFrame", getattr(materialize, method)(**arguments))
    limited = any('201 - "Limited query to ' in warning for warning in warnings)
    return Passed(frame, limited)


def presented(frame: "pd.DataFrame", query: Query) -> "pd.DataFrame":
    """Show a split frame as the query wants it, with caveclient's own code."""
    attrs = frame.attrs
    if not query.split_positions:
        frame = _theirs.concatenate_position_columns(frame)
    frame.attrs = attrs if query.metadata else {}
    return frame


@contextmanager
def _warnings_of(session: requests.Session) -> Generator[list[str]]:
    """Collect the Warning headers that this thread's requests bring.

    caveclient logs them and forgets them.
    """
    mine = threading.get_ident()
    found: list[str] = []

    def note(response: requests.Response, *_: object, **__: object) -> None:
        if threading.get_ident() == mine and "Warning" in response.headers:
            found.append(response.headers["Warning"])

    hooks = session.hooks.setdefault("response", [])
    hooks.append(note)
    try:
        yield found
    finally:
        hooks.remove(note)
