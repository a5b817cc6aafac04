"""``cortical-cache fetch``: neurons and level-2 nodes, by id, for use offline."""

from cortical_cache.cli.output import as_json, say
from cortical_cache.client import load_client
from cortical_cache.errors import InvalidQueryError

__all__ = ["fetch"]

_LAYER_SHIFT = 56
_LEVEL_2 = 2


def fetch(dataset: str, *ids: int, json: bool = False) -> None:
    """Fetch what belongs to neurons and level-2 nodes, to have it offline.

    Of a root: its skeleton, its level-2 ids, how they touch, and their attributes. Of
    a level-2 id: its attributes. What is held is not asked for again; a skeleton that
    is not made yet is ordered.

    Parameters
    ----------
    dataset
        Name or alias.
    ids
        Root ids, level-2 ids, or both.
    json
        Print as JSON.
    """
    if not ids:
        raise InvalidQueryError("name the root ids or level-2 ids to fetch")
    client = load_client(dataset)
    level2 = [one for one in ids if one >> _LAYER_SHIFT == _LEVEL_2]
    roots = [one for one in ids if one >> _LAYER_SHIFT != _LEVEL_2]
    for root, nodes in client.get_l2_ids(roots).items():
        client.cached.chunkedgraph.level2_chunk_graph(root)
        level2 += nodes.tolist()
    held = client.get_l2data(level2)
    skeletons = client.get_skeletons(roots)
    for one in skeletons.values():
        if not one.is_there:
            say(f"{one.root_id}: no skeleton: {one.reason}")
    made = sum(one.is_there for one in skeletons.values())
    counts = {"roots": len(roots), "level2_ids": len(held), "skeletons": made}
    if json:
        as_json(counts)
        return
    say(", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in counts.items()))
