"""``cortical-cache sync``: mirror a version."""

import sys
from dataclasses import asdict
from typing import Annotated, Literal

from cyclopts import Parameter

from cortical_cache.cli.codes import Exit
from cortical_cache.cli.online import require_online
from cortical_cache.cli.output import as_json, complain, misused, say, table
from cortical_cache.cli.progress import progress
from cortical_cache.model.quantities import counted, size
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.settings import read_settings, write_pin
from cortical_cache.store import Store
from cortical_cache.sync import Plan, Report, Selection, execute, make_plan
from cortical_cache.sync.plan import MAX_ROWS

__all__ = ["sync"]


def sync(  # noqa: PLR0913  one parameter for each option
    dataset: str | None = None,
    version: int | Literal["latest"] = "latest",
    *,
    tables: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True)] = None,
    views: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True)] = None,
    exclude: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    max_rows: int = MAX_ROWS,
    jobs: int = 2,
    dry_run: bool = False,
    json: bool = False,
    pin: bool = False,
    server: str | None = None,
    exports: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True)] = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    locked: str | None = None,
) -> int:
    """Mirror a version of a dataset: tables, views, metadata, schemas, cell id maps.

    Plans first, then fetches what is not held. Run again, it goes on where it stopped.

    Parameters
    ----------
    dataset
        Name or alias, e.g. minnie_public; with --locked the lock's own.
    version
        Materialization version, or "latest".
    tables
        Only these tables or views; "core" stands for nuclei, cell types, proofreading
        and lookups, "cells" for what the cell id maps are made of.
    views
        Only these views.
    exclude
        Leave these out; shell patterns such as "synapses*".
    max_rows
        Leave out larger tables that are not named.
    jobs
        Tables fetched at once.
    dry_run
        Print the plan and stop.
    json
        Print plan or report as JSON.
    pin
        Make this the dataset's version where none is asked for.
    server
        Another CAVE server; its data go to a folder of their own.
    exports
        Instead of tables, bring bulk exports: these, or all of the version.
    from_
        Take them from a file or folder on this machine, not from a bucket.
    locked
        Instead fetch what this lock file names, and fail unless it is the very same.

    Examples
    --------
    # what there is to fetch, and how much it is
    cortical-cache sync minnie_public latest --dry-run
    # nuclei, cell types, proofreading, lookups; from now on the version that is meant
    cortical-cache sync minnie_public 1300 --tables core --pin
    # everything up to 1,000 rows but two patterns
    cortical-cache sync minnie_public 1484 --max-rows 1000 --exclude "*svm" "synapses*"
    """
    settings = read_settings()
    if locked is not None:
        from cortical_cache.cli.lock import synced_by_lock

        is_same = synced_by_lock(locked, dataset, server=server, json=json)
        return Exit.DONE if is_same else Exit.PARTLY
    if dataset is None:
        return misused("sync", "name a dataset, or a lock with --locked FILE")
    if from_ is not None or (exports is not None and not settings.offline):
        from cortical_cache.cli.exports import sync_exports

        return sync_exports(
            open_dataset(resolve(dataset, settings, server_address=server), settings),
            None if version == "latest" else version,
            exports or (),
            source=from_,
            dry_run=dry_run,
            json=json,
        )
    require_online("sync", settings)
    home = resolve(dataset, settings, server_address=server)
    repositories = open_dataset(home, settings)
    number = repositories.versions.newest() if version == "latest" else version
    selection = Selection(tables, views, exclude, max_rows)
    plan = make_plan(repositories, number, selection, jobs=max(jobs, 4))
    if dry_run:
        _show_plan(plan, json=json)
        return 0
    say(_headline(plan))
    with progress() as listener:
        report = execute(repositories, plan, listener, jobs=jobs)
    _show_report(report, json=json)
    excess = Store(settings.cache_dir, max_size=settings.max_size).excess()
    if excess is not None:
        say(excess)
    if pin:
        write_pin(settings.config_file, home.dataset.name, number)
        say(f"version {number} is pinned in {settings.config_file}")
    elif home.pinned != number and sys.stderr.isatty():
        say(f"`cortical-cache sync {dataset} {number} --pin` makes it the default")
    return Exit.PARTLY if report.failed else Exit.DONE


def _headline(plan: Plan) -> str:
    held = sum(item.action == "held" for item in plan.items)
    skipped = [item for item in plan.items if item.action == "skip"]
    what = (
        f"{plan.dataset} v{plan.version} ({plan.timestamp:%Y-%m-%d}): "
        f"{len(plan.to_fetch)} to fetch, {held} held, {len(skipped)} skipped"
    )
    how_much = (
        f"about {counted(plan.rows, 'row')}, {size(plan.nbytes)}, "
        f"{_span(plan.seconds)}; "
        f"{size(plan.free_bytes)} free in {plan.folder}"
    )
    lines = [what, how_much]
    lines += [f"skipped {item.kind} {item.name}: {item.reason}" for item in skipped]
    return "\n".join(lines)


def _show_plan(plan: Plan, *, json: bool) -> None:
    if json:
        as_json(
            {
                **asdict(plan),
                "rows": plan.rows,
                "nbytes": plan.nbytes,
                "seconds": plan.seconds,
            }
        )
        return
    say(_headline(plan))
    heading = ("action", "kind", "name", "rows", "size", "why")
    lines = [
        (
            item.action,
            item.kind,
            item.name,
            "?" if item.rows is None else f"{item.rows:,}",
            size(item.nbytes),
            item.reason,
        )
        for item in plan.items
    ]
    table([heading, *lines], numbers=(3, 4))


def _show_report(report: Report, *, json: bool) -> None:
    plan = report.plan
    if json:
        as_json(
            {
                "dataset": plan.dataset,
                "version": plan.version,
                "rows": report.rows,
                "nbytes": report.nbytes,
                "seconds": report.seconds,
                "items": [asdict(item) for item in plan.items],
                "failed": {one.item.name: str(one.error) for one in report.failed},
            }
        )
        return
    for one in report.failed:
        complain(f"failed: {one.item.kind} {one.item.name}: {one.error}")
    done = len(report.outcomes) - len(report.failed)
    say(
        f"{plan.dataset} v{plan.version}: fetched {done} tables and views, "
        f"{counted(report.rows, 'row')}, {size(report.nbytes)} "
        f"in {report.seconds:.1f} s"
    )


def _span(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004  seconds up to a minute and a half
        return f"{seconds:.0f} s"
    if seconds < 5400:  # noqa: PLR2004  minutes up to an hour and a half
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
