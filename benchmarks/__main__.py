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
from typing import Any

from benchmarks.cases import SIZES, all_cases
from benchmarks.plots import draw
from benchmarks.report import page, verdicts
from benchmarks.run import ensure, run_case

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
LIBRARIES = (
    "duckdb", "pyarrow", "pandas", "polars", "numpy", "caveclient", "cortical-tools",
)  # fmt: skip
ROUNDS = {"quick": 3, "full": 5}


def main() -> int:
    """Run what the arguments say; 1 if a goal is missed and ``--strict`` is given."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a million rows only")
    parser.add_argument("--scale", type=int, nargs="*", metavar="ROWS")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="TEXT", help="of names"
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", action="store_true", help="on standard output")
    parser.add_argument("--list", action="store_true", help="the cases, and stop")
    parser.add_argument("--data", type=Path, default=HERE / "results" / "data")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--page", type=Path, metavar="JSON", help="make the docs page")
    parser.add_argument("--add", action="store_true", help="to the results there are")
    parser.add_argument("--strict", action="store_true")
    chosen = parser.parse_args()
    if chosen.page:
        kept = json.loads(chosen.page.read_text())
        PAGE.write_text(page(kept), encoding="utf-8")
        draw(kept, PAGE.parent)
        return 0
    kind = "quick" if chosen.quick else "full"
    sizes = tuple(chosen.scale or SIZES[kind])
    cases = [
        case
        for case in all_cases(sizes)
        if not chosen.only or any(one in case.name for one in chosen.only)
    ]
    if chosen.list:
        print("\n".join(case.name for case in cases))
        return 0
    rounds = chosen.rounds or ROUNDS[kind]
    found: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": rounds,
        "load": os.getloadavg()[0],
        "machine": _machine(),
        "cases": {},
    }
    chosen.results.mkdir(parents=True, exist_ok=True)
    path = chosen.results / f"{kind}.json"
    if chosen.add and path.exists():
        found["cases"] = json.loads(path.read_text())["cases"]
    for number, case in enumerate(cases, 1):
        source = case.data.source
        without = (
            "" if source is None or source.exists() else f", without {source.name}"
        )
        print(
            f"[{number}/{len(cases)}] {case.name}{without}", file=sys.stderr, flush=True
        )
        if without:
            continue
        data = ensure(case.data, chosen.data)
        found["cases"][case.name] = run_case(case, data, rounds)
        path.write_text(json.dumps(found, indent=1) + "\n")
    path.with_suffix(".md").write_text(page(found), encoding="utf-8")
    if find_spec("matplotlib") is None:
        print("no picture: matplotlib is not installed", file=sys.stderr)
    else:
        draw(found, chosen.results)
    if chosen.json:
        print(json.dumps(found, indent=1))
    else:
        print(page(found))
    missed = [text for _, text, _, holds in verdicts(found) if not holds]
    return int(bool(missed and chosen.strict))


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
