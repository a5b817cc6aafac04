"""When something was last read, to within a day, in the time of a file beside it.

A hit must stay cheap and a store that may not be written must stay readable: a process
looks at the file once a day, touches it if it is older, and lets it be where it cannot.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from cortical_cache.store.disk import Disk
from cortical_cache.store.layout import used_file

__all__ = ["LastUse", "last_use"]

_DAY = 86_400.0


class LastUse:
    """Notes that what lies in a folder is used.

    Parameters
    ----------
    folder : Path
        Of a row set or a group of objects; may not exist.
    disk : Disk
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._file = used_file(folder)
        self._disk = disk
        self._looked_at: float | None = None

    def note(self) -> None:
        """Note it, at most once a day; where nothing may be written, do nothing."""
        now = time.time()
        if self._looked_at is not None and 0 <= now - self._looked_at < _DAY:
            return
        self._looked_at = now
        try:
            if not 0 <= now - self._file.stat().st_mtime < _DAY:
                self._disk.touch(self._file)
        except FileNotFoundError:
            self._make()
        except OSError:
            return

    def _make(self) -> None:
        try:
            self._disk.create(self._file).close()
        except OSError:  # read-only, gone meanwhile, or another one was faster
            return


def last_use(folder: Path) -> datetime | None:
    """Return when something in a folder was last noted to be used; None: never."""
    try:
        return datetime.fromtimestamp(used_file(folder).stat().st_mtime, UTC)
    except OSError:
        return None
