"""Checksums of the parts of a data file: what is read of it can be checked alone.

To hash a large file before the first lookup would cost more than the lookup. So its
commit has a CRC-32 of each 256 KiB, and those parts are compared that have the footer,
or row groups in which the keys asked for can lie.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortical_cache.errors import CorruptStoreError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

__all__ = ["PART", "FileParts", "Sums"]

PART = 1 << 18
"""Bytes of a part; the last one of a file may have fewer."""

_TAIL = 8  # the length of the footer in four bytes, and "PAR1"


class Sums:
    """The CRC-32 of each part of what is written, a piece at a time.

    Parameters
    ----------
    part : int
        Bytes of each but the last.
    """

    def __init__(self, part: int = PART) -> None:
        self._part = part
        self._done: list[int] = []
        self._sum = 0
        self._room = part

    def add(self, data: bytes | memoryview) -> None:
        """Go on with some bytes."""
        view = memoryview(data)
        while view:
            piece, view = view[: self._room], view[self._room :]
            self._sum = zlib.crc32(piece, self._sum)
            self._room -= len(piece)
            if not self._room:
                self._done.append(self._sum)
                self._sum, self._room = 0, self._part

    @property
    def parts(self) -> tuple[int, ...]:
        """The sums of what was written so far."""
        unfinished = () if self._room == self._part else (self._sum,)
        return (*self._done, *unfinished)


@dataclass(frozen=True, slots=True)
class _Groups:
    """The row groups of a file: what they hold of a column, and where they end."""

    low: "Ints"
    high: "Ints"
    starts: "Ints"
    ends: "Ints"


class FileParts:
    """The parts of one data file, each compared when it is first needed.

    Parameters
    ----------
    path : Path
    sums : sequence of int
        CRC-32 of each part, as its commit says; as many as the file has parts.
    """

    def __init__(self, path: Path, sums: Sequence[int]) -> None:
        self._path = path
        self._sums = sums
        self._right: set[int] = set()
        self._groups: dict[str, _Groups] = {}

    def check_all(self) -> None:
        """Compare every part.

        Raises
        ------
        CorruptStoreError
            If one differs.
        FileNotFoundError
        """
        self._check(range(len(self._sums)))

    def check_keys(self, column: str, keys: Sequence[int]) -> None:
        """Compare the row groups that may hold some keys, and the footer.

        Parameters
        ----------
        column : str
            Of integers.
        keys : sequence of int
            Ascending.

        Raises
        ------
        CorruptStoreError
            If one differs.
        FileNotFoundError
        """
        import numpy as np

        groups = self._groups.get(column)
        if groups is None:
            groups = self._groups[column] = self._read_groups(column)
        wanted = np.asarray(keys, np.int64)
        at = np.searchsorted(wanted, groups.low)
        fits = at < len(wanted)
        fits[fits] = wanted[at[fits]] <= groups.high[fits]
        places = zip(groups.starts[fits], groups.ends[fits], strict=True)
        self._check(
            part
            for start, end in places
            for part in range(int(start) // PART, -(-int(end) // PART))
        )

    def _footer(self) -> int:
        """Return where the footer begins, once it is found to be right."""
        size = self._path.stat().st_size
        self._check(range((size - _TAIL) // PART, len(self._sums)))
        with self._path.open("rb") as file:
            file.seek(size - _TAIL)
            start = size - _TAIL - int.from_bytes(file.read(4), "little")
        if start < 0:
            raise CorruptStoreError(f"{self._path} has no footer")
        self._check(range(start // PART, len(self._sums)))
        return start

    def _read_groups(self, column: str) -> _Groups:
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        end = self._footer()
        every = np.iinfo(np.int64)
        try:
            found: Any = pq.read_metadata(self._path)
            place = found.schema.to_arrow_schema().names.index(column)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:  # so it was written
            raise CorruptStoreError(f"{self._path} cannot be read: {error}") from error
        groups = [found.row_group(number) for number in range(found.num_row_groups)]
        stated = [group.column(place).statistics for group in groups]
        starts = [_start(group.column(0)) for group in groups]
        known = [one is not None and one.has_min_max for one in stated]
        low = [
            one.min if is_known else every.min
            for one, is_known in zip(stated, known, strict=True)
        ]
        high = [
            one.max if is_known else every.max
            for one, is_known in zip(stated, known, strict=True)
        ]
        ends = [*starts[1:], end]
        arrays = (np.asarray(one, np.int64) for one in (low, high, starts, ends))
        return _Groups(*arrays)

    def _check(self, parts: Iterable[int]) -> None:
        new = {*parts} - self._right
        if not new:
            return
        with self._path.open("rb") as file:
            for part in sorted(new):
                file.seek(part * PART)
                if zlib.crc32(file.read(PART)) != self._sums[part]:
                    raise CorruptStoreError(
                        f"{self._path} is damaged: the checksum of its bytes from "
                        f"{part * PART:,} does not match"
                    )
                self._right.add(part)


def _start(column: Any) -> int:  # noqa: ANN401  pyarrow has no types
    """Return where a column of a row group begins: with its dictionary, if any."""
    if column.has_dictionary_page:
        return min(column.dictionary_page_offset, column.data_page_offset)
    return column.data_page_offset
