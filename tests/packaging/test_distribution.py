"""The wheel and the sdist hold what runs, and say what they are."""

import email
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.kit import PYTHON, Ran, run

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cortical_cache"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build an sdist of the checkout, and a wheel of that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    hatchling = [PYTHON, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run([*hatchling, "-t", "sdist"], cwd=ROOT, check=True, timeout=100)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    subprocess.run([*hatchling, "-t", "wheel"], cwd=source, check=True, timeout=100)
    (wheel,) = folder.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


@pytest.fixture(scope="module")
def metadata(built: dict[str, Path]) -> Message:
    """Return what the wheel says of itself."""
    with zipfile.ZipFile(built["wheel"]) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith("/METADATA")]
        return email.message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment that holds the dependencies only.

    `.ci/run` installs into an empty one, dependencies from the index; here they are
    lent from this environment by path, without its own (editable) install.
    """
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run(
        [PYTHON, "-m", "venv", "--without-pip", folder], check=True, timeout=100
    )
    (site,) = folder.glob("lib/python*/site-packages")
    lent = [one for one in sys.path if one.endswith("site-packages")]
    (site / "lent.pth").write_text("\n".join(lent) + "\n")
    subprocess.run(
        [
            *(PYTHON, "-m", "pip", "--python", folder / "bin" / "python", "install"),
            *("-q", "--no-deps", "--no-index", "--ignore-installed", built["wheel"]),
        ],
        check=True,
        timeout=100,
    )
    return folder


def fresh(environment: Path, *arguments: str, **variables: str) -> Ran:
    """Run a program of that environment, away from the checkout."""
    program, *rest = arguments
    return run([str(environment / "bin" / program), *rest], PYTHONPATH="", **variables)


def test_both_hold_the_whole_package(built):
    ours = {
        str(one.relative_to(ROOT))
        for one in PACKAGE.rglob("*")
        if one.is_file() and "__pycache__" not in one.parts
    }
    assert "cortical_cache/py.typed" in ours
    queries = {one.relative_to(ROOT / "sql") for one in ROOT.glob("sql/**/*.sql")}

    with zipfile.ZipFile(built["wheel"]) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(built["sdist"]) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}

    assert ours | {f"cortical_cache/sql/{one}" for one in queries} <= in_wheel
    assert {one.partition("/")[0].partition("-")[0] for one in in_wheel} == {
        "cortical_cache"
    }
    assert ours | {f"sql/{one}" for one in queries} <= in_sdist
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff"} <= in_sdist


def test_the_wheel_runs_in_an_environment_of_its_own(installed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CORTICAL_CACHE_DIR")
    place = "import cortical_cache as c; print(c.__file__, c.__version__)"

    where = fresh(installed, "python", "-c", place).out
    version = fresh(installed, "cortical-cache", "--version")
    demo = fresh(installed, "cortical-cache", "demo")

    assert where.startswith(str(installed))
    assert (version.code, version.out.strip()) == (0, where.split()[1])
    assert demo.code == 0, demo.err
    assert "60 rows, the same" in demo.err


def test_the_metadata_say_what_it_is(metadata):  # hatchling refuses what is not valid
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert metadata["Name"] == "cortical-cache"
    assert metadata["Version"] == project["version"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert set(metadata.get_all("Provides-Extra")) == set(
        project["optional-dependencies"]
    )


def test_the_version_is_semantic_and_the_newest_of_the_changelog(metadata):
    version = metadata["Version"]
    headings = re.findall(
        r"^## (\d+\.\d+\.\d+) - (unreleased|\d{4}-\d\d-\d\d)$",
        (ROOT / "CHANGELOG.md").read_text("utf-8"),
        re.MULTILINE,
    )

    assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", version)
    assert headings[0][0] == version
    assert all(date != "unreleased" for _, date in headings[1:])
    numbers = [tuple(map(int, one.split("."))) for one, _ in headings]
    assert numbers == sorted(numbers, reverse=True)


def test_no_other_file_repeats_the_version(metadata):
    version = re.compile(rf"(?<![\d.]){re.escape(metadata['Version'])}(?![\d.])")
    said = [
        one.relative_to(ROOT)
        for one in [*PACKAGE.rglob("*.py"), ROOT / "CITATION.cff", ROOT / "README.md"]
        if version.search(one.read_text("utf-8"))
    ]

    assert not said
