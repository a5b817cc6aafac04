"""Nanometres, distances and depths in SQL are those of the Python path."""

from pathlib import Path

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.errors import InvalidQueryError
from tests.docs.test_snippets import blocks
from tests.kit import two_volumes

PRECISION = 1e-9
"""Micrometres: what docs/sql.md states."""


@pytest.fixture
def minnie(start, minnie_world, monkeypatch):
    cave = start(minnie_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return load_client("minnie_public", version=1300)


NM = """
    SELECT id, unnest(nm(pt_position_x, pt_position_y, pt_position_z,
                         resolution('nucleus_detection_v0')))
    FROM nucleus_detection_v0 ORDER BY id
"""


def test_nanometres_are_those_of_desired_resolution(minnie):
    theirs = minnie.tables.nucleus_detection_v0().query(
        desired_resolution=[1, 1, 1], split_positions=True
    )
    ours = minnie.sql(NM)

    assert ours["id"].tolist() == theirs["id"].tolist()
    for axis in "xyz":
        assert ours[axis].tolist() == theirs[f"pt_position_{axis}"].tolist()
        assert ours[axis].dtype == "Float64"


def test_a_distance_is_the_straight_one(minnie):
    points = minnie.sql(NM)[["x", "y", "z"]].to_numpy(float)
    query = f"""
        WITH p AS ({NM}), q AS (SELECT {{'x': x, 'y': y, 'z': z}} AS place, id FROM p)
        SELECT distance(place, (SELECT place FROM q ORDER BY id LIMIT 1)) AS d
        FROM q ORDER BY id
    """
    ours = minnie.sql(query)["d"].to_numpy(float)

    np.testing.assert_allclose(ours, np.linalg.norm(points - points[0], axis=1), 1e-12)


@pytest.mark.parametrize(
    ("macro", "dataset"), [("minnie_depth", "minnie_ds"), ("v1dd_depth", "v1dd_ds")]
)
def test_a_depth_is_that_of_standard_transform(macro, dataset, minnie):
    standard = pytest.importorskip("standard_transform", reason="of the extra test")
    points = minnie.sql(NM)[["x", "y", "z"]].to_numpy(float)
    query = f"SELECT id, {macro}({{'x': x, 'y': y, 'z': z}}) AS d FROM ({NM})"
    ours = minnie.sql(f"{query} ORDER BY id")["d"].to_numpy(float)
    theirs = getattr(standard, dataset).transform("nm").apply(points)[:, 1]

    assert np.ptp(theirs) > 100
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=PRECISION)


def test_the_depth_of_somata_is_in_the_clients_own_dataset(minnie):
    proofread = minnie.sql(name="proofread_depth")
    query = f"SELECT id, minnie_depth({{'x': x, 'y': y, 'z': z}}) AS d FROM ({NM})"
    depths = minnie.sql(query).set_index("id")["d"]

    assert len(proofread) > 20
    assert (proofread["root_id"] > 0).all()
    assert proofread["soma_depth"].tolist() == depths[proofread["cell_id"]].tolist()


def test_a_dataset_without_a_transform_has_no_depth(client):
    with pytest.raises(InvalidQueryError, match="soma_depth does not exist"):
        client.sql(
            "SELECT soma_depth(nm(1, 2, 3, resolution('nucleus_scores'))) "
            "FROM nucleus_scores"
        )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("'cell_types'", "reads no table of that name"),
        ("cell_type", "takes the name of a table in quotes"),
        ("'nucleus' || '_scores'", "takes the name of a table in quotes"),
    ],
)
def test_a_resolution_is_that_of_a_table_that_is_named(asked, told, client):
    with pytest.raises(InvalidQueryError, match=told):
        client.sql(f"SELECT resolution({asked}) FROM nucleus_scores")


def test_units_meet_across_tables_of_other_resolutions(client):
    query = """
        SELECT resolution('v4.nucleus_detection_v0').x AS a, resolution('C').x AS b
        FROM v4.nucleus_detection_v0, cells_v1dd_nm LIMIT 1
    """.replace("'C'", "'cells_V1dd_nm'")
    shown = client.sql(query).iloc[0]
    native = client.cached.materialize.get_table_metadata

    assert shown["a"] == native("nucleus_detection_v0")["voxel_resolution"][0]
    assert shown["b"] == native("cells_v1dd_nm")["voxel_resolution"][0]
    assert shown["a"] != shown["b"]


def test_two_datasets_meet_as_the_docs_show(start, minnie_world, tmp_path, monkeypatch):
    config = tmp_path / "config.toml"
    two_volumes(start, minnie_world, config)
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(config))
    page = Path(__file__).parents[2] / "docs" / "sql.md"
    found: dict[str, object] = {}

    (example,) = [one for one in blocks(page) if one.kind == "python two volumes"]
    exec(compile(example.text, str(page), "exec"), found)  # noqa: S102  the docs' own
    shown = found["depths"].set_index("volume")

    for name, ours in (("minnie_public", "minnie"), ("v1dd", "v1dd")):
        client = load_client(name, version=1300 if ours == "minnie" else 1196)
        depths = client.sql(DEPTHS)["depth"]
        assert shown.loc[ours, "n"] == len(depths) > 100
        assert shown.loc[ours, "median_depth"] == depths.median()


DEPTHS = """
    SELECT soma_depth(nm(pt_position_x, pt_position_y, pt_position_z,
                         resolution('nucleus_detection_v0'))) AS depth
    FROM nucleus_detection_v0
"""
