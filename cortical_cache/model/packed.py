"""What came packed, unpacked within bounds: a kilobyte may hold gigabytes."""

import gzip
import io

__all__ = ["RATIO", "SMALL", "gunzip"]

RATIO = 200
"""Unpacked to packed bytes, over `SMALL`: rows reach 20; deflate could reach 1,032."""

SMALL = 64 << 20
"""Unpacked bytes of which the ratio is not looked at: constant columns pack well."""


def gunzip(packed: bytes) -> bytes:
    """Return what gzip holds, whole.

    Raises
    ------
    EOFError, OSError, zlib.error
        If there is nothing, it is damaged or cut short, or it unpacks to over `SMALL`
        and over `RATIO` times its size.
    """
    if not packed:
        raise EOFError("it is empty")
    most = max(SMALL, RATIO * len(packed))
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        plain = file.read(most + 1)
    if len(plain) > most:
        raise OSError(f"{len(packed):,} bytes unpack to over {most:,}; refused")
    return plain
