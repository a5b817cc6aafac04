"""What a run found, for readers: a table, verdicts, a picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.cases import case_of
from benchmarks.model import OURS, Case

__all__ = ["page", "plot", "verdicts"]

_LEAD = """# Benchmarks

What this project costs beside what its users would do otherwise: every job of a case in
turns, each in a process of its own, on one machine. `python -m benchmarks` repeats it;
this page is made from what it wrote, and no figure here is typed by hand. A load above
1 at the start means that the machine did other things, too: then walls say little.

CPU counts all threads and is the figure to compare; wall depends on what else the
machine did. Medians; "cold" is the first call, with the files out of the page cache.
"ratio" is the rival's CPU over ours: above 1 we are cheaper, below 1 we lose.
"""


def verdicts(run: dict[str, Any]) -> Iterator[tuple[Case, str, float | None, bool]]:
    """Yield the goals of the cases that were run, what was found, and if they hold."""
    for name, found in run["cases"].items():
        case = case_of(name)
        for goal in case.goals:
            value = goal.value(found["jobs"])
            yield case, goal.text, value, value is not None and goal.holds(value)


def page(run: dict[str, Any]) -> str:
    """Return the docs page of a run, in Markdown."""
    return "\n".join([_LEAD, *_machine(run), *_summary(run), *_cases(run)]) + "\n"


def _machine(run: dict[str, Any]) -> Iterator[str]:
    machine = run["machine"]
    versions = ", ".join(f"{name} {one}" for name, one in machine["versions"].items())
    yield f"Run on {run['date']}: {machine['cpu']}, {machine['cores']} cores, "
    yield f"{machine['memory_gb']:.0f} GB, {machine['system']}; {versions}. "
    yield f"{run['rounds']} rounds, load {run['load']:.1f} at the start."
    yield ""


def _summary(run: dict[str, Any]) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield "| case | goal | found | |"
    yield "| --- | --- | --- | --- |"
    for case, text, value, holds in verdicts(run):
        found = "not measured" if value is None else _value(case, text, value)
        yield f"| {case.name} | {text} | {found} | {'met' if holds else '**missed**'} |"
    yield ""


def _value(case: Case, text: str, value: float) -> str:
    goal = next(one for one in case.goals if one.text == text)
    if goal.rival is not None and not goal.is_difference:
        return f"{value:.2f}x"
    return _figure(goal.measure, value)


def _cases(run: dict[str, Any]) -> Iterator[str]:
    group = None
    for name, found in run["cases"].items():
        case = case_of(name)
        if name.partition("/")[0] != group:
            group = name.partition("/")[0]
            yield f"## {group.capitalize()}"
            yield ""
        yield f"### {case.question}"
        yield ""
        yield f"`{name}`, {next(iter(found['jobs'].values()))['calls']} calls each."
        yield case.note
        yield ""
        yield "| | CPU | range | wall | cold | peak | read | ratio |"
        yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
        mine = found["jobs"].get(OURS, {}).get("cpu")
        for job, one in found["jobs"].items():
            cold = one["cold"]["wall"] if "cold" in one else None
            ratio = f"{one['cpu'] / mine:.1f}" if mine and job != OURS else ""
            yield (
                f"| {job} | {_figure('cpu', one['cpu'])} "
                f"| {' to '.join(_figure('cpu', end) for end in one['cpu_range'])} "
                f"| {_figure('wall', one['wall'])} "
                f"| {'' if cold is None else _figure('wall', cold)} "
                f"| {_figure('peak_mb', one['peak_mb'])} "
                f"| {_figure('read_mb', one['read_mb'])} | {ratio} |"
            )
        yield ""
        for job, why in found["left_out"].items():
            yield f"{job}: left out, {why}."
            yield ""


def _figure(measure: str, value: float) -> str:
    if measure in ("cpu", "wall"):
        return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.1f} ms"
    if measure.endswith("_mb"):
        return f"{value:,.0f} MB" if value >= 1 else f"{value * 1e3:.0f} kB"
    return f"{value:g}"


def plot(run: dict[str, Any], path: Path) -> None:
    """Draw the CPU of each job of each case, ours as 1."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = [name for name, one in run["cases"].items() if OURS in one["jobs"]]
    figure, axes = plt.subplots(figsize=(8, 0.32 * len(names) + 1))
    for height, name in enumerate(reversed(names)):
        jobs = run["cases"][name]["jobs"]
        for job, one in jobs.items():
            if job != OURS:
                ratio = one["cpu"] / jobs[OURS]["cpu"]
                axes.plot(ratio, height, "o" if ratio >= 1 else "x", color="C0", ms=5)
                axes.annotate(job, (ratio, height), fontsize=5, rotation=20)
    axes.axvline(1, color="black", lw=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), list(reversed(names)), fontsize=6)
    axes.set_xlabel("CPU of the rival over ours (crosses: the rival is cheaper)")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
