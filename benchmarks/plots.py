"""What a run found, as pictures."""

from pathlib import Path
from typing import Any

from benchmarks.growth import families
from benchmarks.model import OURS

__all__ = ["draw"]

GROWING = (
    "synapses/one root by post",
    "synapses/100 roots by post",
    "synapses/one id",
    "synapses/bounding box",
    "connections/mean size of a root's inputs",
    "connections/among 100 roots",
)


def draw(run: dict[str, Any], folder: Path) -> None:
    """Draw the CPU of rivals over ours, and what growing tables cost."""
    import matplotlib as mpl

    mpl.use("Agg")
    _ratios(run, folder / "benchmarks-ratios.png")
    _growth(run, folder / "benchmarks-growth.png")


def _ratios(run: dict[str, Any], path: Path) -> None:
    from matplotlib import pyplot as plt

    names = [
        name for name, one in run["cases"].items()
        if OURS in one["jobs"] and len(one["jobs"]) > 1
    ]  # fmt: skip
    rivals = list(dict.fromkeys(
        job for name in names for job in run["cases"][name]["jobs"] if job != OURS
    ))  # fmt: skip
    kinds = ("pandas", "polars", "DuckDB", "caveclient", "cortical_tools")
    colours = {kind: f"C{number}" for number, kind in enumerate(kinds)}
    figure, axes = plt.subplots(figsize=(8, 0.2 * len(names) + 1))
    for height, name in enumerate(reversed(names)):
        jobs = run["cases"][name]["jobs"]
        for rival in rivals:
            if rival in jobs:
                ratio = jobs[rival]["cpu"] / jobs[OURS]["cpu"]
                kind = next((one for one in kinds if one in rival), "")
                axes.plot(ratio, height, "o", color=colours.get(kind, "0.6"), ms=4)
    for kind, colour in {**colours, "others, limits": "0.6"}.items():
        axes.plot([], [], "o", color=colour, ms=4, label=kind)
    axes.axvline(1, color="black", lw=0.8)
    axes.set_xscale("log")
    axes.set_ylim(-1, len(names))
    axes.set_yticks(range(len(names)), list(reversed(names)), fontsize=6)
    axes.set_xlabel("CPU over ours: right of the line we are cheaper", fontsize=8)
    axes.legend(fontsize=6, loc="upper right")
    axes.grid(axis="x", lw=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _growth(run: dict[str, Any], path: Path) -> None:
    from matplotlib import pyplot as plt

    by_family = dict(families(run))
    shown = [one for one in GROWING if one in by_family]
    rows = max(1, -(-len(shown) // 3))
    figure, grid = plt.subplots(
        rows, 3, figsize=(8, 2.4 * rows), sharex=True, sharey=True, squeeze=False
    )
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    colours: dict[str, str] = {}
    sizes = sorted({size / 1e6 for family in shown for size in by_family[family]})
    for axes, family in zip(grid.flat, shown, strict=False):
        jobs: dict[str, dict[int, float]] = {}
        for size in sorted(by_family[family]):
            for job, one in run["cases"][f"{family} of {size}"]["jobs"].items():
                jobs.setdefault(job, {})[size / 1e6] = one["cpu"]
        for job, by in jobs.items():
            wide = 2 if job == OURS else 0.8
            colour = colours.setdefault(job, f"C{len(colours)}")
            axes.plot([*by], [*by.values()], "o-", ms=3, lw=wide, c=colour, label=job)
        axes.set_title(family.partition("/")[2], fontsize=7)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
        axes.minorticks_off()
        axes.tick_params(labelsize=6)
    lines = {line.get_label(): line for axes in grid.flat for line in axes.get_lines()}
    figure.legend(lines.values(), lines.keys(), fontsize=6, ncols=4, loc="upper center")
    figure.supxlabel("million rows", fontsize=8)
    figure.supylabel("CPU-seconds", fontsize=8)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.5 / figure.get_figheight()))
    figure.savefig(path, dpi=100)
    plt.close(figure)
