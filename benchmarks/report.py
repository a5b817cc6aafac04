"""What a run found, for readers: the page of the docs."""

from collections.abc import Iterator
from typing import Any

from benchmarks.cases import GROUPS, case_of
from benchmarks.growth import families, grown
from benchmarks.model import OURS, Case, Goal
from benchmarks.parqlayground import QUERIES

__all__ = ["figure", "page", "verdicts"]

_LEAD = """# Benchmarks

What this project costs beside what its users would do otherwise: every job of a case in
turns, each in a process of its own, on one machine. `python -m benchmarks` repeats it;
this page is made from what it wrote, and no figure here is typed by hand.

CPU counts all threads and is the figure to compare; wall depends on what else the
machine did: a load above 1 at the start says that there was something. Figures are
medians of samples, with the lowest and highest in brackets where they differ. A sample
is one call, or the mean of as many as fit into a fifth of a second, up to 21. "cold" is
the first call of a process, with the files out of the page cache. "read" is what is
asked of the file system, "disk" what the files that are read take there. "ratio" is the
rival's CPU over ours: above 1 we are cheaper, below 1 we lose.
"""

_RATIOS = """![The CPU of each rival over ours](benchmarks-ratios.png)
"""

_GROWTH = """## Growth

What a question costs in tables of more and more rows; the goals stand for those that
must not grow. Up to two million rows a table is one file, read whole; from then on it
is range files, of which a question reads those that matter.

![The CPU of lookups in growing tables](benchmarks-growth.png)
"""

_QUERIES = """## The queries of parqlayground

[bdpedigo/parqlayground](https://github.com/bdpedigo/parqlayground) lists the queries by
which CAVE's own people compare layouts of a synapse table. Here are ours, in the words
of the list: warm, from a local disk, CPU and wall of one call.
"""


def verdicts(run: dict[str, Any]) -> Iterator[tuple[Case, Goal, float | None, bool]]:
    """Yield the goals of the cases that were run, what was found, and if they hold."""
    for name, found in run["cases"].items():
        case = case_of(name)
        for goal in case.goals:
            value = goal.value(found["jobs"])
            yield case, goal, value, value is not None and goal.holds(value)


def page(run: dict[str, Any]) -> str:
    """Return the docs page of a run, in Markdown."""
    parts = [_LEAD, *_machine(run), *_summary(run), _RATIOS]
    if any(families(run)):
        parts += [_GROWTH, *_grown(run)]
    return "\n".join([*parts, *_queries(run), *_cases(run)]) + "\n"


def _machine(run: dict[str, Any]) -> Iterator[str]:
    machine = run["machine"]
    versions = ", ".join(f"{name} {one}" for name, one in machine["versions"].items())
    yield f"Run on {run['date']}: {machine['cpu']}, {machine['cores']} cores,"
    yield f"{machine['memory_gb']:.0f} GB, {machine['system']}; {versions}."
    told = " of the last part: cases were measured in several" if run["added"] else ""
    yield f"{run['rounds']} samples, load {run['load']:.1f} at the start{told}."
    yield ""


def _summary(run: dict[str, Any]) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield "| case | goal | found | |"
    yield "| --- | --- | --- | --- |"
    reasons: list[str] = []
    for case, goal, value, holds in verdicts(run):
        found = "not measured" if value is None else _value(goal, value)
        told = "met" if holds else "**missed**"
        yield f"| {case.name} | {goal.text} | {found} | {told} |"
        if goal.why and not holds:
            reasons.append(f"* {case.name}, {goal.text}: {goal.why}")
    for name, ratio, holds in grown(run):
        told = "met" if holds else "**missed**"
        yield f"| {name} | does not grow with the table | {ratio:.2f}x | {told} |"
    yield ""
    if reasons:
        yield "Why goals are missed:"
        yield ""
        yield from reasons
        yield ""


def _value(goal: Goal, value: float) -> str:
    if goal.rival is not None and not goal.is_difference:
        return f"{value:.2f}x"
    return figure(goal.measure, value)


def _grown(run: dict[str, Any]) -> Iterator[str]:
    sizes = sorted({rows for _, by in families(run) for rows in by})
    yield "| | " + " | ".join(f"{rows:,} rows" for rows in sizes) + " |"
    yield "| --- |" + " --- |" * len(sizes)
    for family, by in families(run):
        found = (by.get(rows) for rows in sizes)
        cells = ["" if one is None else _size(one) for one in found]
        yield f"| {family} | " + " | ".join(cells) + " |"
    yield ""


def _size(one: dict[str, Any]) -> str:
    cpu, read, peak = (
        figure(name, one[name]) for name in ("cpu", "read_mb", "peak_mb")
    )
    return f"{cpu}; {read} read; {peak} peak"


def _queries(run: dict[str, Any]) -> Iterator[str]:
    by_family = dict(families(run, least=1))
    asked = {what: by_family[one] for what, one in QUERIES.items() if one in by_family}
    if not asked:
        return
    sizes = sorted({rows for by in asked.values() for rows in by})
    yield _QUERIES
    yield "| query | " + " | ".join(f"{rows:,} rows" for rows in sizes) + " |"
    yield "| --- |" + " --- |" * len(sizes)
    for what, by in asked.items():
        cells = [
            f"{figure('cpu', by[rows]['cpu'])}; {figure('wall', by[rows]['wall'])}"
            if rows in by
            else ""
            for rows in sizes
        ]
        yield f"| {what} | " + " | ".join(cells) + " |"
    yield ""


def _cases(run: dict[str, Any]) -> Iterator[str]:
    group = None
    by_group = sorted(run["cases"].items(), key=_place)
    for name, found in by_group:
        case = case_of(name)
        if name.partition("/")[0] != group:
            group = name.partition("/")[0]
            yield f"## {group.capitalize()}"
            yield ""
        yield f"### {case.question}"
        yield ""
        samples = next(iter(found["jobs"].values()))["samples"]
        fresh = ", each a process of its own" if case.fresh else ""
        plural = "" if samples == 1 else "s"
        yield f"`{name}`, {samples} sample{plural}{fresh}."
        yield case.note
        yield ""
        yield "| | CPU | wall | cold: CPU, wall | peak | read | disk | ratio |"
        yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
        mine = found["jobs"].get(OURS, {}).get("cpu")
        for job, one in found["jobs"].items():
            ratio = f"{one['cpu'] / mine:.1f}" if mine and job != OURS else ""
            cells = [_spread(measure, one) for measure in ("cpu", "wall")]
            cells.append(_cold(one))
            cells += [_spread(measure, one) for measure in ("peak_mb", "read_mb")]
            cells.append(figure("disk_mb", one["disk_mb"]) if "disk_mb" in one else "")
            yield f"| {job} | " + " | ".join([*cells, ratio]) + " |"
        yield ""
        for job, why in found["left_out"].items():
            yield f"{job}: left out, {why}."
            yield ""


def _place(one: tuple[str, object]) -> int:
    return GROUPS.index(one[0].partition("/")[0])


def _cold(one: dict[str, Any]) -> str:
    if "cold" not in one:
        return ""
    return ", ".join(
        figure(measure, one["cold"][measure]) for measure in ("cpu", "wall")
    )


def _spread(measure: str, one: dict[str, Any]) -> str:
    middle = figure(measure, one[measure])
    low, high = (figure(measure, end) for end in one[f"{measure}_range"])
    return middle if low == high else f"{middle} ({low} to {high})"


def figure(measure: str, value: float) -> str:
    """Return a figure with its unit."""
    if measure in ("cpu", "wall"):
        return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.1f} ms"
    if measure.endswith("_mb"):
        return f"{value:,.0f} MB" if value >= 1 else f"{value * 1e3:.0f} kB"
    return f"{value:g}"
