"""The state server: JSON under numbers that are never given twice.

And a viewer of neuroglancer's main line, of which nothing but its version is served.
"""

import json

from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Fault,
    Reply,
    Request,
    json_reply,
    not_found,
)

_API = "/nglstate/api/v1"


def service_version(_deployment: Deployment, _request: Request) -> Reply:
    """Answer with the service's version."""
    return json_reply("0.7.2")


def viewer_version(_deployment: Deployment, _request: Request) -> Reply:
    """Answer as a viewer of the main line does; the older ones have no such file."""
    return json_reply(
        {"tag": "v2.41.2", "url": "https://github.com/google/neuroglancer"}
    )


def post(deployment: Deployment, request: Request) -> Reply:
    """Keep a state and answer with its address, as text."""
    return _keep(deployment, request, f"{_API}/")


def post_properties(deployment: Deployment, request: Request) -> Reply:
    """Keep segment properties and answer with their address."""
    return _keep(deployment, request, f"{_API}/property/")


def post_numbered(deployment: Deployment, request: Request, number: str) -> Reply:
    """Keep a state under a number of the caller's, unless there is one."""
    if (f"{_API}/", int(number)) in deployment.states:
        raise Fault(json_reply({"message": f"{number} is taken"}, 400))
    return _keep(deployment, request, f"{_API}/", int(number))


def get(deployment: Deployment, _request: Request, number: str) -> Reply:
    """Answer with a state."""
    return _found(deployment, f"{_API}/", number)


def properties(deployment: Deployment, _request: Request, number: str) -> Reply:
    """Answer with segment properties."""
    return _found(deployment, f"{_API}/property/", number)


def _keep(
    deployment: Deployment, request: Request, base: str, number: int | None = None
) -> Reply:
    try:
        value = request.json()
    except json.JSONDecodeError as error:
        raise Fault(json_reply({"message": str(error)}, 400)) from error
    given = deployment.keep_state(base, value, number)
    return json_reply(f"{deployment.url}{base}{given}")


def _found(deployment: Deployment, base: str, number: str) -> Reply:
    try:
        return json_reply(deployment.states[base, int(number)])
    except (KeyError, ValueError):
        raise not_found({"message": f"no state {number}"}) from None
