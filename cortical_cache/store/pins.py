"""Pins: an empty file in the folder of what must not go. Its presence is all it says.

One file for each, so that two processes that pin at once cannot lose each other's.
"""

from pathlib import Path

from cortical_cache.store.disk import Disk, place, told
from cortical_cache.store.layout import pin_file

__all__ = ["is_pinned", "pin", "unpin"]


def pin(disk: Disk, folder: Path) -> bool:
    """Pin what lies in a folder, durably; False if it was.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    if pin_file(folder).exists():
        return False
    disk.make_folder(folder)
    place(disk, pin_file(folder), b"")
    return True


def unpin(disk: Disk, folder: Path) -> bool:
    """Let it go again; False if it was not pinned.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    if not pin_file(folder).exists():
        return False
    with told(pin_file(folder)):
        disk.remove(pin_file(folder))
        disk.sync_folder(folder)
    return True


def is_pinned(folder: Path, root: Path) -> bool:
    """Tell whether a folder, or one above it up to `root`, is pinned."""
    while True:
        if pin_file(folder).exists():
            return True
        if folder in {root, folder.parent}:
            return False
        folder = folder.parent
