"""The skeleton service: skeletons of roots, made when first asked for."""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

import numpy as np

from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import Fault, Reply, Request, json_reply
from cortical_cache.demo.world import Skeletons

_VERSIONS = [-1, 0, 1, 2, 3, 4]
_LATEST = 4
_MOST_ASKED = 1_000
_MOST_IN_BULK = 10
_MOST_CACHED = 500
_SECONDS_EACH = 60.0
_SINCE_4 = ("lvl2_ids", "mesh_to_skel_map")


def service_version(_deployment: Deployment, _request: Request) -> Reply:
    """Answer with the service's version."""
    return json_reply("0.23.11")


def versions(_deployment: Deployment, _request: Request) -> Reply:
    """List the versions of skeletons."""
    return json_reply(_VERSIONS)


class _Service:
    """The skeletons of one datastack."""

    def __init__(self, deployment: Deployment, datastack: str) -> None:
        segmentation = deployment.datastack(datastack).segmentation
        table = deployment.world.segmentations[segmentation]
        self._deployment = deployment
        self._settings = deployment.settings
        self._graph = table.graph
        self._cap = table.cap
        self._makeable: Skeletons = deployment.world.skeletons.get(table.graph.name, {})

    def problem(self, root: int) -> str | None:
        """Return the word for what is no root, or a refused one; None if it is fine."""
        if root >> 56 != self._graph.layers:
            return "invalid_layer_rid"
        place, known = self._graph.nodes.find(np.array([root]))
        born = int(self._graph.nodes.created[place[0]])
        if not known[0] or (self._cap is not None and born > self._cap):
            return "invalid_rid"
        if root not in self._makeable or root in self._settings.skeletons_refused:
            return "invalid_rid"
        return None

    def is_made(self, root: int) -> bool:
        """Tell whether there is a skeleton of a root by now."""
        if self.problem(root) is not None:
            return False
        if root not in self._settings.skeletons_unmade:
            return True
        asked = self._deployment.skeletons_asked.get(root)
        delay = timedelta(seconds=self._settings.skeleton_delay)
        return asked is not None and self._settings.clock() >= asked + delay

    def order(self, root: int, *, wait: bool = False) -> None:
        """Have a skeleton made, at once if somebody waits for it."""
        when: datetime = self._settings.clock()
        if wait:
            when -= timedelta(seconds=self._settings.skeleton_delay)
        asked = self._deployment.skeletons_asked
        asked[root] = min(when, asked.get(root, when))

    def flat(self, root: int, version: int) -> bytes:
        """Return a skeleton as compressed JSON."""
        whole = self._makeable[root]
        number = _LATEST if version == -1 else version
        meta = cast("Mapping[str, object]", whole["meta"])
        kept = {
            name: value
            for name, value in whole.items()
            if number == _LATEST or name not in _SINCE_4
        }
        kept["meta"] = {**meta, "skeleton_version": number}
        text = json.dumps(kept, separators=(",", ":")).encode()
        return gzip.compress(text, 6, mtime=0)

    def swc(self, root: int) -> bytes:
        """Return a skeleton as lines of text, in micrometres."""
        whole = cast("Mapping[str, Sequence[object]]", self._makeable[root])
        edges = cast("Sequence[tuple[int, int]]", whole["edges"])
        parent = dict(edges)
        vertices = cast("Sequence[Sequence[float]]", whole["vertices"])
        radius = cast("Sequence[float]", whole["radius"])
        lines = [
            " ".join(
                [
                    str(place),
                    str(whole["compartment"][place]),
                    *(f"{part / 1000:g}" for part in vertex),
                    f"{radius[place] / 1000:g}",
                    str(parent.get(place, -1)),
                ]
            )
            for place, vertex in enumerate(vertices)
        ]
        return "\n".join(lines).encode()


def _bad(message: str) -> Fault:
    return Fault(json_reply({"Error": message}, 400))


def _version(text: str | int) -> int:
    if int(text) not in _VERSIONS:
        raise _bad(f"Unknown skeleton version: {text}")
    return int(text)


def _body(request: Request) -> tuple[list[int], Mapping[str, object]]:
    body = cast("Mapping[str, object]", request.json())
    return [int(one) for one in cast("Sequence[int]", body["root_ids"])], body


def exist(deployment: Deployment, request: Request, datastack: str) -> Reply:
    """Tell which skeletons are made; of one root with a bare word."""
    service = _Service(deployment, datastack)
    roots, body = _body(request)
    _version(cast("int", body["skeleton_version"]))
    if len(roots) > _MOST_ASKED:
        raise _bad(f"At most {_MOST_ASKED} root ids")
    found = {str(root): service.is_made(root) for root in roots}
    return json_reply(found if len(found) != 1 else found.popitem()[1])


def get(
    deployment: Deployment,
    _request: Request,
    datastack: str,
    version: str,
    root_id: str,
    form: str,
) -> Reply:
    """Answer with one skeleton, making it if need be."""
    service, root = _Service(deployment, datastack), int(root_id)
    problem = service.problem(root)
    if problem is not None:
        raise _bad(f"Problem with root id {root}: {problem}")
    number = _version(version)
    service.order(root, wait=True)
    if form == "flatdict":
        body = service.flat(root, number)
    elif form == "swccompressed":
        body = gzip.compress(service.swc(root), 6, mtime=0)
    else:
        raise _bad(f"Unknown output format: {form}")
    return Reply(200, (("Content-Type", "application/octet-stream"),), body)


def bulk(  # noqa: PLR0913, PLR0917 - one argument for each part of the path
    deployment: Deployment,
    _request: Request,
    datastack: str,
    version: str,
    form: str,
    generate: str,
    root_ids: str,
) -> Reply:
    """Answer with a few skeletons, or a word for each that there is not."""
    service, number = _Service(deployment, datastack), _version(version)
    found: dict[str, str] = {}
    for root in [int(one) for one in root_ids.split(",")][:_MOST_IN_BULK]:
        problem = service.problem(root)
        if problem is not None:
            found[str(root)] = problem
        elif service.is_made(root):
            found[str(root)] = _hex(service, root, number, form)
        elif generate == "True":
            service.order(root)
            found[str(root)] = "async"
    return json_reply(found)


def cached(
    deployment: Deployment, request: Request, datastack: str, version: str, form: str
) -> Reply:
    """Answer with the skeletons that are made; the others are left out."""
    service, number = _Service(deployment, datastack), _version(version)
    roots, body = _body(request)
    found: dict[str, str] = {}
    for root in roots[:_MOST_CACHED]:
        if service.is_made(root):
            found[str(root)] = _hex(service, root, number, form)
        elif body.get("generate_missing") and service.problem(root) is None:
            service.order(root)
    return json_reply(found)


def _hex(service: _Service, root: int, version: int, form: str) -> str:
    if form == "flatdict":
        return service.flat(root, version).hex()
    if form == "swccompressed":
        return service.swc(root).hex()
    raise _bad(f"Unknown output format: {form}")


def generate(deployment: Deployment, request: Request, datastack: str) -> Reply:
    """Have skeletons made; answer with the seconds that this may take."""
    service = _Service(deployment, datastack)
    roots, _ = _body(request)
    for root in roots:
        if service.problem(root) is None:
            service.order(root)
    return json_reply(_SECONDS_EACH * len(roots))


def refusal_list(deployment: Deployment, _request: Request, datastack: str) -> Reply:
    """List the roots that are refused, as compressed lines."""
    deployment.datastack(datastack)
    refused = sorted(deployment.settings.skeletons_refused)
    text = "".join(f"{datastack},{root}\n" for root in refused)
    body = gzip.compress(text.encode(), 6, mtime=0)
    return Reply(200, (("Content-Type", "application/octet-stream"),), body)


def info(
    deployment: Deployment, _request: Request, datastack: str, version: str
) -> Reply:
    """Describe the skeletons as a precomputed source."""
    deployment.datastack(datastack)
    _version(version)
    attributes = [
        {"id": name, "data_type": "float32", "num_components": 1}
        for name in ("radius", "compartment")
    ]
    return json_reply(
        {
            "@type": "neuroglancer_skeletons",
            "transform": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
            "vertex_attributes": attributes,
        }
    )
