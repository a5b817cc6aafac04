"""A real neuron of minnie65, served by the loopback CAVE, comes out as it is."""

import numpy as np
import pytest

from cortical_cache import load_client
from tests.kit import python
from tests.level2 import real

pytest.importorskip("pcg_skel", reason="needs cortical-cache[skeletons]")
pytestmark = pytest.mark.skipif(
    not real.FOLDER.is_dir(), reason="the real neuron's files are not on this machine"
)

AUTAPSES = 44


@pytest.fixture(scope="module")
def neuron() -> real.Neuron:
    return real.read()


@pytest.fixture(scope="module")
def world(neuron):
    return real.world(neuron)


@pytest.fixture
def cave(start, world, monkeypatch):
    cave = start(world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return cave


@pytest.fixture
def client(cave):
    return load_client("minnie_prod", version=real.VERSION)


def test_the_meshwork_is_that_of_the_files_and_comes_again_from_the_disk(
    cave, client, neuron
):
    skeleton = neuron.skeleton

    nrn = client.get_skeleton(neuron.root, restore_graph=True)

    assert nrn.skeleton.vertices.tolist() == skeleton["vertices"]
    assert nrn.skeleton.edges.tolist() == skeleton["edges"]
    assert int(nrn.skeleton.root) == skeleton["root"]
    assert nrn.skeleton.mesh_to_skel_map.tolist() == skeleton["mesh_to_skel_map"]
    assert nrn.anno.lvl2_ids.df["lvl2_id"].tolist() == skeleton["lvl2_ids"]
    compartment = np.array(skeleton["compartment"])[skeleton["mesh_to_skel_map"]]
    assert nrn.anno.compartment.df["compartment"].tolist() == compartment.tolist()
    assert nrn.anno.is_axon.mesh_mask.sum() == (compartment == 2).sum() > 0
    assert len(nrn.mesh.link_edges) == len(neuron.edges)
    for side, frame in (("pre", neuron.pre), ("post", neuron.post)):
        table = nrn.anno[f"{side}_syn"].df.set_index("id")
        assert len(table) == len(frame) - AUTAPSES
        expected = frame.set_index("id")[f"{side}_pt_l2_id"]
        found = table[f"{side}_pt_level2_id"].astype(np.uint64)
        assert found.to_dict() == expected[table.index].to_dict()
        axes = [f"ctr_pt_position_{axis}" for axis in "xyz"]
        where = frame.set_index("id").loc[table.index, axes]
        assert np.array_equal(np.vstack(table["ctr_pt_position"]), where)
    volumes = nrn.anno.vol_prop.df.sort_values("mesh_ind")
    expected = neuron.properties.loc[skeleton["lvl2_ids"]]
    for name in ("area_nm2", "size_nm3", "mean_dt_nm", "max_dt_nm"):
        assert volumes[name].tolist() == expected[name].tolist()
    properties = nrn.anno.segment_properties.df
    assert len(properties) == len(skeleton["lvl2_ids"])
    assert (properties["r_eff"].dropna() > 0).all()

    cave.stop()
    ran = python(
        "import warnings\n"
        "warnings.filterwarnings('ignore', module='(?!cortical_cache)')\n"
        "from cortical_cache import load_client\n"
        f"client = load_client('minnie_prod', version={real.VERSION}, offline=True)\n"
        f"nrn = client.get_skeleton({neuron.root}, transform='rigid')\n"
        "print(len(nrn.anno.pre_syn), len(nrn.anno.post_syn),\n"
        "      len(nrn.skeleton.vertices))",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )
    assert ran.code == 0, ran.err
    assert ran.out.split() == [
        str(len(neuron.pre) - AUTAPSES),
        str(len(neuron.post) - AUTAPSES),
        str(len(skeleton["vertices"])),
    ]


def test_its_level2_table_has_the_files_values_and_no_uninitialised_memory(
    client, neuron
):
    ids = client.get_l2_ids(neuron.root)
    expected = neuron.properties

    frame = client.get_l2data(ids)

    assert sorted(ids.tolist()) == sorted(expected.index.tolist())
    there = expected["pca_val"].notna()
    for name in frame:
        theirs = expected.loc[frame.index, name]
        if name.startswith("pca"):
            assert frame[name][~there].isna().all()
            assert frame[name][there].equals(theirs[there])
        else:
            assert frame[name].astype(theirs.dtype).equals(theirs)
    assert (~there).sum() == 6029


def test_bounds_of_the_real_volume_are_answered_by_its_offset(cave, client, neuron):
    ids = client.get_l2_ids(neuron.root)
    places = client.get_l2data(ids, ["rep_coord_nm"]).loc[ids].to_numpy()
    middle = np.median(places, axis=0)
    bounds = np.stack([middle - 20_000, middle + 20_000], axis=1) / [[8], [8], [40]]
    bounds = bounds.astype(int)
    cave.clear_log()

    found = client.get_l2_ids(neuron.root, bounds)

    assert not cave.requests
    box = bounds * [[8], [8], [40]]
    inside = ((places >= box[:, 0]) & (places < box[:, 1])).all(axis=1)
    assert set(ids[inside]) <= set(found)
    chunk = np.array([256 * 8, 256 * 8, 512 * 40])
    far = ((places < box[:, 0] - chunk) | (places > box[:, 1] + chunk)).any(axis=1)
    assert not set(ids[far]) & set(found)
    assert len(ids) > len(found) > inside.sum() > 100
