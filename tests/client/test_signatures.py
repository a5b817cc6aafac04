"""``client.cached`` has the shape of a CAVEclient."""

import inspect

import pytest
from caveclient.materializationengine import MaterializationClient

from cortical_cache.client.cached.materialize import CachedMaterialize

OURS = {
    name: method
    for name, method in inspect.getmembers(CachedMaterialize, inspect.isfunction)
    if not name.startswith("_")
}


def shape(method: object) -> list[tuple[str, object, object]]:
    """Return the parameters' names, kinds and defaults."""
    return [
        (one.name, one.kind, one.default)
        for one in inspect.signature(method).parameters.values()
    ]


@pytest.mark.parametrize("name", OURS)
def test_a_method_takes_what_caveclients_takes(name):
    assert shape(OURS[name]) == shape(getattr(MaterializationClient, name))


def test_every_query_and_listing_of_a_version_is_answered_here():
    assert {
        "get_annotation_count",
        "get_table_metadata",
        "get_tables",
        "get_tables_metadata",
        "get_timestamp",
        "get_unique_string_values",
        "get_version_metadata",
        "get_versions",
        "get_versions_metadata",
        "get_view_metadata",
        "get_view_schema",
        "get_view_schemas",
        "get_views",
        "join_query",
        "most_recent_version",
        "query_table",
        "query_view",
        "synapse_query",
    } <= set(OURS)


def test_every_method_says_how_fresh_its_answer_is():
    silent = [
        name
        for name, method in OURS.items()
        if "reshness" not in (method.__doc__ or "")
        and "or ever" not in (method.__doc__ or "")
    ]

    assert not silent
