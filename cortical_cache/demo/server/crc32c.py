"""CRC-32C (Castagnoli), which Google's storage gives for every object.

Long data are cut into lanes whose checksums run side by side in numpy.
"""

import numpy as np
import numpy.typing as npt

_POLYNOMIAL = 0x82F63B78
_LANES = 4096

_Words = npt.NDArray[np.uint32]


def _byte_table() -> _Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        odd = (table & 1).astype(np.bool_)
        table = (table >> 1) ^ np.where(odd, np.uint32(_POLYNOMIAL), np.uint32(0))
    return table.astype(np.uint32)


_TABLE = _byte_table()


def crc32c(data: bytes) -> int:
    """Return the checksum of `data`."""
    length = len(data) // _LANES
    crc = 0xFFFFFFFF
    if length:
        lanes = np.frombuffer(data, np.uint8, length * _LANES).reshape(_LANES, length)
        states = np.zeros(_LANES, dtype=np.uint32)
        for column in np.ascontiguousarray(lanes.T):
            states = _TABLE[(states ^ column) & 0xFF] ^ (states >> 8)
        bits = _shifted_bits(length)
        for state in states.tolist():
            crc = _apply(bits, crc) ^ state
    table = _TABLE.tolist()
    for byte in data[length * _LANES :]:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _shifted_bits(length: int) -> list[int]:
    """Return what each bit of a state becomes after `length` zero bytes."""
    states = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(length):
        states = _TABLE[states & 0xFF] ^ (states >> 8)
    return states.tolist()


def _apply(bits: list[int], state: int) -> int:
    shifted = 0
    for place, bit in enumerate(bits):
        if state >> place & 1:
            shifted ^= bit
    return shifted
