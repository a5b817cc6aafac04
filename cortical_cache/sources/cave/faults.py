"""What CAVE's failures mean, as errors of ours.

MaterializationEngine wraps nearly every failure of a query into a 500 whose JSON body
has the real reason as text (``blueprints/client/common.py: unhandled_exception``), so
the reason has to be read off that text. A token never appears in any message.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from json import JSONDecodeError

import requests
from caveclient.base import AuthException

from cortical_cache.errors import (
    CorticalCacheError,
    InvalidQueryError,
    NotAuthorizedError,
    ServerBusyError,
    ServerError,
    ServerUnavailableError,
    UnknownNameError,
    VersionExpiredError,
)
from cortical_cache.model.json import as_object

__all__ = ["EndlessAnswer", "check", "is_busy", "refuse", "translated", "understood"]

_BUSY = re.compile(
    r"429 Too Many Requests|rate limit|\d+ per \d+ (second|minute|hour|day)"
    r"|statement timeout|canceling statement|QueuePool|too many connections",
    re.IGNORECASE,
)
_GONE = re.compile(r'database ".*" does not exist|relation ".*" does not exist')
_NO_TABLE = re.compile(
    r"(?:Analysis table '(?P<a>[^']*)' not found|No table named '(?P<b>[^']*)' found)"
    r"|No row was found for one"
)
_NO_VERSION = re.compile(
    r"version (?P<version>\d+) (?:not found|does not exist)|No version found"
)
_DENIED = re.compile(r"^(401|403) ")
_REFUSED = re.compile(
    r"operator does not exist|syntax error|invalid regular expression|invalid input"
    r"|not in model or models|has no attribute|min bounds|Regex filter|schema_errors"
    r"|400 Bad Request"
)

# A token, 32 hexadecimal digits, or an address of mail.
_PRIVATE = re.compile(r"\b[0-9a-fA-F]{32}\b|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


class EndlessAnswer(requests.Timeout):
    """Bytes come, but the last of them does not."""


@contextmanager
def translated(server: str, what: str) -> Generator[None]:
    """Turn what requests and caveclient raise inside into errors of ours.

    Parameters
    ----------
    server : str
        Address, for the message.
    what : str
        What was being asked, for the message: ``"table x of demo v3"``.

    Raises
    ------
    CorticalCacheError
        The error that fits; the foreign one is its cause.
    """
    try:
        yield
    except CorticalCacheError:
        raise
    except AuthException as error:
        raise _unauthorized(server, "asks for a token") from error
    except requests.HTTPError as error:
        if error.response is None:
            raise ServerError(f"{server}: {error}") from error
        raise _http(error.response, server, what) from error
    except EndlessAnswer as error:
        message = f"{server} did not end its answer in time ({what})"
        raise ServerUnavailableError(message) from error
    except requests.Timeout as error:
        message = f"{server} did not answer in time ({what})"
        raise ServerUnavailableError(message) from error
    except requests.ConnectionError as error:
        message = f"{server} did not answer ({what}); is it up, are you online?"
        raise ServerUnavailableError(message) from error
    except requests.exceptions.ChunkedEncodingError as error:
        message = f"{server} cut its reply short ({what})"
        raise ServerUnavailableError(message) from error
    except (requests.RequestException, JSONDecodeError, RecursionError) as error:
        short = _short(str(error))
        message = f"{server} gave an answer that cannot be read ({what}): {short}"
        raise ServerError(message) from error


@contextmanager
def understood(server: str, what: str) -> Generator[None]:
    """Turn what an answer of another kind than CAVE's leads to into an error of ours.

    Raises
    ------
    ServerError
        Where what is inside raises as it takes the answer apart.
    """
    try:
        yield
    except CorticalCacheError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        short = _short(str(error))
        message = f"{server} gave an answer that cannot be read ({what}): {short}"
        raise ServerError(message) from error


def check(response: requests.Response, server: str, what: str) -> None:
    """Raise an error of ours unless the response is a success of the server itself.

    A redirect means that a gateway wants a log-in: query POSTs end on an HTML page
    with status 200 then.
    """
    if response.history:
        raise _unauthorized(server, "asks for a token")
    if not response.ok:
        raise _http(response, server, what)


def is_busy(response: requests.Response, server: str, what: str) -> None:
    """Raise `ServerBusyError` if the server asks to come back later.

    MaterializationEngine says so in the text of a 500.
    """
    status = response.status_code
    if response.ok or status in {401, 403}:
        return
    text = _reason(response)
    if status in {429, 502, 503, 504} or _BUSY.search(text):
        after = response.headers.get("Retry-After", "")
        wait = float(after) if after.isdecimal() else None
        raise ServerBusyError(f"{server} is busy ({what}): {_short(text)}", wait)


def refuse(response: requests.Response, server: str, what: str) -> None:
    """Raise `NotAuthorizedError` before caveclient sees an answer that it acts upon.

    It follows a redirect with the token, and shows terms of service in a browser.
    """
    if response.is_redirect:
        raise _unauthorized(server, "asks for a token")
    if response.status_code == requests.codes.forbidden and (
        "missing_tos" in response.text
    ):
        raise NotAuthorizedError(_forbidden(response, server, what))


def _http(response: requests.Response, server: str, what: str) -> CorticalCacheError:
    status = response.status_code
    if status == requests.codes.unauthorized:
        return _unauthorized(server, "refused the token")
    if status == requests.codes.forbidden:
        return NotAuthorizedError(_forbidden(response, server, what))
    text = _reason(response)
    if told := _told(text, server, what):
        return told
    if status == requests.codes.not_found:
        return UnknownNameError("such thing", what, server, ())
    is_ours = status == requests.codes.bad_request
    error = InvalidQueryError if is_ours else ServerError
    return error(f"{server} answered {status} to {what}: {_short(text)}")


def _told(text: str, server: str, what: str) -> CorticalCacheError | None:
    """Read the reason off the text of a 500 or 404."""
    if _GONE.search(text):
        return VersionExpiredError(
            f"{what}: the server no longer has this version's database; "
            "`cortical-cache ls` shows what is held here"
        )
    if found := _NO_TABLE.search(text):
        return UnknownNameError(
            "table or view", found["a"] or found["b"] or what, what, ()
        )
    if found := _NO_VERSION.search(text):
        return UnknownNameError("version", found["version"] or what, what, ())
    if _DENIED.search(text):
        return NotAuthorizedError(f"{server} denies {what}: {_short(text)}")
    if _REFUSED.search(text):
        return InvalidQueryError(f"{server} refuses {what}: {_short(text)}")
    return None


def _reason(response: requests.Response) -> str:
    try:
        body = as_object(response.json())
    except (requests.JSONDecodeError, TypeError, RecursionError):
        return response.text or str(response.reason)
    return str(body.get("message") or body.get("Error") or body)


def _short(text: str) -> str:
    """One line: server messages carry whole SQL statements.

    Nothing that a terminal would obey, and nothing that is a user's own.
    """
    line = " ".join(text.split())
    line = "".join(one if one.isprintable() else "?" for one in line)
    line = _PRIVATE.sub("***", line)
    if line.startswith("Execution failed on sql") and "': " in line:
        line = line.rsplit("': ", 1)[1]
    return line if len(line) <= 300 else f"{line[:299]}…"  # noqa: PLR2004  a screen's worth


def _unauthorized(server: str, verb: str) -> NotAuthorizedError:
    return NotAuthorizedError(
        f"{server} {verb}; run `cortical-cache login` for a dataset of that server"
    )


def _forbidden(response: requests.Response, server: str, what: str) -> str:
    try:
        body = as_object(response.json())
        data = as_object(body.get("data") or {})
    except (requests.JSONDecodeError, TypeError, RecursionError):
        return f"{server} denies {what}"
    if body.get("error") == "missing_tos":
        return (
            f"{server} wants its terms of service accepted first: "
            f"{_short(str(data.get('tos_form_url')))}"
        )
    said = _short(str(body.get("message", "no permission")))
    return f"{server} denies {what}: {said}"
