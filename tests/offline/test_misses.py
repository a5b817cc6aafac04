"""What is not held, asked of every public name offline: no socket, and a way out.

A store that is empty, and one that holds something else. No socket is made and no name
looked up, not even where somebody's library would swallow the error. The answer is an
error of ours of one line; of what is missing it says what, and names a command that
the command line takes, or the call to be made online.
"""

import pytest

from cortical_cache import load_client
from cortical_cache.errors import NotCachedError
from tests.offline.kit import SAME_CALL, outcome
from tests.offline.surface import (
    ANSWERS,
    BOX,
    ELSEWHERE,
    LATER,
    MISSES,
    MOMENT,
    NODE,
    PARTS,
    REFUSED,
    ROOT,
    SUPERVOXEL,
    Asked,
    public,
)


def test_every_public_name_has_its_line():
    lines = [*MISSES, *ANSWERS, *REFUSED]

    assert sorted(lines) == sorted(public())


def each(asked: dict[str, list[Asked]]) -> list[object]:
    return [
        pytest.param(name, one, id=f"{name}-{number}")
        for name, calls in asked.items()
        for number, one in enumerate(calls)
    ]


@pytest.mark.parametrize(("name", "asked"), each(MISSES))
def test_an_empty_store_says_what_is_missing(name, asked, empty, nowhere):
    error = outcome(lambda: asked.of(empty, name))

    assert isinstance(error, NotCachedError)
    assert not nowhere


@pytest.mark.parametrize(("name", "asked"), each(ANSWERS))
def test_what_takes_no_store_is_answered_without_a_socket(name, asked, empty, nowhere):
    assert outcome(lambda: asked.of(empty, name)) is None
    assert not nowhere


@pytest.mark.parametrize(("name", "asked"), each(REFUSED))
def test_what_makes_no_sense_is_refused_without_a_socket(name, asked, empty, nowhere):
    error = outcome(lambda: asked.of(empty, name))

    assert error is not None
    assert not isinstance(error, NotCachedError)
    assert not nowhere


def test_a_store_that_holds_something_else_is_asked_without_a_socket(
    server, bucket, request, monkeypatch, tmp_path
):
    """Lists of everything, a table of another version, an export list, and no more."""
    online = load_client("demo", version=4)
    online.set_export_cloudpath(bucket)
    assert online.exports.available_files
    for version in (4, 5):
        online.cached.materialize.get_tables(version=version)
        online.cached.materialize.get_views(version)
    online.cached.materialize.get_view_schemas(4)
    online.tables.nucleus_detection_v0().query()
    online.get_datastack_info()
    online.cached.l2cache.table_mapping()
    online.cached.skeleton.get_versions()
    _ = online.cached.chunkedgraph.segmentation_info
    server.stop()
    attempts = request.getfixturevalue("no_sockets")
    monkeypatch.chdir(tmp_path)
    problems: list[str] = []

    for name, calls in (MISSES | ANSWERS | REFUSED).items():
        for number, asked in enumerate(calls):
            client = load_client("demo", version=5, offline=True)
            try:
                error = outcome(lambda one=asked, of=client, at=name: one.of(of, at))
            except Exception as wrong:  # noqa: BLE001  all of them are shown
                problems.append(f"{name} {number}: {wrong!r}")
                continue
            if attempts:
                problems.append(f"{name} {number}: {attempts}")
                attempts.clear()
            if error is not None and isinstance(error, ConnectionError):
                problems.append(f"{name} {number}: {error!r}")

    assert problems == []


@pytest.mark.parametrize("part", [name for name in PARTS if "." in name])
def test_what_only_caveclient_answers_is_named(part, empty, nowhere):
    """Every public name of its service that is none of ours."""
    service = part.partition(".")[2]
    theirs = caveclients(service)
    ours = empty.cached
    for name in theirs:
        if name in dir(PARTS[part]):
            continue
        with pytest.raises(NotCachedError, match=rf"what {service}\.{name} of demo"):
            getattr(getattr(ours, service), name)
    assert len(theirs) > 2
    assert not nowhere


def caveclients(service: str) -> list[str]:
    """Return the public names of a service's client."""
    from caveclient.chunkedgraph import ChunkedGraphClient
    from caveclient.emannotationschemas import SchemaClient
    from caveclient.infoservice import InfoServiceClient
    from caveclient.jsonservice import JSONService
    from caveclient.l2cache import L2CacheClient
    from caveclient.materializationengine import MaterializationClient
    from caveclient.skeletonservice import SkeletonClient

    classes = {
        "chunkedgraph": ChunkedGraphClient,
        "info": InfoServiceClient,
        "l2cache": L2CacheClient,
        "materialize": MaterializationClient,
        "schema": SchemaClient,
        "skeleton": SkeletonClient,
        "state": JSONService,
    }
    return [name for name in dir(classes[service]) if not name.startswith("_")]


NAMED = {
    "caveclient": (lambda c: c.cave, "the plain caveclient of demo is", SAME_CALL),
    "a service": (
        lambda c: c.cached.annotation,
        "what annotation of demo gives is",
        SAME_CALL,
    ),
    "another datastack": (
        lambda c: c.cached.materialize.get_tables(ELSEWHERE),
        f"datastack {ELSEWHERE} is",
        SAME_CALL,
    ),
    "images": (
        lambda c: c.image_cloudvolume(),
        "what info.image_cloudvolume of demo gives is",
        SAME_CALL,
    ),
    "a mirror": (
        lambda c: c.get_datastack_info(image_mirror="mirror"),
        "the record with images of mirror of demo is",
        SAME_CALL,
    ),
    "a state elsewhere": (
        lambda c: c.get_state_json("https://state.invalid/77"),
        "the state at https://state.invalid/77 is",
        SAME_CALL,
    ),
    "an upload": (
        lambda c: c.upload_state_json({}),
        "the number of a state to be uploaded is",
        SAME_CALL,
    ),
    "a viewer": (
        lambda c: c.cached.state.build_neuroglancer_url(7, "https://ngl.invalid"),
        "the kind of viewer that https://ngl.invalid is, is",
        SAME_CALL,
    ),
    "a version": (
        lambda c: c.cached.materialize.query_table("t", materialization_version=99),
        "version 99 of demo is",
        "cortical-cache sync demo 99",
    ),
    "attributes": (
        lambda c: c.get_l2data([NODE]),
        f"the attributes of 1 level-2 id of demo ({NODE}) are",
        f"cortical-cache fetch demo {NODE}",
    ),
    "supervoxels": (
        lambda c: c.cached.chunkedgraph.get_leaves(ROOT),
        f"the layer-1 leaves of {ROOT} are",
        SAME_CALL,
    ),
    "leaves in a box": (
        lambda c: c.cached.chunkedgraph.get_leaves(ROOT, BOX, 2),
        f"the leaves within bounds of 1 id of demo ({ROOT}) are",
        f"cortical-cache fetch demo {ROOT}",
    ),
    "a lineage": (
        lambda c: c.cached.chunkedgraph.get_lineage_graph(ROOT, MOMENT, LATER),
        f"the lineage by {LATER.isoformat()} of 1 root of demo ({ROOT}) are",
        SAME_CALL,
    ),
    "a root now": (
        lambda c: c.get_roots([SUPERVOXEL]),
        f"the roots now of 1 id of demo ({SUPERVOXEL}) are",
        SAME_CALL,
    ),
    "a root then": (
        lambda c: c.get_roots([SUPERVOXEL], MOMENT),
        f"the roots at {MOMENT.isoformat()} of 1 supervoxel of demo ({SUPERVOXEL}) are",
        SAME_CALL,
    ),
    "a skeleton's lines": (
        lambda c: c.cached.skeleton.get_skeleton(ROOT, output_format="swc"),
        f"the lines of the skeleton of 1 root of demo ({ROOT}) are",
        SAME_CALL,
    ),
    "a neuron": (
        lambda c: c.get_skeleton(ROOT),
        f"the skeleton of 1 root of demo ({ROOT}) is",
        f"cortical-cache fetch demo {ROOT}",
    ),
    "a skeleton of another version": (
        lambda c: c.get_skeletons([ROOT], 2),
        "the list of skeleton versions of demo is",
        SAME_CALL,
    ),
    "a mesh otherwise": (
        lambda c: c.mesh.get_mesh(ROOT, remove_duplicate_vertices=True),
        f"the mesh of {ROOT} of demo with remove_duplicate_vertices=True is",
        SAME_CALL,
    ),
    "the list of exports": (
        lambda c: c.exports.available_files,
        "the list of exports of demo is",
        "cortical-cache sync demo --exports --dry-run",
    ),
    "an export": (
        lambda c: c.exports.get_table("cell_types", 5),
        "export cell_types of v5 is",
        "cortical-cache sync demo 5 --exports cell_types",
    ),
}


@pytest.mark.parametrize("what", NAMED)
def test_what_is_missing_is_named_with_what_fetches_it(what, empty):
    ask, missing, command = NAMED[what]

    error = outcome(lambda: ask(empty))

    assert isinstance(error, NotCachedError)
    assert (error.missing, error.command) == (missing, command)
