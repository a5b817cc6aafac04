"""What rows are, as a digest that neither their order nor their files change.

Two tables have the same digest if they have the same columns (by name and type) and
the same rows, each as often. It is the sum of a hash of every row, in two lanes of 64
bits, modulo 2**64 each:

* a value is a word: an integer, a boolean or a time (microseconds since 1970) as 64-bit
  two's complement; a float as the bits of its double, with one zero and one NaN; a text
  as BLAKE2b-128 of its UTF-8, one half for each lane;
* a column has two pairs of words, BLAKE2b-256 of its name and type, one pair for each
  lane: a seed, and what stands for NULL;
* ``mix`` is the finalizer of SplitMix64 (Steele, Lea & Flood 2014, doi
  10.1145/2660193.2660195); a row is ``mix(sum over columns of mix(value + seed))``,
  with the word for NULL in place of ``mix(value + seed)``.

It depends on no library's own hash, which may change between releases. It tells damage
and difference, not malice: whoever can choose rows can make two tables collide.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cortical_cache.errors import UnsupportedQueryError

if TYPE_CHECKING:
    Words = npt.NDArray[np.uint64]

__all__ = ["Content", "content_of", "content_of_files"]

NAME = "rows1"
"""Of this very definition: another one needs another name."""

_ROWS = 16_384  # the lanes of some columns then stay in the processor's cache
_WORD = np.uint64


@dataclass(frozen=True, slots=True)
class Content:
    """Rows by digest.

    Attributes
    ----------
    rows : int
    digest : str
        ``rows1:`` and 32 hexadecimal digits.
    columns : tuple of (str, str)
        Name and type of each, by name.
    """

    rows: int
    digest: str
    columns: tuple[tuple[str, str], ...]

    @property
    def schema_digest(self) -> str:
        """Digest of the columns' names and types, whatever their order."""
        text = "\n".join(f"{name}\0{kind}" for name, kind in self.columns)
        return blake2b(text.encode(), digest_size=16).hexdigest()


def content_of_files(files: Sequence[Path | str], columns: Sequence[str]) -> Content:
    """Return what the rows of some Parquet files are, in bounded memory.

    Parameters
    ----------
    files : sequence of path
        At least one; all of them together are the rows.
    columns : sequence of str
        Those that count.

    Raises
    ------
    UnsupportedQueryError
        If a column has a type that no table of CAVE has.
    FileNotFoundError
    """
    stored = pq.read_schema(files[0])
    fields: list[Any] = [stored.field(one) for one in columns]

    def batches() -> Iterator[pa.RecordBatch]:
        for file in files:
            with pq.ParquetFile(file) as opened:
                yield from opened.iter_batches(_ROWS, columns=list(columns))

    return content_of(batches(), pa.schema(fields))


def content_of(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Content:
    """Return what rows are; see `content_of_files`."""
    types: dict[str, Any] = dict(zip(schema.names, schema.types, strict=True))
    columns = tuple(sorted((name, _kind(name, types[name])) for name in types))
    seeds = {name: _seeds(name, kind) for name, kind in columns}
    sums = [0, 0]
    rows = 0
    batch: Any
    for batch in batches:
        rows += batch.num_rows
        lanes = [np.zeros(batch.num_rows, _WORD) for _ in sums]
        for name, kind in columns:
            values: Any = batch.column(name)
            for lane, words in enumerate(_words(values, kind)):
                seed, nothing = seeds[name][lane]
                mixed = _mixed(words + seed)
                if values.null_count:
                    mixed[_is_null(values)] = nothing
                lanes[lane] += mixed
        for lane, words in enumerate(lanes):
            sums[lane] += int(_mixed(words).sum(dtype=_WORD))
    digest = "".join(f"{one % 2**64:016x}" for one in sums)
    return Content(rows, f"{NAME}:{digest}", columns)


def _mixed(words: "Words") -> "Words":
    """Return the SplitMix64 finalizer of each word; the array given is used up."""
    words ^= words >> _WORD(30)
    words *= _WORD(0xBF58476D1CE4E5B9)
    words ^= words >> _WORD(27)
    words *= _WORD(0x94D049BB133111EB)
    words ^= words >> _WORD(31)
    return words


def _seeds(name: str, kind: str) -> tuple[tuple[np.uint64, np.uint64], ...]:
    text = f"{NAME}\0{name}\0{kind}".encode()
    a, b, c, d = np.frombuffer(blake2b(text, digest_size=32).digest(), "<u8")
    return (_WORD(a), _WORD(b)), (_WORD(c), _WORD(d))


def _kind(name: str, kind: pa.DataType) -> str:
    """Return a type by the name that it has here, whatever a library calls it."""
    if pa.types.is_integer(kind):
        return str(kind)
    if pa.types.is_floating(kind):
        return f"float{kind.bit_width}"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_timestamp(kind):
        return "time"
    if _is_text(kind):
        return "text"
    raise UnsupportedQueryError(f"column {name} has the type {kind}: it has no digest")


def _is_text(kind: pa.DataType) -> bool:
    inner: Any = kind
    if pa.types.is_dictionary(kind):
        inner = inner.value_type
    return (
        pa.types.is_string(inner)
        or pa.types.is_large_string(inner)
        or pa.types.is_string_view(inner)
    )


def _words(values: Any, kind: str) -> tuple["Words", "Words"]:  # noqa: ANN401  any array
    """Return the word of each value for either lane; for NULL any."""
    if kind == "text":
        return _text_words(values)
    plain: Any = values
    if kind == "time":
        plain = values.cast(pa.timestamp("us", values.type.tz)).cast(pa.int64())
    elif kind == "bool":
        plain = values.cast(pa.int8())
    numbers: npt.NDArray[Any] = np.asarray(
        plain.fill_null(0) if plain.null_count else plain
    )
    if kind.startswith("float"):
        doubles = numbers.astype(np.float64) + 0.0  # no negative zero
        doubles[np.isnan(doubles)] = np.nan
        words = doubles.view(_WORD)
    elif numbers.dtype == np.uint64:
        words = numbers
    else:
        words = numbers.astype(np.int64).view(_WORD)
    return words, words  # each lane adds its own seed


def _text_words(values: Any) -> tuple["Words", "Words"]:  # noqa: ANN401  any array
    encoded = values.cast(pa.string()).dictionary_encode()
    texts: list[str] = encoded.dictionary.to_pylist()
    digests = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
    # One more, for where there is nothing but NULL.
    words = np.frombuffer(b"".join([*digests, bytes(16)]), "<u8").reshape(-1, 2)
    places = np.asarray(encoded.indices.fill_null(0), np.int64)
    taken = words[places].astype(_WORD)
    return taken[:, 0].copy(), taken[:, 1].copy()


def _is_null(values: Any) -> "npt.NDArray[np.bool_]":  # noqa: ANN401  any array
    return np.asarray(values.is_null())
