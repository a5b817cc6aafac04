"""``cortical-cache sync --exports``: bring bulk exports, from a bucket or a file."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from cortical_cache.cli.codes import Exit
from cortical_cache.cli.output import as_json, complain, is_quiet, say, table
from cortical_cache.client.progress.bars import bring_bar
from cortical_cache.errors import CorticalCacheError, UnknownNameError
from cortical_cache.model.export import Export
from cortical_cache.model.quantities import counted, size
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.exports import Brought

__all__ = ["sync_exports"]


def sync_exports(  # noqa: PLR0913  options of one command
    repositories: Repositories,
    version: int | None,
    names: Sequence[str],
    *,
    source: str | None,
    dry_run: bool,
    json: bool,
) -> int:
    """Bring exports; what is held under its generation is passed over.

    One that fails does not stop the others, and leaves what was held of it.

    Parameters
    ----------
    repositories : Repositories
    version : int or None
        None: the newest that is exported; of a file, the one its folder says.
    names : sequence of str
        Only these; none: all.
    source : str or None
        A file or folder on this machine, instead of the dataset's locations.
    dry_run : bool
        Print what there is, and stop.
    json : bool

    Returns
    -------
    int
        Exit code: 3 if some failed.
    """
    chosen = _chosen(repositories, version, names, source)
    if dry_run:
        _show(repositories, chosen, json=json)
        return 0
    brought: list[Brought] = []
    failed: dict[str, str] = {}
    for export in chosen:
        say(f"{export.name} v{export.version}: {size(export.size)} at {export.url}")
        try:
            with bring_bar(export, show=not is_quiet()) as progress:
                brought.append(repositories.exports.bring(export, progress=progress))
        except CorticalCacheError as error:
            failed[export.name] = str(error)
            complain(f"failed: {export.name}: {error}")
        else:
            say(_line(brought[-1]))
    if json:
        as_json({"exports": [asdict(one) for one in brought], "failed": failed})
    return Exit.PARTLY if failed else Exit.DONE


def _chosen(
    repositories: Repositories,
    version: int | None,
    names: Sequence[str],
    source: str | None,
) -> list[Export]:
    exports = repositories.exports
    if source is not None:
        found = exports.at_path(Path(source), version)
    else:
        listed = exports.listed(refresh=True)
        newest = max((one.version for one in listed), default=None)
        wanted = newest if version is None else version
        found = [one for one in listed if one.version == wanted]
        found += [
            exports.find(name, wanted)
            for name in names
            if wanted is not None and name not in {one.name for one in found}
        ]
    known = {one.name for one in found}
    unknown = sorted(set(names) - known)
    if unknown:
        where = source or ", ".join(exports.locations)
        raise UnknownNameError("export", unknown[0], where, sorted(known))
    halves = {one.part.rpartition("/")[2] for one in found if one.part is not None}
    is_wanted: Callable[[Export], bool] = (
        (lambda one: one.name in names)
        if names
        else (lambda one: one.name not in halves)
    )
    return [one for one in found if is_wanted(one)]


def _line(one: Brought) -> str:
    what = "brought" if one.is_new else "held already"
    rows = f"{counted(one.rows, 'row')}, {size(one.nbytes)}"
    promotion = one.promotion
    if promotion.name is None:
        answers = f"answers for no table ({promotion.reason})"
    else:
        answers = (
            f"answers for {promotion.kind} {promotion.name} "
            f"(proof: {promotion.proof}; {promotion.reason})"
        )
    return f"{one.export.name} v{one.export.version}: {what}, {rows}; {answers}"


def _show(repositories: Repositories, chosen: Sequence[Export], *, json: bool) -> None:
    held = [repositories.exports.is_current(one) for one in chosen]
    if json:
        as_json(
            [
                {**asdict(one), "held": is_held}
                for one, is_held in zip(chosen, held, strict=True)
            ]
        )
        return
    lines = [
        (
            "held" if is_held else "fetch",
            one.name,
            str(one.version),
            size(one.size),
            one.layout,
            one.url,
        )
        for one, is_held in zip(chosen, held, strict=True)
    ]
    table([("action", "name", "version", "size", "layout", "from"), *lines])
