"""``cortical-cache sql`` and ``queries``: one SELECT over what is held."""

import json as json_text
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

from cyclopts import Parameter

from cortical_cache.cli.named import client_of
from cortical_cache.cli.output import as_json, say, table
from cortical_cache.errors import ConfigurationError, InvalidQueryError
from cortical_cache.model.quantities import counted
from cortical_cache.queries import queries

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["list_queries", "sql"]

Shown = Literal["table", "csv", "json", "parquet", "arrow"]

_SUFFIXES: dict[str, Shown] = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}


def sql(  # noqa: PLR0913  one parameter for each option
    dataset: str,
    statement: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    name: str | None = None,
    param: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    format: Shown | None = None,  # noqa: A002  the option's name
    output: Path | None = None,
    timeout: float = 300.0,
    memory_limit: str = "4GB",
) -> None:
    r"""Answer one SELECT over all that is held; small tables are fetched first.

    Parameters
    ----------
    dataset
        Name or alias, with a version if need be: minnie_public@1300.
    statement
        The SELECT; "-" reads it from standard input.
    name
        Instead, one of the queries that `cortical-cache queries` lists.
    param
        NAME=VALUE; a list of ids with commas. Repeat it for several.
    format
        Otherwise that of the output's suffix, else a table.
    output
        Write to this file, whole or not at all.
    timeout
        Seconds that it may take.
    memory_limit
        That it may take; beyond it what can be spilt goes to disk.

    Examples
    --------
    cortical-cache sql minnie_public@1300 "SELECT count(*) FROM nucleus_detection_v0"
    cortical-cache sql minnie_public "SELECT * FROM cell_ids" --output cells.parquet
    # one of the questions that `cortical-cache queries` lists
    cortical-cache sql minnie_public@1300 --name table_overview \
        --param subject=nucleus_detection_v0 --format json
    """
    if statement == "-":
        statement = sys.stdin.read()
    client = client_of(dataset)
    suffix = output.suffix.casefold() if output else ""
    chosen: Shown = format or _SUFFIXES.get(suffix, "table")
    if chosen in {"parquet", "arrow"} and output is None and sys.stdout.isatty():
        raise ConfigurationError(f"{chosen} is not for a terminal; give --output FILE")
    rows = cast(
        "pa.Table",
        client.sql(
            statement,
            name=name,
            params=dict(map(_parameter, param)),
            output="arrow",
            timeout=timeout,
            memory_limit=memory_limit,
        ),
    )
    from cortical_cache.cli.written import lines, write, write_file

    if output is not None:
        write_file(rows, "csv" if chosen == "table" else chosen, output)
        say(f"{counted(rows.num_rows, 'row')} in {output}")
    elif chosen == "table":
        heading, *rest = lines(rows)
        table([heading, *rest])
        say(counted(rows.num_rows, "row"))
    else:
        write(rows, chosen, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def list_queries(*, json: bool = False) -> None:
    """List the queries that `cortical-cache sql --name` answers, and their parameters.

    Parameters
    ----------
    json
        Print as JSON, with the meaning of parameters and columns.

    Examples
    --------
    cortical-cache queries
    cortical-cache queries --json
    """
    if json:
        as_json(
            [
                {
                    "name": one.name,
                    "question": one.question,
                    "parameters": [
                        {
                            "name": each.name,
                            "kind": each.kind,
                            "required": each.required,
                            "meaning": each.meaning,
                        }
                        for each in one.parameters
                    ],
                    "columns": one.columns,
                    "sql": one.text,
                }
                for one in queries()
            ]
        )
        return
    rows = [(one.name, one.signature, one.question) for one in queries()]
    table([("name", "parameters", "question"), *rows])


def _parameter(text: str) -> tuple[str, object]:
    name, is_given, value = text.partition("=")
    if not is_given or not name:
        raise InvalidQueryError(f"--param {text!r}: write NAME=VALUE")
    return name, _value(value)


def _value(text: str) -> object:
    parts = [one.strip() for one in text.split(",")]
    if len(parts) > 1 and all(one.lstrip("-").isdecimal() for one in parts):
        return [int(one) for one in parts]
    try:
        return json_text.loads(text)
    except ValueError:
        return text
