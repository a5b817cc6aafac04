"""Neuroglancer states and segment properties, by number.

The server never writes a number twice, so what is read or uploaded once is kept for
ever. A state at another address may change, and is not kept.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cortical_cache.cache.facts import Facts
from cortical_cache.cache.origin import Origin
from cortical_cache.model.json import JsonObject, as_object
from cortical_cache.policy.freshness import Fact
from cortical_cache.repositories.missing import require

if TYPE_CHECKING:
    from cortical_cache.sources.cave.states import StateKind

__all__ = ["States"]

_FACTS: "Mapping[StateKind, Fact]" = {
    "state": Fact.STATES,
    "properties": Fact.PROPERTIES,
}

_WORDS: "Mapping[StateKind, str]" = {
    "state": "a state",
    "properties": "segment properties",
}

_ADDRESS = re.compile(r"/nglstate/api/v1/(\d+)")


class States:
    """The states of one state server.

    Parameters
    ----------
    origin, facts
        Collaborators.
    """

    def __init__(self, origin: Origin, facts: Facts) -> None:
        self._origin = origin
        self._facts = facts

    def get(self, kind: "StateKind", state_id: int) -> JsonObject:
        """Return what lies under a number. Freshness: for ever.

        Raises
        ------
        NotCachedError
            Offline, and not held.
        UnknownNameError
            If nothing does.
        """
        document = self._facts.get(
            _FACTS[kind],
            lambda: self._origin.states.get(kind, state_id),
            missing=(
                f"{kind} {state_id} of {self._origin.dataset.server_address} is",
                f"cortical-cache fetch {self._origin.dataset.name} --{kind} {state_id}",
            ),
            part=str(state_id),
        )
        return as_object(document.value)

    def get_state(self, number_or_address: int | str) -> JsonObject:
        """Return a state by its number, or by its address if it has one.

        Freshness: of this dataset's state server for ever; other addresses are asked
        each time.

        Raises
        ------
        NotCachedError
            Offline, and not held; it never is of another address.
        """
        text = str(number_or_address).strip()
        if text.isdecimal():
            return self.get("state", int(text))
        server = self._origin.dataset.server_address
        if text.startswith(server):
            found = _ADDRESS.fullmatch(text.removeprefix(server))
            if found:
                return self.get("state", int(found[1]))
        require(self._origin, f"the state at {text} is")
        return self._origin.states.get_elsewhere(text)

    def address(self, kind: "StateKind", state_id: int) -> str:
        """Return where a state lies, or the folder of properties. No request."""
        return self._origin.states.address(kind, state_id)

    def is_new_viewer(self, viewer: str) -> bool:
        """Tell whether a neuroglancer is of the main line. Asked each time.

        Raises
        ------
        NotCachedError
            If offline.
        """
        require(self._origin, f"the kind of viewer that {viewer} is, is")
        return self._origin.states.is_new_viewer(viewer)

    def upload(
        self,
        kind: "StateKind",
        value: Mapping[str, object],
        **options: Any,  # noqa: ANN401  caveclient's own
    ) -> int:
        """Give a value to the server and keep it under the number that it gets.

        Raises
        ------
        NotCachedError
            If offline.
        """
        require(self._origin, f"the number of {_WORDS[kind]} to be uploaded is")
        number, sent = self._origin.states.upload(kind, value, **options)
        self._facts.keep(_FACTS[kind], sent, part=str(number))
        return number
