"""The command ``cortical-cache``.

Exit codes: 0 done; 1 an error of ours, told in one line; 2 the command line is wrong;
3 some tables of a sync failed, the others are held; 4 a selfcheck found the server
other than assumed; 5 something held is damaged; 130 interrupted.
"""

import logging
import sys

from cyclopts import App, Parameter

from cortical_cache.cli.auth import auth_app, login
from cortical_cache.cli.demo import demo_app
from cortical_cache.cli.diff import diff
from cortical_cache.cli.doctor import doctor
from cortical_cache.cli.export import export
from cortical_cache.cli.fetch import fetch
from cortical_cache.cli.held import info, list_held
from cortical_cache.cli.output import in_a_line, say
from cortical_cache.cli.removal import prune, remove
from cortical_cache.cli.selfcheck import selfcheck
from cortical_cache.cli.sql import list_queries, sql
from cortical_cache.cli.sync import sync
from cortical_cache.cli.upkeep import repair, verify
from cortical_cache.errors import CorticalCacheError

__all__ = ["app", "main"]

app = App(
    name="cortical-cache",
    help="Ask CAVE a question once: a local, versioned cache for connectomics tables.",
    version_flags=["--version"],
    default_parameter=Parameter(negative=""),  # no --no-json
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `run` has a sentence for it
)
app.command(sync)
app.command(fetch)
app.command(list_held, name="ls")
app.command(info)
app.command(diff)
app.command(sql)
app.command(export)
app.command(list_queries, name="queries")
app.command(login)
app.command(auth_app)
app.command(demo_app)
app.command(selfcheck)
app.command(remove, name="rm")
app.command(prune)
app.command(doctor)
app.command(verify)
app.command(repair)


def main() -> None:
    """Run the command line and exit with its code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code: object = app(arguments)
    except CorticalCacheError as error:
        say(f"cortical-cache: {error}")
        return 1
    except KeyboardInterrupt:
        say("cortical-cache: interrupted; what is held stays, run it again to go on")
        return 130
    except BrokenPipeError:  # `cortical-cache ls | head`
        return 0
    except OSError as error:  # the disk: full, read-only, or not ours to write
        say(f"cortical-cache: {in_a_line(error)}")
        return 1
    return code if isinstance(code, int) else 0
