"""The public names of cortical_tools 1.1 and what its methods take.

``python -m tests.compat.listing`` writes ``signatures.json`` anew, in an environment
that has cortical_tools (``pip install cortical-cache[peer]``), so that the comparison
runs where it is not installed.
"""

import inspect
import json
import sys
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

FIXTURE = Path(__file__).with_name("signatures.json")

VALUE = "value"

Shape = str | list[list[str]]
"""``VALUE``, or of a method name, kind and default of each parameter."""


def shape(method: object) -> list[list[str]]:
    """Return what a bound method takes; lists and tuples are the same default."""
    # Many of theirs are `functools.wraps` of a caveclient method that takes more.
    parameters = inspect.signature(method, follow_wrapped=False).parameters.values()
    return [
        [one.name, one.kind.name, _default(one.default)]
        for one in parameters
        if one.name != "self"
    ]


def walk(thing: object) -> dict[str, Shape]:
    """Return the public names of an object or class; values are not looked at."""
    found: dict[str, Shape] = {}
    for name in sorted(dir(thing)):
        if name.startswith("_"):
            continue
        held = inspect.getattr_static(thing, name)
        is_value = isinstance(held, property | cached_property)
        is_value = is_value or not inspect.isroutine(getattr(thing, name))
        found[name] = VALUE if is_value else shape(getattr(thing, name))
    return found


def peer_listing(server_address: str) -> dict[str, Mapping[str, Shape]]:
    """Walk the installed cortical_tools, asking a server of the datastack ``demo``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import cortical_tools
        from cortical_tools.common import DatasetClient
        from cortical_tools.files import CloudFileViewExport, TableExportClient
        from cortical_tools.mesh import MeshClient
        from cortical_tools.mesh_vertex import VertexAssigner

        client = DatasetClient(
            "demo",
            server_address=server_address,
            cell_id_lookup_view="nucleus_detection_lookup_v1",
            root_id_lookup_main_table="nucleus_detection_v0",
            root_id_lookup_alt_tables=["nucleus_alternative_points"],
        )
    return {
        "client": {**walk(client), "exports": VALUE, "dataset_transform": VALUE},
        "client.exports": walk(TableExportClient),
        "client.exports.available_files": {
            name: VALUE
            for name in CloudFileViewExport.__dataclass_fields__
            if not name.startswith("_")
        }
        | walk(CloudFileViewExport),
        "client.mesh": walk(MeshClient),
        "VertexAssigner": {
            "VertexAssigner": shape(VertexAssigner),
            **walk(VertexAssigner),
        },
        "cortical_tools": {"load_client": shape(cortical_tools.load_client)},
    }


def written(listed: Mapping[str, Mapping[str, Shape]]) -> str:
    """Return a listing as JSON with a line for each name."""
    owners = [
        f" {json.dumps(owner)}: {{\n"
        + ",\n".join(
            f"  {json.dumps(n)}: {json.dumps(one)}" for n, one in names.items()
        )
        + "\n }"
        for owner, names in listed.items()
    ]
    return "{\n" + ",\n".join(owners) + "\n}\n"


def _default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return ""
    return repr(tuple(value) if isinstance(value, list) else value)


if __name__ == "__main__":
    from cortical_cache.testing import loopback_cave

    with loopback_cave() as cave:
        listed = peer_listing(cave.url)
    FIXTURE.write_text(written(listed), "utf-8")
    sys.stdout.write(f"{sum(map(len, listed.values()))} names\n")
