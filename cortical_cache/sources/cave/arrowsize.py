"""How large an Arrow stream says it is, before a byte of it is unpacked.

Compressed buffers begin with their unpacked length (Arrow's ``Message.fbs``,
``BodyCompression``), and the library allocates what it says. pyarrow does not show
where the buffers lie, so the few fields that tell are read off the flatbuffer here.
"""

import struct

import pyarrow as pa

__all__ = ["unpacked_bytes"]

# Places of fields in their tables, as Arrow's schemas number them.
_HEADER = 2
_BUFFERS = 2
_COMPRESSION = 3


def unpacked_bytes(stream: pa.Buffer) -> int:
    """Return the bytes that all buffers of a stream take once unpacked.

    Raises
    ------
    ValueError, struct.error, pyarrow.ArrowException, OSError
        If it is no stream of one schema and record batches: CAVE sends no
        dictionaries.
    """
    total = 0
    for message in pa.ipc.MessageReader.open_stream(stream):
        if message.type == "schema":
            continue
        if message.type != "record batch":
            raise ValueError(f"the stream holds a message of type {message.type}")
        body: pa.Buffer | None = message.body
        if body is None:
            raise ValueError("a batch has no rows")
        total += _of_batch(message.metadata.to_pybytes(), body)
    return total


def _of_batch(meta: bytes, body: pa.Buffer) -> int:
    batch = _follow(meta, _field(meta, _uint(meta, 0), _HEADER))
    is_packed = _field(meta, batch, _COMPRESSION) is not None
    found = _field(meta, batch, _BUFFERS)
    if not is_packed or found is None:
        return body.size
    vector = found + _uint(meta, found)
    total = 0
    for place in range(_uint(meta, vector)):
        at, size = struct.unpack_from("<qq", meta, vector + 4 + 16 * place)
        if not 0 <= at <= at + size <= body.size:
            raise ValueError("a buffer lies outside of its message")
        if size:
            (length,) = struct.unpack_from("<q", body, at)
            total += size if length == -1 else length  # -1: kept as it is
            if length < -1:
                raise ValueError(f"a buffer says it has {length} bytes")
    return total


def _uint(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _follow(data: bytes, at: int | None) -> int:
    if at is None:
        raise ValueError("a message has no header")
    return at + _uint(data, at)


def _field(data: bytes, table: int, place: int) -> int | None:
    """Return where a field of a flatbuffer's table lies; None if it is absent."""
    (back,) = struct.unpack_from("<i", data, table)
    vtable = table - back
    (size,) = struct.unpack_from("<H", data, vtable)
    slot = 4 + 2 * place
    if vtable < 0 or slot + 2 > size:
        return None
    (offset,) = struct.unpack_from("<H", data, vtable + slot)
    return table + offset if offset else None
