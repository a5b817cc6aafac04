"""``client.mesh``: meshes of roots, and which level-2 id each vertex belongs to."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from cortical_cache.client.neurons.parts import id_array
from cortical_cache.client.progress.counting import count_bar
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.ids import as_ids
from cortical_cache.model.level2 import chosen
from cortical_cache.repositories.dataset import Repositories

if TYPE_CHECKING:
    from cloudvolume import Mesh

    from cortical_cache.meshlabels import VertexAssigner

__all__ = ["MeshClient"]

Ints = npt.NDArray[np.int64]

_LEVEL_2 = 2
_PLACE = ("rep_coord_nm",)
_METHOD = 1
"""Part of the key of every mapping; a better method counts up."""


class MeshClient:
    """Meshes of one dataset. Made by `Client.mesh`.

    Parameters
    ----------
    repositories : Repositories
    """

    def __init__(self, repositories: Repositories) -> None:
        self._of = repositories
        self._mappings: dict[int, Ints] = {}

    def get_mesh(
        self,
        root_id: int,
        *,
        progress: bool = False,  # noqa: ARG002  cortical_tools' own
        **kwargs: Any,  # noqa: ANN401  cloud-volume's own
    ) -> "Mesh | None":
        """Return the mesh of a root.

        Freshness: for ever, by the options, and that there is none for an hour; of a
        root that is less than an hour old asked each time, as pieces may still come.

        Parameters
        ----------
        root_id : int
        progress : bool
            Accepted for cortical_tools' sake; one mesh has no bar.
        **kwargs
            Of cloud-volume's ``mesh.get``: ``bounding_box``,
            ``remove_duplicate_vertices``, ... Part of the key.

        Returns
        -------
        cloudvolume.Mesh
            ``vertices`` float32, in nm, shape (n, 3); ``faces`` uint32, shape (m, 3).
            None, with ``allow_missing=True``, if there is none.

        Raises
        ------
        InvalidQueryError
            If there is no mesh, or no such option.
        ConfigurationError
            If cloud-volume is not installed.
        NotCachedError
            Offline, and not held.
        """
        (root,) = _one(root_id)
        return self.get_meshes([root], progress=False, **kwargs).get(root)

    def get_meshes(
        self,
        root_ids: object,
        *,
        progress: bool = True,
        **kwargs: Any,  # noqa: ANN401  cloud-volume's own
    ) -> "dict[int, Mesh]":
        """Return the meshes of many roots, each kept when it comes.

        Freshness: as `get_mesh`.

        Parameters
        ----------
        root_ids : int or list of int
            Repeats are dropped.
        progress : bool
            Draw a progress bar.
        **kwargs
            As `get_mesh`.

        Returns
        -------
        dict of int to cloudvolume.Mesh
            By root id, in the order asked; with ``allow_missing=True`` those that there
            are.

        Raises
        ------
        InvalidQueryError, ConfigurationError, NotCachedError
            As `get_mesh`.
        """
        from cortical_cache.sources.cave.meshes import as_mesh

        roots = list(dict.fromkeys(as_ids(root_ids, "root_ids")))
        found: dict[int, Mesh] = {}
        with count_bar("meshes", len(roots) if progress else None, "root") as tell:
            for root in roots:
                arrays = self._of.meshes.get(root, kwargs)
                if arrays is not None:
                    found[root] = as_mesh(root, arrays)
                elif not kwargs.get("allow_missing"):
                    raise InvalidQueryError(
                        f"there is no mesh of {root}; allow_missing=True leaves it out"
                    )
                tell(1)
        return found

    @overload
    def compute_vertex_to_l2_mapping(
        self,
        root_id: int,
        vertices: npt.ArrayLike | None = None,
        faces: npt.ArrayLike | None = None,
        lvl2_ids: npt.ArrayLike | None = None,
        lvl2_pts: npt.ArrayLike | None = None,
        max_distance: float = 500,
        ratio_better: float = 0.5,
        hop_limit: int | None = None,
        cloudvolume_fallback: bool = False,
        n_jobs: int = -1,
        return_assigner: Literal[False] = False,
        mesh_kwargs: Mapping[str, Any] | None = None,
    ) -> Ints: ...

    @overload
    def compute_vertex_to_l2_mapping(
        self,
        root_id: int,
        vertices: npt.ArrayLike | None = None,
        faces: npt.ArrayLike | None = None,
        lvl2_ids: npt.ArrayLike | None = None,
        lvl2_pts: npt.ArrayLike | None = None,
        max_distance: float = 500,
        ratio_better: float = 0.5,
        hop_limit: int | None = None,
        cloudvolume_fallback: bool = False,
        n_jobs: int = -1,
        *,
        return_assigner: Literal[True],
        mesh_kwargs: Mapping[str, Any] | None = None,
    ) -> "tuple[Ints, VertexAssigner]": ...

    def compute_vertex_to_l2_mapping(
        self,
        root_id: int,
        vertices: npt.ArrayLike | None = None,
        faces: npt.ArrayLike | None = None,
        lvl2_ids: npt.ArrayLike | None = None,
        lvl2_pts: npt.ArrayLike | None = None,
        max_distance: float = 500,
        ratio_better: float = 0.5,
        hop_limit: int | None = None,
        cloudvolume_fallback: bool = False,
        n_jobs: int = -1,
        return_assigner: bool = False,
        mesh_kwargs: Mapping[str, Any] | None = None,
    ) -> "Ints | tuple[Ints, VertexAssigner]":
        """Return the level-2 id of each vertex of a root's mesh.

        The method, its assumptions and how often it is right are in docs/meshes.md.

        Freshness: for ever, under all that it follows from. It is not kept while
        something of that may still come: of a root less than an hour old, or where the
        L2 cache has no point of an id yet.

        Parameters
        ----------
        root_id : int
        vertices, faces : array-like, optional
            A mesh of the root, in nm; both or none. Fetched otherwise.
        lvl2_ids : array-like of int, optional
            The root's level-2 ids, in any order. Fetched otherwise.
        lvl2_pts : array-like, shape (n, 3), optional
            A point inside each, in nm; NaN where none is known. Fetched otherwise.
        max_distance : float
            A piece of mesh that no point of its chunk lies in counts to what is nearest
            up to here, in nm; beyond, to the nearest point.
        ratio_better : float
            It must be nearer than this times the second nearest; else it counts to the
            nearest point, too.
        hop_limit : int, optional
            Vertices in a chunk without an id take that of a neighbour up to so many
            edges away; 50 by default, 0: none.
        cloudvolume_fallback : bool
            Accepted for cortical_tools' sake; nothing is left for it to decide.
        n_jobs : int
            Threads; -1: one for each core.
        return_assigner : bool
            Return also a `VertexAssigner`.
        mesh_kwargs : mapping, optional
            Options of `get_mesh`.

        Returns
        -------
        numpy.ndarray of int64, shape (len(vertices),)
            0 where there is none.
        VertexAssigner
            With ``return_assigner=True``: ``vertices``, ``faces`` and the parameters.

        Raises
        ------
        InvalidQueryError
            If only one of vertices and faces is given, or points without their ids.
        NotCachedError
            Offline, and a part is not held.
        """
        from cortical_cache.meshlabels import Nearness, VertexAssigner, label_vertices

        (root,) = _one(root_id)
        mesh_vertices, mesh_faces, key = self._mesh(root, vertices, faces, mesh_kwargs)
        ids, points, parts_key = self._parts(root, lvl2_ids, lvl2_pts)
        near = Nearness(float(max_distance), float(ratio_better))
        hops = None if hop_limit is None else int(hop_limit)
        key |= parts_key | {
            "method": _METHOD,
            "max_distance": near.max_distance,
            "ratio_better": near.ratio_better,
            "hop_limit": hops,
        }
        meshes = self._of.meshes
        grid = self._of.level2graph.grid()
        labels = meshes.mapping(root, key)
        if labels is None:
            labels = label_vertices(
                mesh_vertices,
                mesh_faces,
                ids,
                points,
                grid,
                near=near,
                hop_limit=hops,
                threads=n_jobs,
            )
            is_whole = vertices is not None or meshes.is_held(root, mesh_kwargs or {})
            if is_whole and np.isfinite(points).all():
                meshes.keep_mapping(root, key, labels)
        self._mappings[root] = labels
        if not return_assigner:
            return labels
        return labels, VertexAssigner(
            root_id=root,
            vertices=mesh_vertices,
            faces=mesh_faces,
            lvl2_ids=ids,
            lvl2_pts=points,
            max_distance=near.max_distance,
            ratio_better=near.ratio_better,
            hop_limit=hops,
            cloudvolume_fallback=cloudvolume_fallback,
            mesh_label=labels,
            grid=grid,
        )

    @property
    def mesh_l2_mappings(self) -> dict[int, Ints]:
        """The last mapping of each root that was asked for here, by root id."""
        return self._mappings

    def _mesh(
        self,
        root: int,
        vertices: npt.ArrayLike | None,
        faces: npt.ArrayLike | None,
        options: Mapping[str, Any] | None,
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.integer], dict[str, object]]:
        """Return a mesh, and what names it in a key: what is in it.

        cloud-volume puts the pieces of a mesh together as they come, so that two
        processes may have the same mesh with its vertices in different orders.
        """
        if (vertices is None) != (faces is None):
            raise InvalidQueryError("give vertices and faces, or neither")
        if vertices is not None and faces is not None:
            points = np.ascontiguousarray(vertices)
            if points.dtype.kind != "f":
                points = points.astype(np.float64)
            triangles = np.ascontiguousarray(faces).astype(np.int64)
            return points, triangles, {"mesh": _digest(points, triangles)}
        found = self._of.meshes.get(root, options or {})
        if found is None:
            raise InvalidQueryError(f"there is no mesh of {root}")
        own_vertices, own_faces = found
        return own_vertices, own_faces, {"mesh": _digest(*found)}

    def _parts(
        self, root: int, ids: npt.ArrayLike | None, points: npt.ArrayLike | None
    ) -> tuple[Ints, npt.NDArray[np.float64], dict[str, object]]:
        """Return level-2 ids and a point in each, and what names them in a key."""
        key: dict[str, object] = {}
        if ids is not None:
            nodes = id_array(ids, "lvl2_ids")
            key["lvl2_ids"] = _digest(np.sort(nodes))
        elif points is not None:
            raise InvalidQueryError("lvl2_pts are of lvl2_ids; give those, too")
        else:
            nodes = self._of.lineage.leaves(root, _LEVEL_2)
        if points is not None:
            places = np.array(points, np.float64).reshape(-1, 3)
            if len(places) != len(nodes):
                message = f"{len(nodes):,} lvl2_ids have {len(places):,} lvl2_pts"
                raise InvalidQueryError(message)
            order = np.argsort(nodes, kind="stable")
            key["lvl2_pts"] = _digest(places[order])
            return nodes, places, key
        unique, back = np.unique(nodes, return_inverse=True)
        values = self._of.level2.values(unique, chosen(_PLACE))
        axes = [values.numbers[name] for name in chosen(_PLACE)[0].columns]
        return nodes, np.stack(axes, axis=1).astype(np.float64)[back], key


def _one(root_id: int) -> tuple[int]:
    roots = as_ids(root_id, "root_id")
    if len(roots) != 1:
        raise InvalidQueryError("give one root id; get_meshes takes several")
    return (roots[0],)


def _digest(*arrays: npt.NDArray[np.generic]) -> str:
    whole = hashlib.sha256()
    for one in arrays:
        whole.update(f"{one.dtype.str}{one.shape}".encode())
        whole.update(np.ascontiguousarray(one).view(np.uint8).data)
    return whole.hexdigest()
