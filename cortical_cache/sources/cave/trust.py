"""Whom a token is shown to: the CAVE that it is for, and nobody else.

caveclient sends it with every request of a session, also to the address of a state
that somebody gave, to a viewer, and to a bucket.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

import requests

__all__ = ["Trusted"]

_COOKIE = "middle_auth_token"

# Below these anybody may have a name, as below a name of one part.
_PUBLIC = re.compile(r"(ac|co|com|edu|gov|net|org)\.[a-z]{2}")


class Trusted:
    """The servers of one CAVE.

    Parameters
    ----------
    address : str
        Of one of them, e.g. ``"https://global.daf-apis.com"``.
    """

    def __init__(self, address: str) -> None:
        self._known = {urlsplit(address)}

    def add(self, address: str) -> None:
        """Trust another one, which a trusted one named."""
        self._known.add(urlsplit(address))

    def holds(self, url: str) -> bool:
        """Tell whether an address is of these, or of a sister of one.

        ``globalv1.daf-apis.com`` is a sister of ``global.daf-apis.com``.
        """
        asked = urlsplit(url)
        return any(
            (asked.scheme, asked.netloc) == (one.scheme, one.netloc)
            or (asked.scheme == "https" and _domain(asked) == _domain(one) != "")
            for one in self._known
        )

    def guard(
        self, request: requests.PreparedRequest, token: str | bytes | None
    ) -> None:
        """Take the token off a request that goes elsewhere.

        Parameters
        ----------
        request : requests.PreparedRequest
        token : str or bytes or None
            The ``Authorization`` of the session.
        """
        if self.holds(str(request.url)):
            return
        if request.headers.get("Authorization") == token:
            request.headers.pop("Authorization", None)
        if _COOKIE in str(request.headers.get("Cookie", "")):
            del request.headers["Cookie"]


def _domain(parts: SplitResult) -> str:
    """Return the domain that a host lies in; nothing where it lies in none."""
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        domain = host.partition(".")[2]
        return "" if "." not in domain or _PUBLIC.fullmatch(domain) else domain
    return ""
