"""``cortical-cache fetch``: neurons, level-2 nodes, states, by id, for offline."""

from collections.abc import Sequence
from importlib.util import find_spec

from cortical_cache.cli.named import client_of
from cortical_cache.cli.online import require_online
from cortical_cache.cli.output import as_json, say
from cortical_cache.client import Client
from cortical_cache.errors import InvalidQueryError, NotCachedError
from cortical_cache.settings import read_settings

__all__ = ["fetch"]

_LAYER_SHIFT = 56
_LEVEL_2 = 2


def fetch(
    dataset: str,
    *ids: int,
    state: tuple[int, ...] = (),
    properties: tuple[int, ...] = (),
    meshes: bool = False,
    json: bool = False,
) -> None:
    r"""Fetch what belongs to neurons and level-2 nodes, to have it offline.

    Of a root: its skeleton, its level-2 ids, how they touch, their attributes, when it
    lived, and, where the libraries for `get_skeleton` are, its synapses too. Of a
    level-2 id: its attributes. What is held is not asked for again; a skeleton that is
    not made yet is ordered. Meshes are large, so they come when asked for.

    Parameters
    ----------
    dataset
        Name or alias, with a version for its synapses if need be: minnie_public@1300.
    ids
        Root ids, level-2 ids, or both.
    state, properties
        A neuroglancer state, or segment properties, of the state server; repeatable.
    meshes
        Of a root also its mesh, and which level-2 id each vertex belongs to.
    json
        Print as JSON.

    Examples
    --------
    # by id, as many as you like; ids can come from a query
    cortical-cache sql minnie_public@1300 --format csv \
        "SELECT root_id FROM cell_ids WHERE root_id > 0 LIMIT 2" |
        tail -n +2 | xargs cortical-cache fetch minnie_public
    """
    if not (ids or state or properties):
        raise InvalidQueryError("name the root ids or level-2 ids to fetch")
    try:
        counts = _fetch(client_of(dataset), ids, state, properties, meshes=meshes)
    except NotCachedError as error:
        # The command that it names is this one.
        require_online("fetch", read_settings(), error.missing)
        raise
    if json:
        as_json(counts)
        return
    say(", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in counts.items()))


def _fetch(
    client: Client,
    ids: Sequence[int],
    state: Sequence[int],
    properties: Sequence[int],
    *,
    meshes: bool,
) -> dict[str, int]:
    """Fetch what is asked for; return how many there are of each kind."""
    states = _fetch_states(client, state, properties)
    level2 = [one for one in ids if one >> _LAYER_SHIFT == _LEVEL_2]
    roots = [one for one in ids if one >> _LAYER_SHIFT != _LEVEL_2]
    for root, nodes in client.get_l2_ids(roots).items():
        client.cached.chunkedgraph.level2_chunk_graph(root)
        level2 += nodes.tolist()
    held = client.get_l2data(level2)
    if roots:
        client.cached.chunkedgraph.get_root_timestamps(roots, latest=True)
    skeletons = client.get_skeletons(roots)
    for one in skeletons.values():
        if not one.is_there:
            say(f"{one.root_id}: no skeleton: {one.reason}")
        elif find_spec("pcg_skel"):
            client.get_skeleton(one.root_id)
    made = sum(one.is_there for one in skeletons.values())
    counts = {"roots": len(roots), "level2_ids": len(held), "skeletons": made}
    if meshes:
        counts["meshes"] = _fetch_meshes(client, roots)
    if states:
        counts["states"] = states
    return counts


def _fetch_states(
    client: Client, states: Sequence[int], properties: Sequence[int]
) -> int:
    """Fetch states and segment properties; return how many there are."""
    for one in states:
        client.cached.state.get_state_json(one)
    for one in properties:
        client.cached.state.get_property_json(one)
    return len(states) + len(properties)


def _fetch_meshes(client: Client, roots: Sequence[int]) -> int:
    """Fetch meshes and what their vertices belong to; return how many there are."""
    found = client.mesh.get_meshes(roots, allow_missing=True)
    for root in roots:
        if root in found:
            client.mesh.compute_vertex_to_l2_mapping(root)
        else:
            say(f"{root}: no mesh")
    return len(found)
