"""The schema service: annotation types."""

from cortical_cache.demo.schemas import all_schemas
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import Reply, Request, json_reply, not_found


def versions(_deployment: Deployment, _request: Request) -> Reply:
    """List the API versions."""
    return json_reply([2])


def names(_deployment: Deployment, _request: Request) -> Reply:
    """List the schema types."""
    return json_reply(list(all_schemas()))


def definition(_deployment: Deployment, _request: Request, name: str) -> Reply:
    """Define one schema type."""
    if name not in all_schemas():
        raise not_found({"message": f"Invalid schema type: {name}"})
    return json_reply(all_schemas()[name].definition())


def some_definitions(_deployment: Deployment, request: Request) -> Reply:
    """Define the schema types named in the query string."""
    known = all_schemas()
    asked = request.query.get("schema_names", "").split(",")
    return json_reply({n: known[n].definition() for n in asked if n in known})


def all_definitions(_deployment: Deployment, _request: Request) -> Reply:
    """Define every schema type."""
    return json_reply({n: s.definition() for n, s in all_schemas().items()})
