"""``cortical-cache diff``: what changed between two versions."""

from cortical_cache.cli.output import as_json, say, table
from cortical_cache.client import load_client

__all__ = ["diff"]


def diff(  # noqa: PLR0913  one parameter for each option
    dataset: str,
    old: int,
    new: int,
    name: str | None = None,
    /,
    *,
    columns: list[str] | None = None,
    bookkeeping: bool = False,
    json: bool = False,
) -> None:
    """Compare two versions of a table, or of the cells: rows added, removed, changed.

    What is not held is fetched first.

    Parameters
    ----------
    dataset
        Name or alias.
    old
        A version.
    new
        Another one.
    name
        Table or view; without it the cells: which kept their root, changed, merged,
        split, appeared, disappeared.
    columns
        Compare these only.
    bookkeeping
        Compare created, superceded_id and valid as well.
    json
        Print as JSON, with the ids.

    Examples
    --------
    # what became of the cells
    cortical-cache diff minnie_public 1300 1484
    # one table, some columns, with the ids
    cortical-cache diff minnie_public 1300 1484 proofreading_status_and_strategy --json
    """
    found = load_client(dataset).diff(
        name, old, new, columns=columns, bookkeeping=bookkeeping
    )
    if json:
        as_json(found.to_json())
        return
    say(f"{found.dataset} {found.table}: v{found.old} -> v{found.new}")
    table(found.lines())
