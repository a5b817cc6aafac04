"""How much a reply or file may be, before it is believed to be an attack or a fault.

A server or bucket is not trusted with this machine's memory and disk. The limits lie
far above anything that CAVE has been seen to send.
"""

from typing import TYPE_CHECKING, Any

from cortical_cache.errors import SourceError
from cortical_cache.model.packed import RATIO, SMALL

if TYPE_CHECKING:  # JSON alone needs no pyarrow
    import pyarrow as pa

__all__ = [
    "JSON_BYTES",
    "REPLY_BYTES",
    "ROW_BYTES",
    "check_rows",
    "check_unpacked",
]

JSON_BYTES = 64 << 20
"""Of one JSON document, unpacked: all metadata of a datastack are under 10 MB."""

REPLY_BYTES = 4 << 30
"""Of one reply of rows, unpacked: 500,000 rows of 25 columns are 100 MB."""

ROW_BYTES = 1 << 20
"""Of the texts of one row: CAVE's are under 10 kB."""


def check_unpacked(unpacked: int, packed: int, where: str) -> None:
    """Refuse what unpacks to far more than it came as.

    Parameters
    ----------
    unpacked, packed : int
        Bytes so far.
    where : str
        For the message.

    Raises
    ------
    SourceError
        If `unpacked` is over `SMALL` and over `RATIO` times `packed`.
    """
    if unpacked > SMALL and unpacked > RATIO * packed:
        raise SourceError(
            f"{where}: {packed:,} bytes unpack to {unpacked:,} or more, over "
            f"{RATIO} times as many; refused"
        )


def check_rows(rows: "pa.Table | pa.RecordBatch", where: str) -> None:
    """Refuse rows of more text than any row has.

    Parameters
    ----------
    rows : pyarrow.Table or pyarrow.RecordBatch
    where : str
        For the message.

    Raises
    ------
    SourceError
        If the texts of one row are over `ROW_BYTES`.
    """
    import pyarrow.compute as pc

    compute: Any = pc  # its stubs know columns of tables only
    columns: list[Any] = [*rows.columns]
    lengths = [
        compute.fill_null(compute.cast(compute.binary_length(values), "int64"), 0)
        for values in columns
        if str(values.type) in {"string", "binary", "large_string", "large_binary"}
    ]
    most = [compute.max(one).as_py() or 0 for one in lengths]
    if sum(most) <= ROW_BYTES:  # so no row can have more
        return
    total = lengths[0]
    for one in lengths[1:]:
        total = compute.add(total, one)
    longest = compute.max(total).as_py()
    if longest > ROW_BYTES:
        raise SourceError(f"{where}: a row has {longest:,} bytes of text; refused")
