"""What is held, cleared, forgotten or asked again: shown first, done with ``yes``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cortical_cache.client.base import Base

if TYPE_CHECKING:
    from cortical_cache.repositories.refreshing import ForgetPlan, RefreshPlan
    from cortical_cache.repositories.removalplan import RemovalPlan

__all__ = ["Upkept"]


class Upkept(Base):
    """The part of a client that looks after what is held.

    Parameters
    ----------
    repositories : Repositories
        Everything that answers for the dataset.
    """

    def clear_cache(
        self,
        names: str | Sequence[str] = (),
        *,
        version: int | None = None,
        yes: bool = False,
        expired: bool = False,
        pinned: bool = False,
    ) -> "RemovalPlan":
        """Remove rows from this disk, or show what would go. No network.

        What others share in a store below is never touched.

        Parameters
        ----------
        names : str or list of str
            Tables, views, exports, graph facts; otherwise all.
        version : int, optional
            Only of this one; otherwise of all, and what belongs to none.
        yes : bool
            Remove it. Otherwise nothing happens.
        expired, pinned : bool
            Also what the server has dropped, so that it is gone for ever; also what is
            pinned.

        Returns
        -------
        RemovalPlan
            What would go (or went), how many bytes, whether it can be had again.

        Raises
        ------
        UnknownNameError
            If something named is not held.
        InvalidQueryError
            If something named needs a word to go that was not given.
        """
        from cortical_cache.repositories.room import removals_of

        wanted = (names,) if isinstance(names, str) else names
        removals = removals_of(self._of.settings, self._of.home)
        plan = removals.named(version, wanted, expired=expired, pinned=pinned)
        if yes:
            removals.carry_out(plan)
        return plan

    def invalidate_cache(
        self, *, version: int | None = None, yes: bool = False, expired: bool = False
    ) -> "ForgetPlan":
        """Forget what may have changed on the server, or show what would be.

        Lists, metadata and records are asked again when they are next needed. Rows of
        a version never change, so they stay: `clear_cache` removes them.

        Parameters
        ----------
        version : int, optional
            Only what is known of this one.
        yes : bool
            Forget it. Otherwise nothing happens.
        expired : bool
            Also what is known of versions that the server has dropped.

        Raises
        ------
        InvalidQueryError
            Offline, where nothing could be asked again.
        """
        plan = self._of.refreshes.to_forget(version, expired=expired)
        if yes:
            self._of.refreshes.forget(plan)
        return plan

    def refresh_cache(
        self,
        names: str | Sequence[str] = (),
        *,
        version: int | None = None,
        yes: bool = False,
    ) -> "RefreshPlan":
        """Ask lists and metadata again now, or show what would be asked.

        Parameters
        ----------
        names : str or list of str
            Tables and views whose rows are fetched anew, too. What is held of them
            answers until all has come.
        version : int, optional
            Otherwise the client's own.
        yes : bool
            Ask. Otherwise nothing of this happens.

        Raises
        ------
        InvalidQueryError
            Offline; or a table is held from an export.
        VersionExpiredError
            The server has dropped the version; its rows stay.
        """
        wanted = (names,) if isinstance(names, str) else names
        number = self._of.versions.resolve(version)
        plan = self._of.refreshes.to_refresh(number, wanted)
        if yes:
            self._of.refreshes.refresh(plan)
        return plan
