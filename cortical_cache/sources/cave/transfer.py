"""A log line for each request that was answered: rows, bytes, seconds.

The query of an address is left out, since it may hold what is nobody's business.
"""

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import requests

__all__ = ["tell"]

log = logging.getLogger(__name__)


def tell(response: "requests.Response", seconds: float) -> None:
    """Log what a request brought. Nothing is computed if nobody listens.

    Parameters
    ----------
    response : requests.Response
        Read whole.
    seconds : float
        Until it was there.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    address = urlsplit(response.url)
    rows = _rows(response)
    log.info(
        "%s %s://%s%s: %s%s%s bytes, %.2f s",
        response.request.method,
        address.scheme,
        address.netloc,
        address.path,
        "" if response.ok else f"{response.status_code}, ",
        "" if rows is None else f"{rows:,} rows, ",
        f"{_on_the_wire(response):,}",
        seconds,
    )


def _on_the_wire(response: "requests.Response") -> int:
    """Return the length of the body as it came, packed or not."""
    unpacked = len(response.content)
    return int(response.raw.tell()) or unpacked


def _rows(response: "requests.Response") -> int | None:
    """Count the rows of an Arrow stream by one of its columns; None if it is none."""
    if response.headers.get("Content-Type") != "data.arrow" or not response.ok:
        return None
    import pyarrow as pa

    options = pa.ipc.IpcReadOptions(included_fields=[0])
    try:
        with pa.ipc.open_stream(response.content, options=options) as reader:
            return sum(batch.num_rows for batch in reader)
    except (pa.ArrowInvalid, OSError):  # whoever reads it in earnest will say so
        return None
