"""``cortical-cache lock``, ``sync --locked`` and ``verify --lock``."""

from dataclasses import asdict
from pathlib import Path

from cortical_cache.cli.output import as_json, say, table
from cortical_cache.errors import ConfigurationError
from cortical_cache.model.lock import Lock, parse_lock
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.settings import read_settings
from cortical_cache.sync.locked import Checked, check_locked, sync_locked

__all__ = ["lock", "synced_by_lock", "verified_by_lock"]


def lock(dataset: str, version: int, *names: str) -> None:
    """Print a lock file: what some tables hold, for others to have the very same.

    ``cortical-cache lock minnie_public 1300 > cortical-cache.lock``. What it names is
    pinned. No network.

    Parameters
    ----------
    dataset
        Name or alias.
    version
        Materialization version.
    names
        Tables, views, exports; otherwise all tables and views that are held whole.

    Examples
    --------
    # for a colleague, who runs: cortical-cache sync --locked cortical-cache.lock
    cortical-cache lock minnie_public 1300 > cortical-cache.lock
    """
    settings = read_settings()
    made = open_dataset(resolve(dataset, settings), settings).locking.lock(
        version, names
    )
    print(made.text(), end="")  # noqa: T201  data
    say(f"{len(made.tables)} tables and views are locked, and pinned")


def synced_by_lock(
    file: str, dataset: str | None, *, server: str | None, json: bool
) -> bool:
    """Fetch what a lock names; tell whether all of it is the same.

    Parameters
    ----------
    file : str
    dataset : str or None
        Otherwise the lock's.
    server : str or None
        Another CAVE server.
    json : bool
    """
    settings = read_settings()
    said = _read(file)
    home = resolve(dataset or said.dataset, settings, server_address=server)
    return _told(sync_locked(open_dataset(home, settings), said), json=json)


def verified_by_lock(file: str, dataset: str | None, *, json: bool) -> bool:
    """Compare what is held with a lock; tell whether all of it is the same."""
    settings = read_settings()
    said = _read(file)
    home = resolve(dataset or said.dataset, settings)
    return _told(check_locked(open_dataset(home, settings), said), json=json)


def _read(file: str) -> Lock:
    try:
        return parse_lock(Path(file).read_text("utf-8"), file)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"the lock {file} cannot be read: {why}") from error


def _told(checked: list[Checked], *, json: bool) -> bool:
    wrong = [one for one in checked if one.problem is not None]
    if json:
        as_json(
            [
                {**asdict(one.table), "problem": one.problem, "fetched": one.is_new}
                for one in checked
            ]
        )
    else:
        lines = [
            (
                one.table.kind,
                one.table.name,
                f"{one.table.rows:,}",
                one.problem or "same",
            )
            for one in checked
        ]
        table([("kind", "name", "rows", "found"), *lines], numbers=(2,))
    if wrong:
        say(f"{len(wrong)} of {len(checked)} are not what the lock says")
    else:
        say(f"all {len(checked)} are what the lock says")
    return not wrong
