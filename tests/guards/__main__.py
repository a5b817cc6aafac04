"""Remove every guard in turn, in a copy of the tree, and see its test fail.

``python -m tests.guards`` judges all of them, ``--only WORD`` those whose name has the
word, ``--list`` shows them. Exit code 1 if a test passes without its guard, fails with
it, or an entry does not fit the tree any more. A test that is skipped here (for want of
a tracer, say) is said to be.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.guards.guards import ROOT, Verdict, copy_tree, faults, judge, load, run


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--list", action="store_true")
    chosen = parser.parse_args()
    guards = load(Path(__file__).parent)
    wrong = faults(guards, ROOT)
    if wrong:
        say("\n".join(wrong))
        return 1
    guards = tuple(one for one in guards if chosen.only in one.name)
    if chosen.list:
        for guard in guards:
            say(f"{guard.name}\n    {guard.promise}\n    {guard.test}")
        return 0
    seen: Counter[Verdict] = Counter()
    with tempfile.TemporaryDirectory(prefix="guards-") as scratch:
        tree = copy_tree(ROOT, Path(scratch))
        intact = {test: run(tree, test) for test in {one.test for one in guards}}
        for guard in guards:
            verdict, last = intact[guard.test]
            if verdict is Verdict.NOT_CAUGHT:  # it passes with its guard, as it should
                verdict, last = judge(tree, guard)
            elif verdict is Verdict.CAUGHT:
                verdict = Verdict.BROKEN
            seen[verdict] += 1
            say(f"{verdict.value:<10} {guard.name}: {last}")
    say(", ".join(f"{n} {verdict.value}" for verdict, n in seen.items()) or "none")
    return 1 if seen[Verdict.NOT_CAUGHT] or seen[Verdict.BROKEN] or not guards else 0


def say(text: str) -> None:
    """Show a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
