"""The real client libraries, over HTTP, against emulators of both clouds."""

import gzip

import boto3
import pytest
import requests
from gcp_storage_emulator.server import create_server
from moto.server import ThreadedMotoServer

from cortical_cache import load_client
from cortical_cache.errors import NotAuthorizedError
from cortical_cache.sources.buckets.bucket import Bucket

HEADER = b"id,bigint\npt_root_id,bigint\n"
DATA = gzip.compress(b"".join(b"%d,\n" % n for n in range(30_000)))


@pytest.fixture
def google(monkeypatch):
    emulator = create_server("127.0.0.1", 0, in_memory=True)
    emulator.start()
    port = emulator._api._httpd.socket.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    requests.post(f"{url}/storage/v1/b", json={"name": "lab"}, timeout=10)

    def put(name: str, data: bytes) -> None:
        upload = f"{url}/upload/storage/v1/b/lab/o"
        query = {"uploadType": "media", "name": name}
        requests.post(upload, params=query, data=data, timeout=10).raise_for_status()

    yield "gs://lab/exports", put
    emulator.stop()


@pytest.fixture
def amazon(monkeypatch):
    emulator = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    emulator.start()
    host, port = emulator.get_host_and_port()
    url = f"http://{host}:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    cloud = boto3.client("s3", endpoint_url=url)
    cloud.create_bucket(Bucket="lab", ACL="public-read")

    def put(name: str, data: bytes, acl: str = "public-read") -> None:
        cloud.put_object(Bucket="lab", Key=name, Body=data, ACL=acl)

    yield "s3://lab/exports", put
    emulator.stop()


@pytest.fixture(params=["google", "amazon"])
def cloud(request):
    return request.getfixturevalue(request.param)


def test_an_export_comes_whole_and_checked(cloud, server, monkeypatch):
    location, put = cloud
    put("exports/v5/mine.csv.gz", DATA)
    put("exports/v5/mine_header.csv", HEADER)
    client = load_client("demo", version=5)
    client.set_export_cloudpath(location)

    assert client.exports.available_data_df()["name"].tolist() == ["mine"]
    table = client.exports.get_table("mine", 5)

    assert table["id"].tolist() == list(range(30_000))
    assert table["pt_root_id"].isna().all()
    details = client.repositories.exports.held("mine", 5).provenance.details
    assert {"crc32c", "md5"} & set(details)


def test_a_private_object_is_read_with_the_users_credentials(amazon, monkeypatch):
    location, put = amazon
    put("exports/v5/mine_header.csv", HEADER, "private")
    assert Bucket(location).read("v5/mine_header.csv", 0, 9) == HEADER[:9]

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(NotAuthorizedError, match=r"bucket lab .* your AWS credentials"):
        Bucket(location).read("v5/mine_header.csv", 0, 9)


def test_a_new_object_is_a_new_generation(cloud):
    location, put = cloud
    put("exports/v5/mine.csv.gz", DATA)
    before = Bucket(location).find("v5/mine.csv.gz")
    put("exports/v5/mine.csv.gz", DATA + gzip.compress(b"7,8\n"))
    after = Bucket(location).find("v5/mine.csv.gz")

    assert before.generation != after.generation
    assert Bucket(location).read("v5/mine.csv.gz", 3, 9) == DATA[3:9]
