"""Soma depth by ``client.space``: array or split positions, in nm or in voxels."""

import numpy as np
import pytest

from cortical_cache import load_client

pytest.importorskip("standard_transform", reason="needs cortical-cache[skeletons]")

TABLE = "nucleus_detection_v0"


@pytest.fixture
def client(start, minnie_world, monkeypatch):
    cave = start(minnie_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return load_client("minnie_public")


@pytest.fixture
def depths(client):
    """Return depths in micrometres by id, from DuckDB's macros."""
    rows = client.sql(
        "SELECT id, soma_depth(nm(pt_position_x, pt_position_y, pt_position_z, "
        "resolution('nucleus_detection_v0'))) AS depth FROM nucleus_detection_v0"
    )
    return dict(zip(rows["id"], rows["depth"], strict=True))


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    ("asked", "resolution"),
    [([1, 1, 1], "nm"), ([4, 4, 40], "vx"), ([8, 8, 40], [8, 8, 40])],
)
def test_it_is_the_same_from_any_frame(client, depths, split, asked, resolution):
    frame = client.tables[TABLE]().query(
        desired_resolution=asked, split_positions=split
    )

    depth = client.space.transform(resolution).apply_dataframe(
        "pt_position", frame, projection="y"
    )

    assert ("pt_position" in frame) is not split
    assert len(depth) == len(frame) > 20
    # what is asked for in coarser voxels is rounded to them
    np.testing.assert_allclose(depth, [depths[one] for one in frame["id"]], atol=0.02)
    assert 0 < np.median(depth) < 1000


@pytest.mark.parametrize("split", [False, True])
def test_the_older_names_give_the_same_and_say_that_they_are_old(client, split):
    nm, voxels = (
        client.tables[TABLE]().query(desired_resolution=one, split_positions=split)
        for one in ([1, 1, 1], [4, 4, 40])
    )
    space = client.space
    expected = space.transform("nm").apply_dataframe("pt_position", nm, projection="y")

    with pytest.warns(DeprecationWarning, match="transform_nm is deprecated"):
        by_nm = space.transform_nm.apply_dataframe("pt_position", nm, projection="y")
    with pytest.warns(DeprecationWarning, match="transform_vx is deprecated"):
        by_voxel = space.transform_vx.apply_dataframe(
            "pt_position", voxels, projection="y"
        )

    assert by_nm == expected
    np.testing.assert_allclose(by_voxel, expected, atol=1e-9)
