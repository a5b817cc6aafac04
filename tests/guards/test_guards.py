"""The list of guards fits the tree; its runner tells a caught guard from another."""

import subprocess
from pathlib import Path

import pytest

from tests.guards.guards import (
    ROOT,
    Change,
    Guard,
    Verdict,
    copy_tree,
    faults,
    judge,
    load,
    run,
)
from tests.kit import PYTHON

TEST = "tests/test_it.py::test_it"
GUARD = Guard("a", "It is 1", TEST, (Change("it.py", "VALUE = 1", "VALUE = 2"),))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "tests").mkdir(parents=True)
    (folder / "it.py").write_text("VALUE = 1\nOTHER = 1\n")
    (folder / "tests" / "test_it.py").write_text(
        "import it, pytest\n\n\ndef test_it():\n    assert it.VALUE == 1\n"
        "\n\ndef test_not():\n    pytest.skip('never')\n"
    )
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return folder


def without(**changes: str) -> Guard:
    change = {"file": "it.py", "old": "VALUE = 1", "new": "VALUE = 2", **changes}
    test = change.pop("test", TEST)
    return Guard("a", "It is 1", test, (Change(**change),))


def test_every_entry_fits_the_tree_as_it_is():
    guards = load(Path(__file__).parent)

    assert guards
    assert faults(guards, ROOT) == []


@pytest.mark.parametrize(
    ("guard", "what"),
    [
        (without(old="VALUE = 3"), "0 times"),
        (without(old="= 1"), "2 times"),
        (without(old=""), "0 times"),
        (without(file="gone.py"), "0 times"),
        (without(new="VALUE = 1"), "the same"),
        (without(new="VALUE = "), "not Python"),
        (without(test="tests/test_it.py::test_gone"), "no test"),
        (without(test="tests/gone.py::test_it"), "no test"),
        (Guard("a", "It is 1", TEST, ()), "changes nothing"),
    ],
)
def test_an_entry_that_does_not_fit_is_told(tree: Path, guard: Guard, what: str):
    (fault,) = faults([guard], tree)

    assert what in fault


def test_two_guards_of_one_name_are_told(tree: Path):
    assert faults([GUARD], tree) == []
    assert faults([GUARD, GUARD], tree) == ["a: 2 guards have this name"]


def test_a_guard_is_caught_only_if_its_test_fails_without_it(tree: Path, tmp_path):
    (tmp_path / "scratch").mkdir()
    copy = copy_tree(tree, tmp_path / "scratch")

    assert judge(copy, GUARD)[0] is Verdict.CAUGHT
    assert judge(copy, without(old="OTHER = 1", new="OTHER = 2"))[0] is (
        Verdict.NOT_CAUGHT
    )
    skipped = without(test="tests/test_it.py::test_not")
    assert judge(copy, skipped)[0] is Verdict.SKIPPED
    assert judge(copy, without(test="tests/test_it.py::gone"))[0] is Verdict.BROKEN
    assert run(copy, TEST)[0] is Verdict.NOT_CAUGHT  # put back
    assert (copy / "it.py").read_text() == (tree / "it.py").read_text()


def test_the_package_of_the_copy_is_the_one_that_is_tested(tmp_path: Path):
    """An editable install of the tree must not shadow its copy, in no process."""
    copy = copy_tree(ROOT, tmp_path)
    place = copy / "cortical_cache" / "cli" / "app.py"
    text = place.read_text("utf-8")
    place.write_text(text.replace("Ask CAVE a question once", "Of the copy"), "utf-8")
    (copy / "tests" / "test_probe.py").write_text(
        "from tests.kit import COMMAND, PYTHON, run\n\n\n"
        "def test_command():\n"
        "    assert 'Of the copy' in run([COMMAND, '--help']).out\n"
        "    code = 'import cortical_cache.cli.app as it; print(it.app.help)'\n"
        "    assert 'Of the copy' in run([PYTHON, '-c', code]).out\n"
    )

    verdict, last = run(copy, "tests/test_probe.py::test_command")

    assert verdict is Verdict.NOT_CAUGHT, last


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_every_guard_is_caught():
    ran = subprocess.run(
        [PYTHON, "-m", "tests.guards"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
