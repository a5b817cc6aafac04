"""Meshes of roots, and which level-2 id each of their vertices belongs to, for ever.

Neither changes while the root is the root. But after an edit the meshes of what it
made come one by one: of a root less than an hour old neither a mesh nor that there is
none is kept.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.facts import Clock, Facts
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import NotCachedError
from cortical_cache.model.commands import fetch_command, same_call
from cortical_cache.model.ids import MISSING
from cortical_cache.model.moments import from_micros
from cortical_cache.policy.freshness import Fact, is_absent, is_fresh
from cortical_cache.repositories.roots import Roots
from cortical_cache.store import DatasetStore, Objects
from cortical_cache.store.arrays import read_arrays, write_arrays

__all__ = ["MeshArrays", "Meshes"]

Ints = npt.NDArray[np.int64]

MeshArrays = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint32]]
"""Vertices in nm, shape (n, 3), and faces, shape (m, 3)."""

_DEFAULTS: Mapping[str, object] = {
    "remove_duplicate_vertices": False,
    "bounding_box": None,
    "bypass": False,
    "use_byte_offsets": True,
    "deduplicate_chunk_boundaries": True,
}
"""Of cloud-volume's ``mesh.get``; given or not, they mean the same mesh."""

_ABOUT_OTHERS = ("fuse", "allow_missing")
"""Options that do not change a mesh that there is."""

_PLAIN = "default"
_DIGITS = 16


class Meshes:
    """The meshes of one dataset.

    Parameters
    ----------
    store, origin, roots, facts, clock
        Collaborators.
    """

    def __init__(
        self,
        store: DatasetStore,
        origin: Origin,
        roots: Roots,
        facts: Facts,
        clock: Clock,
    ) -> None:
        self._store = store
        self._origin = origin
        self._roots = roots
        self._facts = facts
        self._clock = clock

    def get(self, root: int, options: Mapping[str, Any]) -> MeshArrays | None:
        """Return the mesh of a root; None if there is none.

        Freshness: for ever, and that there is none for an hour, if the root was more
        than an hour old when it was asked for; else asked each time.

        Parameters
        ----------
        root : int
        options : mapping
            Of cloud-volume's ``mesh.get``; part of the key.

        Raises
        ------
        InvalidQueryError
            If cloud-volume knows no such option.
        NotCachedError
            Offline, and not held.
        """
        objects = self._objects(options)
        held = read_arrays(objects, str(root))
        if held is not None:
            return cast("MeshArrays", (held["vertices"], held["faces"]))
        absence = f"{root}.{_group(options)}"
        noted = self._facts.held(Fact.NO_MESHES, part=absence)
        if noted and is_fresh(Fact.NO_MESHES, noted.captured_at, self._clock()):
            return None
        self._require(root, options)
        created = self._created(root)  # before the mesh: else it may be in between
        settled = created is not None and not is_absent(created, self._now())
        given = {
            name: one for name, one in options.items() if name not in _ABOUT_OTHERS
        }
        found = self._origin.meshes.get(root, given)
        if found is None:
            if settled or created is None:
                self._facts.keep(Fact.NO_MESHES, None, part=absence)
        elif settled:
            arrays = dict(zip(("vertices", "faces"), found, strict=True))
            write_arrays(objects, str(root), {**arrays})
            if noted:
                self._facts.forget([f"{Fact.NO_MESHES.value}.{absence}"], None)
        return found

    def is_held(self, root: int, options: Mapping[str, Any]) -> bool:
        """Tell whether a mesh is held. No network."""
        return str(root) in self._objects(options)

    def _created(self, root: int) -> datetime | None:
        """Return when a root was made; None for what is no root."""
        created = int(self._roots.created(np.array([root], np.int64))[0])
        return None if created == MISSING else from_micros(created)

    def _now(self) -> datetime:
        return self._origin.session.server_time() or self._clock()

    def mapping(self, root: int, key: Mapping[str, object]) -> Ints | None:
        """Return the level-2 id of each vertex of a root, if it is held.

        Parameters
        ----------
        root : int
        key : mapping
            All that it follows from.
        """
        held = read_arrays(self._mappings(key), str(root))
        if held is None:
            return None
        ids, place = cast("Ints", held["l2_ids"]), cast("Ints", held["place"])
        return ids[place]

    def keep_mapping(self, root: int, key: Mapping[str, object], labels: Ints) -> None:
        """Keep the level-2 id of each vertex of a root, for ever."""
        ids, place = np.unique(labels, return_inverse=True)
        arrays = {"l2_ids": ids, "place": place.astype(np.uint32)}
        write_arrays(self._mappings(key), str(root), {**arrays})

    def _mappings(self, key: Mapping[str, object]) -> Objects:
        return self._store.objects("mesh_l2_ids", _digest(key))

    def _objects(self, options: Mapping[str, Any]) -> Objects:
        return self._store.objects("meshes", _group(options))

    def _require(self, root: int, options: Mapping[str, Any]) -> None:
        if self._origin.offline:
            name = self._origin.dataset.name
            text = f"the mesh of {root} of {name}"
            if _group(options) == _PLAIN:
                command = fetch_command(name, [root])
                raise NotCachedError(f"{text} is", f"{command} --meshes")
            shown = ", ".join(f"{one}={value!r}" for one, value in options.items())
            raise NotCachedError(f"{text} with {shown} is", same_call(name))


def _group(options: Mapping[str, Any]) -> str:
    """Name what changes the mesh of a root."""
    telling = {
        name: _plain(value)
        for name, value in options.items()
        if name not in _ABOUT_OTHERS
        and (name not in _DEFAULTS or _plain(value) != _DEFAULTS[name])
    }
    return _digest(telling) if telling else _PLAIN


def _digest(key: Mapping[str, object]) -> str:
    text = json.dumps(_plain(key), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _plain(value: Any) -> Any:  # noqa: ANN401  of any library
    """Return a value as JSON has it; what has corners is a box of cloud-volume's."""
    if hasattr(value, "minpt"):
        return [_plain(value.minpt), _plain(value.maxpt)]
    if isinstance(value, Mapping):
        members = cast("Mapping[Any, Any]", value)
        return {str(name): _plain(one) for name, one in members.items()}
    if isinstance(value, np.ndarray | np.generic):
        return cast("Any", value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[Any]", value)]
    return value if isinstance(value, bool | int | float | None) else str(value)
