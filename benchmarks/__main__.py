"""``python -m benchmarks``: run the cases, say what was found, keep it.

python -m benchmarks --quick                  # a million rows, minutes
python -m benchmarks                          # 1, 5 and 20 million rows
python -m benchmarks --scale 100000000        # and a hundred million
python -m benchmarks --only synapses/one
python -m benchmarks --page benchmarks/results/full.json   # the docs page again
"""

import argparse
import json
import os
import platform
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.cases import SIZES, all_cases, in_order
from benchmarks.growth import grown
from benchmarks.model import Case
from benchmarks.plots import draw
from benchmarks.report import page, verdicts
from benchmarks.run import CaseError, ensure, run_case

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
LIBRARIES = (
    "duckdb", "pyarrow", "pandas", "polars", "numpy", "caveclient", "cortical-tools",
)  # fmt: skip
ROUNDS = {"quick": 3, "full": 5}


def main() -> int:
    """Run what the arguments say; 1 if a case fails or, ``--strict``, misses a goal."""
    chosen = _arguments()
    if chosen.page:
        kept = json.loads(chosen.page.read_text())
        PAGE.write_text(page(kept), encoding="utf-8")
        draw(kept, PAGE.parent)
        return 0
    kind = "quick" if chosen.quick else "full"
    cases = [
        case
        for case in all_cases(tuple(chosen.scale or SIZES[kind]))
        if not chosen.only or any(one in case.name for one in chosen.only)
    ]
    if chosen.list:
        print("\n".join(case.name for case in cases))
        return 0
    found: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": chosen.rounds or ROUNDS[kind],
        "load": os.getloadavg()[0],
        "added": False,
        "machine": _machine(),
        "cases": {},
    }
    chosen.results.mkdir(parents=True, exist_ok=True)
    path = chosen.results / f"{kind}.json"
    if chosen.add and path.exists():
        found["cases"] = json.loads(path.read_text())["cases"]
        found["added"] = bool(found["cases"])
    failed: list[str] = []
    for number, case in enumerate(cases, 1):
        print(f"[{number}/{len(cases)}] {case.name}", file=sys.stderr, flush=True)
        try:
            _measure(case, found, chosen.data)
        except CaseError as error:  # the others are not to be lost for one
            print(f"{case.name} failed: {error}", file=sys.stderr, flush=True)
            failed.append(case.name)
        found["cases"] = {one: found["cases"][one] for one in in_order(found["cases"])}
        path.write_text(json.dumps(found, indent=1) + "\n")
    path.with_suffix(".md").write_text(page(found), encoding="utf-8")
    if find_spec("matplotlib") is None:
        print("no picture: matplotlib is not installed", file=sys.stderr)
    else:
        draw(found, chosen.results)
    print(json.dumps(found, indent=1) if chosen.json else page(found))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    missed = [goal for _, goal, _, holds in verdicts(found) if not holds]
    missed += [name for name, _, holds in grown(found) if not holds]
    return int(bool(failed or (missed and chosen.strict)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="a million rows only")
    add("--scale", type=int, nargs="*", metavar="ROWS")
    add("--only", nargs="*", default=[], metavar="TEXT", help="of names")
    add("--rounds", type=int, help="samples of each job")
    add("--json", action="store_true", help="on standard output")
    add("--list", action="store_true", help="the cases, and stop")
    add("--data", type=Path, default=HERE / "results" / "data")
    add("--results", type=Path, default=HERE / "results")
    add("--page", type=Path, metavar="JSON", help="make the docs page and its pictures")
    add("--add", action="store_true", help="to the results there are")
    add("--strict", action="store_true", help="fail if a goal is missed")
    return parser.parse_args()


def _measure(case: Case, found: dict[str, Any], data: Path) -> None:
    """Measure a case, unless what its data are made from is not there."""
    source = case.data.source
    if source is not None and not source.exists():
        print(f"left out: there is no {source.name}", file=sys.stderr, flush=True)
        return
    with TemporaryDirectory(prefix="benchmarks-") as scratch:
        os.environ["TMPDIR"] = scratch  # what the jobs leave behind goes with it
        folder = ensure(case.data, data)
        found["cases"][case.name] = run_case(case, folder, found["rounds"])


def _machine() -> dict[str, Any]:
    """Describe the machine, without its name or paths."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*:\s*(.*)", info)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": pages / 1e9,
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "versions": {"Python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
