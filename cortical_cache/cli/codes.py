"""What the exit code of ``cortical-cache`` says."""

from enum import IntEnum
from typing import Self

__all__ = ["Exit"]


class Exit(IntEnum):
    """An exit code; `meaning` is what it says."""

    DONE = 0, "done"
    FAILED = 1, "an error, told in one line"
    WRONG = 2, "the command line is wrong"
    PARTLY = 3, "some tables of a sync failed, the others are held"
    DIFFERS = 4, "a selfcheck found the server other than assumed"
    DAMAGED = 5, "something held is damaged"
    INTERRUPTED = 130, "interrupted; what is held stays"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Make the number, and keep its meaning."""
        one = int.__new__(cls, code)
        one._value_ = code
        one.meaning = meaning
        return one
