"""The command line that fetches what is missing, as a shell takes it."""

from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["fetch_command", "same_call", "sync_command"]

_AT_MOST = 100
"""Ids that a command is written out for: 2 kB."""


def sync_command(dataset: str, version: int | str, kind: str, name: str) -> str:
    """Return the command that mirrors one table, view or export.

    Parameters
    ----------
    dataset : str
    version : int or str
        A number, or ``"latest"``.
    kind : {"table", "view", "export"}
    name : str
        Of it. A server may name a table as it likes, and commands are pasted: what a
        shell would take for more than a word is quoted.
    """
    return f"cortical-cache sync {dataset} {version} --{kind}s {quote(name)}"


def fetch_command(dataset: str, ids: "Sequence[int] | npt.NDArray[np.int64]") -> str:
    """Write the command that fetches what belongs to ids, to be pasted as it is.

    Of too many for that, say what does the same.
    """
    if len(ids) > _AT_MOST:
        return same_call(dataset)
    return " ".join(["cortical-cache fetch", dataset, *(str(int(i)) for i in ids)])


def same_call(dataset: str) -> str:
    """Say how to fetch what no command does."""
    return f"the same call of load_client({dataset!r}, offline=False)"
