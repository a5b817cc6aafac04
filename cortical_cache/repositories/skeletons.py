"""Skeletons of roots: which there are, and the skeletons themselves, kept for ever.

That there is one is final; that there is none may change at any time, and is never
remembered.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from cortical_cache.cache.facts import Facts
from cortical_cache.cache.keyed import Keyed
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import InvalidQueryError, NotCachedError
from cortical_cache.model.commands import fetch_command, same_call
from cortical_cache.model.json import JsonObject, as_list, as_object
from cortical_cache.model.moments import to_micros
from cortical_cache.model.values import integer
from cortical_cache.policy.freshness import Fact
from cortical_cache.repositories.missing import by_asking, require_ids
from cortical_cache.repositories.skeletonoutcome import SkeletonOutcome, SkeletonStatus
from cortical_cache.store import DatasetStore, Objects

__all__ = ["LATEST", "Skeletons"]

LATEST = 4
"""The version that is meant where none is given, as caveclient has it."""

_WORDS: dict[str, tuple[SkeletonStatus, str]] = {
    "async": ("being made", "the service has begun to make it; ask again later"),
    "invalid_rid": ("refused", "the service knows no such root, or refuses it"),
    "invalid_layer_rid": ("refused", "the id is of another layer than roots"),
    "": ("not made", "there is none, and none was ordered"),
}


class Skeletons:
    """The skeletons of one dataset.

    Parameters
    ----------
    store, origin, facts, clock
        Collaborators.
    """

    def __init__(
        self,
        store: DatasetStore,
        origin: Origin,
        facts: Facts,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._origin = origin
        self._facts = facts
        self._clock = clock
        self._known = Keyed(
            store.rows("graph", "skeletons", 0),
            "root_id",
            ("version", "seen_at"),
            origin.dataset.server_address,
        )

    def versions(self) -> list[int]:
        """Return the versions of skeletons; -1 is the latest. Freshness: a day.

        Raises
        ------
        NotCachedError
            Offline, and never asked.
        """
        document = self._facts.get(
            Fact.SKELETON_VERSIONS,
            lambda: self._origin.skeletons.versions(),  # noqa: PLW0108  offline: none
            missing=by_asking(self._origin, "the list of skeleton versions"),
        )
        return [int(str(one)) for one in as_list(document.value)]

    def version(self, given: object) -> int:
        """Return the number of a version: 4 where none is given, the newest for -1.

        Raises
        ------
        InvalidQueryError
            If there is no such version, or it is no number.
        """
        asked = integer(given, "skeleton_version", least=-1)
        number = LATEST if asked is None else asked
        if number == LATEST and self._origin.offline:
            return number
        known = self.versions()
        if number not in known:
            raise InvalidQueryError(
                f"there is no skeleton version {number}; there are {known}"
            )
        return max(known) if number == -1 else number

    def exist(self, roots: Sequence[int], version: int) -> dict[int, bool]:
        """Tell which roots have a skeleton.

        Freshness: that there is one is kept for ever; that there is none is asked each
        time.

        Parameters
        ----------
        roots : sequence of int
            Repeats are dropped.
        version : int
            A number of `version`.

        Raises
        ------
        NotCachedError
            Offline, and not all are known to have one.
        """
        unique = list(dict.fromkeys(roots))
        known = self._known_to_exist(unique, version)
        left = [root for root in unique if root not in known]
        found: dict[int, bool] = {}
        if left:
            self._require("whether there are skeletons of {} is", left, version)
            found = self._origin.skeletons.exist(left, version)
            self._learn([root for root in left if found[root]], version)
        return {root: root in known or found[root] for root in unique}

    def get(self, root: int, version: int) -> JsonObject:
        """Return one skeleton as the service gives it, waiting until it is made.

        Freshness: for ever.

        Raises
        ------
        InvalidQueryError
            If there can be none.
        NotCachedError
            Offline, and not held.
        """
        held = self._read(root, version)
        if held is not None:
            return held
        self._require("the skeleton of {} is", [root], version)
        packed = self._origin.skeletons.get(root, version, "dict")
        self._keep({root: packed}, version)
        return self._kept(root, version)

    def get_swc(self, root: int, version: int) -> str:
        """Return one skeleton as lines ``id type x y z radius parent``, in micrometres.

        Freshness: for ever.

        Raises
        ------
        InvalidQueryError, NotCachedError
            As `get`.
        """
        objects = self._store.objects("skeletons", f"v{version}.swc")
        name = str(root)
        held = objects.read(name)
        if held is None:
            command = same_call(self._origin.dataset.name)
            require_ids(
                self._origin,
                "the lines of the skeleton of {} are",
                [root],
                noun="roots",
                command=command,
            )
            objects.write(name, self._origin.skeletons.get(root, version, "swc"))
            held = _given(objects, root, command)
        return held.decode()

    def get_many(
        self,
        roots: Sequence[int],
        version: int,
        *,
        make: bool,
        come: Callable[[int], object],
    ) -> dict[int, SkeletonOutcome]:
        """Fetch many skeletons, waiting for none; what was fetched stays if cut short.

        Freshness: for ever.

        Parameters
        ----------
        roots : sequence of int
            Any number.
        version : int
        make : bool
            Order those that are not made.
        come : callable
            Told how many more roots are settled.

        Raises
        ------
        NotCachedError
            Offline, and not all are held; it names the first five.
        """
        from cortical_cache.sources.cave.skeletons import AT_ONCE

        unique = list(dict.fromkeys(roots))
        objects = self._objects(version)
        status: dict[int, tuple[SkeletonStatus, str]] = {
            root: ("held", "") for root in unique if str(root) in objects
        }
        left = [root for root in unique if root not in status]
        come(len(status))
        self._require("the skeletons of {} are", left, version)
        for start in range(0, len(left), AT_ONCE):
            batch = left[start : start + AT_ONCE]
            status |= self._ask(batch, version, make=make)
            come(len(batch))
        return {
            root: SkeletonOutcome(root, *status[root], self._reader(root, version))
            if status[root][0] in {"held", "fetched"}
            else SkeletonOutcome(root, *status[root])
            for root in unique
        }

    def _ask(
        self, roots: Sequence[int], version: int, *, make: bool
    ) -> dict[int, tuple[SkeletonStatus, str]]:
        service = self._origin.skeletons
        made: dict[int, bytes | str] = {**(service.made_or_none(roots, version) or {})}
        missing = [root for root in roots if root not in made]
        if missing:
            made |= service.bulk(missing, version, make=make)
        packed = {root: one for root, one in made.items() if isinstance(one, bytes)}
        self._keep(packed, version)
        return {
            root: ("fetched", "") if root in packed else _WORDS[str(made.get(root, ""))]
            for root in roots
        }

    def _reader(self, root: int, version: int) -> Callable[[], JsonObject]:
        def read() -> JsonObject:
            return self._kept(root, version)

        return read

    def _read(self, root: int, version: int) -> JsonObject | None:
        held = self._objects(version).read(str(root))
        return None if held is None else as_object(json.loads(held))

    def _keep(self, packed: dict[int, bytes], version: int) -> None:
        objects = self._objects(version)
        for root, one in packed.items():
            objects.write(str(root), one)

    def _known_to_exist(self, roots: Sequence[int], version: int) -> set[int]:
        rows = self._known.get(np.array(roots, np.int64))
        mine = rows.asked[rows.columns["version"] == version]
        places: list[int] = mine.tolist()
        known = {roots[place] for place in places}
        objects = self._objects(version)
        return known | {root for root in roots if str(root) in objects}

    def _learn(self, roots: Sequence[int], version: int) -> None:
        now = to_micros(self._clock())
        self._known.add(
            [
                np.array(roots, np.int64),
                np.full(len(roots), version, np.int64),
                np.full(len(roots), now, np.int64),
            ]
        )

    def _objects(self, version: int) -> Objects:
        return self._store.objects("skeletons", f"v{version}")

    def _require(self, what: str, roots: Sequence[int], version: int) -> None:
        """Make sure that skeletons may be asked for; see `require_ids`."""
        command = self._command(roots, version)
        require_ids(self._origin, what, roots, noun="roots", command=command)

    def _kept(self, root: int, version: int) -> JsonObject:
        """Return a skeleton that was kept a moment ago."""
        command = self._command([root], version)
        return as_object(json.loads(_given(self._objects(version), root, command)))

    def _command(self, roots: Sequence[int], version: int) -> str:
        """Name what fetches skeletons: the command does those of one version."""
        name = self._origin.dataset.name
        return fetch_command(name, roots) if version == LATEST else same_call(name)


def _given(objects: Objects, root: int, command: str) -> bytes:
    """Return what was kept a moment ago, and how to have it again if it is gone."""
    held = objects.read(str(root))
    if held is None:
        raise NotCachedError(f"the skeleton of {root} is", command)
    return held
