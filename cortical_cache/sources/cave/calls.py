"""Send a query as it is, through caveclient's own methods."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import requests
from caveclient import materializationengine
from requests.structures import CaseInsensitiveDict

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.calls import call
from cortical_cache.model.query import Query
from cortical_cache.sources.cave.faults import translated, understood
from cortical_cache.sources.cave.quiet import quiet
from cortical_cache.sources.cave.replies import read_whole
from cortical_cache.sources.cave.session import CaveSession
from cortical_cache.sources.cave.transport import OurSession

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Passed", "pass_call", "pass_on", "presented"]

_theirs: Any = materializationengine  # it has no types

_CUT = (
    '201 - "Limited query to ',  # of a table, a join or a view
    "there may be more results which are not shown",  # of a live query
)
"""How the server says that as many rows came as it gives."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The server's own answer.

    Attributes
    ----------
    frame : pandas.DataFrame
        Positions split, ``attrs`` attached.
    limited : bool
        As many rows came as the server gives, or as were asked for: it says so, and
        that there may be more.
    server_time : datetime or None
        By the server's clock, UTC.
    """

    frame: "pd.DataFrame"
    limited: bool
    server_time: datetime | None = None


def pass_on(session: CaveSession, query: Query) -> Passed:
    """Ask the server exactly this, positions left split.

    Raises
    ------
    CorticalCacheError
        Whatever the server or the way to it fails with.
    """
    asked = replace(query, split_positions=True, return_df=True, metadata=True)
    method, arguments = call(asked)
    what = f"{method} of {', '.join(query.tables)} v{query.version}"
    return pass_call(session, method, arguments, what)


def pass_call(
    session: CaveSession, method: str, arguments: dict[str, object], what: str
) -> Passed:
    """Call a method of caveclient's materialization client that returns a frame."""
    materialize = session.materialize
    theirs = getattr(materialize, method)
    asked = quiet(theirs) if method == "live_live_query" else theirs
    with (
        _headers_of(materialize.session, what) as headers,
        translated(session.server_address, what),
    ):
        try:
            frame = cast("pd.DataFrame", asked(**arguments))
        except requests.JSONDecodeError:  # a ValueError, but of the server's
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if headers:  # so it is an answer that caveclient cannot make a frame of
                with understood(session.server_address, what):
                    raise
            if not isinstance(error, ValueError):
                raise
            # what caveclient itself refuses
            raise InvalidQueryError(" ".join(str(error).split())) from error
    warnings = [one["Warning"] for one in headers if "Warning" in one]
    limited = any(said in warning for warning in warnings for said in _CUT)
    return Passed(frame, limited, session.server_time())


def presented(
    frame: "pd.DataFrame", *, split_positions: bool, metadata: bool
) -> "pd.DataFrame":
    """Show a split frame as it was wanted, with caveclient's own code."""
    attrs = frame.attrs
    if not split_positions:
        frame = _theirs.concatenate_position_columns(frame)
    frame.attrs = attrs if metadata else {}
    return frame


@contextmanager
def _headers_of(
    session: requests.Session, what: str
) -> Generator[list[CaseInsensitiveDict[str]]]:
    """Collect the headers of the rows that come for this thread.

    caveclient logs their warnings and forgets them. Nor does it look whether the rows
    are whole, so that is done here.
    """
    mine = threading.get_ident()
    found: list[CaseInsensitiveDict[str]] = []

    def note(response: requests.Response) -> None:
        path = urlsplit(response.url).path
        if threading.get_ident() == mine and path.endswith("/query") and response.ok:
            read_whole(response, what)
            found.append(response.headers)

    with cast("OurSession", session).heard(note):
        yield found
