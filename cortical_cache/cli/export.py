"""``cortical-cache export``: a copy for R, DBeaver, the DuckDB shell."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cortical_cache.cli.output import as_json, say, table
from cortical_cache.client import load_client

__all__ = ["export"]


def export(  # noqa: PLR0913  one parameter for each option
    dataset: str,
    version: int,
    /,
    *,
    to: Path,
    tables: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True)] = None,
    views: bool = False,
    json: bool = False,
) -> None:
    """Write a copy of what is held whole of a version, for programs that are not ours.

    Parameters
    ----------
    dataset
        Name or alias.
    version
        Materialization version.
    to
        A new file *.duckdb, or a new folder for Parquet files.
    tables
        Only these tables or views.
    views
        Into *.duckdb write views of the store's files instead of their rows.
    json
        Print the rows of each as JSON.

    Examples
    --------
    cortical-cache export minnie_public 1300 --to minnie.duckdb
    cortical-cache export minnie_public 1300 --to copies --tables nucleus_detection_v0
    """
    client = load_client(dataset, version=version, offline=True)
    rows = client.export(to, tables=tables, views=views)
    if json:
        as_json({"to": str(to), "rows": rows})
        return
    table([("table", "rows"), *((name, f"{n:,}") for name, n in rows.items())])
    say(f"written to {to}")
