"""What keeps a promise, and which test fails without it.

A guard is a piece of the code. Its entry says how to remove it, as text to replace, and
which test fails then. The entries are the ``*.toml`` files beside this one, one file a
subject::

    [[guard]]
    name = "commit-checksum"           # unique
    promise = "A flipped bit of a commit is noticed"
    test = "tests/store/test_faults.py::test_no_flipped_bit_of_a_commit_goes_unnoticed"

    [[guard.change]]                   # one or more
    file = "cortical_cache/store/sealed.py"
    old = "if hashlib.sha256(body).hexdigest() != digest.decode():"
    new = "if False:"
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

__all__ = ["ROOT", "Change", "Guard", "Verdict", "copy_tree", "faults", "judge", "load"]

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "__pycache__", ".*_cache", "node_modules", "dist", "build"
)
_PATIENCE = 900  # seconds for one test, far beyond any


@dataclass(frozen=True, slots=True)
class Change:
    """Text of a file, and what takes its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard, what it promises, how to remove it, and the test that fails then."""

    name: str
    promise: str
    test: str
    changes: tuple[Change, ...]


class Verdict(Enum):
    """What became of a tree without one guard."""

    CAUGHT = "caught"
    NOT_CAUGHT = "NOT caught"
    SKIPPED = "skipped"
    BROKEN = "BROKEN"


def load(folder: Path) -> tuple[Guard, ...]:
    """Read the entries of all files of a folder, by file and place."""
    entries = [
        entry
        for path in sorted(folder.glob("*.toml"))
        for entry in tomllib.loads(path.read_text("utf-8"))["guard"]
    ]
    return tuple(
        Guard(
            entry["name"],
            entry["promise"],
            entry["test"],
            tuple(Change(**change) for change in entry["change"]),
        )
        for entry in entries
    )


def faults(guards: Sequence[Guard], root: Path) -> list[str]:
    """Return what is wrong with the entries: they must fit the tree as it is."""
    named = Counter(guard.name for guard in guards)
    found = [f"{name}: {n} guards have this name" for name, n in named.items() if n > 1]
    for guard in guards:
        found += [f"{guard.name}: {what}" for what in _faults(guard, root)]
    return found


def _faults(guard: Guard, root: Path) -> list[str]:
    found: list[str] = []
    path, _, rest = guard.test.partition("::")
    test = re.sub(r"\[.*", "", rest.rpartition("::")[2])
    place = root / path
    if not place.is_file() or f"def {test}(" not in place.read_text("utf-8"):
        found.append(f"there is no test {guard.test}")
    if not guard.changes:
        found.append("it changes nothing")
    for change in guard.changes:
        place = root / change.file
        text = place.read_text("utf-8") if place.is_file() else ""
        times = text.count(change.old) if change.old else 0
        if times != 1:
            found.append(f"{change.file} has its text {times} times, not once")
        elif change.old == change.new:
            found.append("old and new are the same")
        elif change.file.endswith(".py"):
            try:
                compile(text.replace(change.old, change.new), change.file, "exec")
            except SyntaxError as error:
                found.append(f"{change.file} is not Python any more: {error}")
    return found


def copy_tree(root: Path, to: Path) -> Path:
    """Copy a tree to where it may be changed; return the copy.

    What lies beside the tree (``shared``, for some tests) lies beside the copy, too.
    """
    copy = to / "tree"
    shutil.copytree(root, copy, ignore=_LEFT_OUT)
    shared = root.resolve().parent / "shared"
    if shared.exists():
        (to / "shared").symlink_to(shared)
    return copy


def judge(tree: Path, guard: Guard) -> tuple[Verdict, str]:
    """Remove a guard from a tree, run its test, put it back; say what the test did."""
    texts = {one.file: (tree / one.file).read_text("utf-8") for one in guard.changes}
    changed = dict(texts)
    for one in guard.changes:
        changed[one.file] = changed[one.file].replace(one.old, one.new)
    try:
        for file, text in changed.items():
            (tree / file).write_text(text, "utf-8")
        return run(tree, guard.test)
    finally:
        for file, text in texts.items():
            (tree / file).write_text(text, "utf-8")


def run(tree: Path, test: str) -> tuple[Verdict, str]:
    """Run one test of a tree, on the package of that tree; return what came of it."""
    options = ["-x", "-q", "-n", "0", "-m", "", "-p", "no:randomly"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",  # a stale one could hide a change
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", test],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict.BROKEN, f"no end after {_PATIENCE} s"
    last = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[-1]
    if done.returncode == 1:
        return Verdict.CAUGHT, last
    if done.returncode != 0:  # the test did not run at all
        return Verdict.BROKEN, last
    return (Verdict.NOT_CAUGHT if "passed" in last else Verdict.SKIPPED), last
