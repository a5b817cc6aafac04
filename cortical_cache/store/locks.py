"""Locks that save work. Nothing is wrong, only done twice, when they fail."""

import errno
import hashlib
import logging
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from cortical_cache.store.disk import Disk

__all__ = ["fetch_lock", "locks_work"]

_LOG = logging.getLogger(__name__)

_LEASE_SECONDS = 30.0

_make_folder = Disk().make_folder

_CANNOT_LOCK = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def fetch_lock(
    folder: Path,
    key: str,
    timeout: float,
    *,
    native: bool = True,
    make_folder: Callable[[Path], object] = _make_folder,
) -> Generator[bool]:
    """Yield True while holding the lock on `key`, False where it cannot be had.

    Parameters
    ----------
    folder : Path
        Where lock files lie; made if need be.
    key : str
        Anything; the file is named by its digest.
    timeout : float
        Seconds to wait for another holder.
    native : bool
        Lock by the operating system. Where it cannot, a lease with a heartbeat is used.
    make_folder : callable
        Makes a folder and its parents.
    """
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.lock"
    held = ExitStack()
    try:
        make_folder(folder)
        held.enter_context(_acquire(path, timeout, native=native))
        got = True
    except Exception as error:  # noqa: BLE001  # a lost lock is lost work, no more
        _LOG.info("no lock on %s (%s); going on without", key, error)
        got = False
    try:
        yield got
    finally:
        with suppress(OSError):
            held.close()


def locks_work(folder: Path) -> bool | None:
    """Tell whether a lock in a folder keeps another one out; None if none can be made.

    Of this machine only: what others on a shared disk see cannot be told from here.
    """
    from filelock import FileLock, Timeout

    path = folder / f".lock-{uuid4().hex}.tmp"
    try:
        with FileLock(path, fallback_to_soft=False):
            try:
                with FileLock(path, timeout=0, fallback_to_soft=False):
                    return False
            except Timeout:
                return True
    except NotImplementedError:
        return False
    except OSError as error:
        return False if error.errno in _CANNOT_LOCK else None
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _acquire(
    path: Path, timeout: float, *, native: bool
) -> AbstractContextManager[object]:
    # Deferred: whoever only reads takes no lock, and should not pay for the import.
    from filelock import FileLock, SoftFileLease, Timeout

    if native:
        try:
            lock = FileLock(path, fallback_to_soft=False, mode=0o600)
            return lock.acquire(timeout)
        except Timeout:
            raise
        except (NotImplementedError, OSError) as error:
            _LOG.info("%s cannot be locked (%s); taking a lease", path, error)
    lease = SoftFileLease(
        path.with_suffix(".lease"), lease_duration=_LEASE_SECONDS, mode=0o600
    )
    return lease.acquire(timeout)
