"""What is missing offline, in words, and the command that fetches it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cortical_cache.cache.origin import Origin
from cortical_cache.errors import NotCachedError
from cortical_cache.model.commands import fetch_command, same_call

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ids = Sequence[int] | npt.NDArray[np.int64]

__all__ = ["by_asking", "by_sync", "counted", "require", "require_ids"]

_SHOWN = 5


def by_sync(origin: Origin, what: str) -> tuple[str, str]:
    """Name something that every sync brings, and the command, for `Facts.get`.

    Parameters
    ----------
    origin : Origin
    what : str
        ``the list of ...``
    """
    name = origin.dataset.name
    return f"{what} of {name} is", f"cortical-cache sync {name} latest"


def by_asking(origin: Origin, what: str) -> tuple[str, str]:
    """Name something that only the question itself brings, for `Facts.get`.

    Parameters
    ----------
    origin : Origin
    what : str
        ``the list of ...``
    """
    name = origin.dataset.name
    return f"{what} of {name} is", same_call(name)


def require(
    origin: Origin, what: str, ids: "Ids" = (), command: str | None = None
) -> None:
    """Make sure that something not held may be asked for.

    Parameters
    ----------
    origin : Origin
    what : str
        With its verb: ``the lines of 7 are``.
    ids : sequence of int
        What to fetch to have it; without any, only the same call online does.
    command : str, optional
        What else fetches it.

    Raises
    ------
    NotCachedError
        Offline.
    """
    if origin.offline:
        name = origin.dataset.name
        if command is None:
            command = fetch_command(name, ids) if len(ids) else same_call(name)
        raise NotCachedError(what, command)


def require_ids(
    origin: Origin,
    what: str,
    ids: "Ids",
    *,
    noun: str = "ids",
    command: str | None = None,
) -> None:
    """Make sure that something not held of some ids, if any, may be asked for.

    Parameters
    ----------
    origin : Origin
    what : str
        ``the ends of {} are``: in the braces come how many, and the first.
    ids : sequence of int
    noun : str
        What they are, in the plural.
    command : str, optional
        As of `require`.

    Raises
    ------
    NotCachedError
        Offline, if there are ids.
    """
    if len(ids):
        named = counted(origin.dataset.name, ids, noun)
        require(origin, what.format(named), ids, command)


def counted(dataset: str, ids: "Ids", noun: str = "ids") -> str:
    """Say how many ids there are, and the first of them."""
    first = ", ".join(str(int(one)) for one in ids[:_SHOWN])
    more = ", ..." if len(ids) > _SHOWN else ""
    named = noun.removesuffix("s") if len(ids) == 1 else noun
    return f"{len(ids):,} {named} of {dataset} ({first}{more})"
