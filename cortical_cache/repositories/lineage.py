"""Leaves and lineage of roots: what a node is made of, and what became of it.

A node's leaves never change. A lineage up to a moment past for good does not either;
one up to now is asked again each time, and served offline as of the last time.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.facts import Facts
from cortical_cache.cache.keyed import Keyed
from cortical_cache.cache.numbered import each_once
from cortical_cache.cache.origin import Origin
from cortical_cache.model.json import Json, JsonObject, as_list, as_object
from cortical_cache.policy.freshness import Fact, is_past
from cortical_cache.repositories.missing import counted, require
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore

__all__ = ["Lineage"]

log = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]

SUPERVOXELS = 1
"""The layer of leaves where no other is asked for."""

_FETCHED = 2


class Lineage:
    """Leaves and lineage of one dataset's roots.

    Parameters
    ----------
    store, origin, versions, facts
        Collaborators.
    """

    def __init__(
        self, store: DatasetStore, origin: Origin, versions: Versions, facts: Facts
    ) -> None:
        self._origin = origin
        self._versions = versions
        self._facts = facts
        self._leaves = Keyed(
            store.rows("graph", "leaves", 0),
            "node_id",
            ("layer", "place", "leaf_id"),
            origin.dataset.server_address,
        )

    def leaves(self, node: int, layer: int | None = None) -> Ints:
        """Return the nodes of a layer under a node, in the server's order.

        Freshness: for ever.

        Parameters
        ----------
        node : int
        layer : int, optional
            2 for level-2 ids; supervoxels by default.

        Raises
        ------
        NotCachedError
            Offline, and not held.
        """
        return self.leaves_many([node], layer)[node]

    def leaves_many(
        self, nodes: Sequence[int], layer: int | None = None
    ) -> dict[int, Ints]:
        """Return the leaves of several nodes, by node in the order asked.

        Freshness: for ever. Only what is not held is asked.

        Raises
        ------
        NotCachedError
            Offline, and not all is held.
        """
        wanted = SUPERVOXELS if layer is None else layer
        unique = list(dict.fromkeys(nodes))
        found = self.held_leaves(unique, wanted)
        left = [node for node in unique if node not in found]
        if left:
            more = f" and of {len(left) - 1:,} more" if len(left) > 1 else ""
            what = f"the layer-{wanted} leaves of {left[0]}{more} are"
            # The command fetches those of one layer.
            require(self._origin, what, left if wanted == _FETCHED else ())
            with self._leaves.asking(np.array(left, np.int64), f"layer {wanted}"):
                found |= self.held_leaves(left, wanted)
                left = [node for node in left if node not in found]
                if left:
                    found |= self._ask_leaves(left, layer)
        return {node: found[node] for node in unique}

    def held_leaves(self, nodes: Sequence[int], layer: int) -> dict[int, Ints]:
        """Return what is held of `leaves_many`, by node. No network."""
        rows = self._leaves.get(np.array(nodes, np.int64))
        mine = rows.columns["layer"] == layer
        asked, leaves = rows.asked[mine], rows.columns["leaf_id"][mine]
        once = each_once(asked, rows.columns["place"][mine], leaves)
        asked, leaves = asked[once], leaves[once]
        starts = np.searchsorted(asked, np.arange(len(nodes) + 1))
        return {
            node: leaves[starts[number] : starts[number + 1]]
            for number, node in enumerate(nodes)
            if starts[number] < starts[number + 1]
        }

    def _ask_leaves(self, nodes: Sequence[int], layer: int | None) -> dict[int, Ints]:
        found = self._origin.graph.leaves(nodes, layer)
        counts = [len(found[node]) for node in nodes]
        self._leaves.add(
            [
                np.repeat(np.array(nodes, np.int64), counts),
                np.full(sum(counts), SUPERVOXELS if layer is None else layer, np.int64),
                np.concatenate([np.arange(count, dtype=np.int64) for count in counts]),
                np.concatenate([found[node] for node in nodes]),
            ]
        )
        return found

    def answer(
        self,
        kind: str,
        request: JsonObject,
        until: datetime | None,
        ask: Callable[[], Json],
        has: Sequence[str],
    ) -> JsonObject:
        """Return a lineage answer: kept if its end is past for good, else asked.

        Parameters
        ----------
        kind : str
            Names the question.
        request : dict
            What is asked, `until` left out: ``root_ids``, and more.
        until : datetime or None
            The last moment that the answer looks at; None: now.
        ask : callable
            Asks the server.
        has : sequence of str
            The parts that an answer has; one without is not believed.

        Raises
        ------
        NotCachedError
            Offline, and never asked.
        ServerError
            If it is no such answer.
        """
        moment = None if until is None else until.isoformat()
        text = json.dumps([kind, request, moment], sort_keys=True, default=str)
        part = hashlib.sha256(text.encode()).hexdigest()
        held = self._facts.held(Fact.LINEAGE, part=part)
        if held is not None:
            kept = as_object(held.value)
            if kept.get("final") or self._origin.offline:
                if not kept.get("final"):
                    as_of = held.captured_at.isoformat(" ", "seconds")
                    log.warning("offline: %s as of %s", kind, as_of)
                return as_object(kept["answer"])
        roots = [int(str(one)) for one in as_list(request["root_ids"])]
        by = "" if moment is None else f" by {moment}"
        named = counted(self._origin.dataset.name, roots, "roots")
        require(self._origin, f"the {kind}{by} of {named} are")
        with self._origin.session.asking(f"the {kind}"):
            answer = as_object(ask())
            if lacking := set(has) - answer.keys():
                raise KeyError(*lacking)
        final = until is not None and is_past(
            until, self._origin.session.server_time(), self._versions.public_end()
        )
        self._facts.keep(Fact.LINEAGE, {"final": final, "answer": answer}, part=part)
        return answer
