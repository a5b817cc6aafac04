"""``cortical-cache invalidate`` and ``refresh``: ask again what is held."""

from cortical_cache.cli.output import say
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.settings import read_settings

__all__ = ["invalidate", "refresh"]


def invalidate(
    dataset: str,
    version: int | None = None,
    *,
    yes: bool = False,
    expired: bool = False,
) -> None:
    """Forget lists and metadata, so that they are asked again when next needed.

    Rows of a version never change, and stay. Without --yes it only shows what would
    be forgotten.

    Parameters
    ----------
    dataset
        Name or alias.
    version
        Only what is known of this materialization version.
    yes
        Forget it.
    expired
        Also what is known of versions that the server has dropped.

    Examples
    --------
    # what would be forgotten, and then forget it
    cortical-cache invalidate minnie_public 1300
    cortical-cache invalidate minnie_public 1300 --yes
    """
    settings = read_settings()
    refreshes = open_dataset(resolve(dataset, settings), settings).refreshes
    plan = refreshes.to_forget(version, expired=expired)
    say(repr(plan) + ("" if yes else ": add --yes"))
    if yes:
        refreshes.forget(plan)


def refresh(dataset: str, version: int, *names: str, yes: bool = False) -> None:
    """Ask lists and metadata again now, and fetch the named tables and views anew.

    What is held answers until its successor is there. Without --yes it only shows
    what would be asked.

    Parameters
    ----------
    dataset
        Name or alias.
    version
        Materialization version.
    names
        Tables and views whose rows are fetched anew.
    yes
        Ask.

    Examples
    --------
    # lists and metadata; rows of a table, too
    cortical-cache refresh minnie_public 1300 --yes
    cortical-cache refresh minnie_public 1300 nucleus_detection_v0 --yes
    """
    settings = read_settings()
    refreshes = open_dataset(resolve(dataset, settings), settings).refreshes
    plan = refreshes.to_refresh(version, names)
    say(repr(plan) + ("" if yes else ": add --yes"))
    if yes:
        refreshes.refresh(plan)
        say("done")
