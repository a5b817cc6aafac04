"""The command ``cortical-cache``; what its exit codes say is in `cli.codes`."""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from inspect import signature
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from cortical_cache.cli.auth import auth_app, login
from cortical_cache.cli.codes import Exit
from cortical_cache.cli.config import config
from cortical_cache.cli.demo import demo_app
from cortical_cache.cli.diff import diff
from cortical_cache.cli.doctor import doctor
from cortical_cache.cli.export import export
from cortical_cache.cli.fetch import fetch
from cortical_cache.cli.held import info, list_held
from cortical_cache.cli.lock import lock
from cortical_cache.cli.output import complain, in_a_line, quietly
from cortical_cache.cli.refresh import invalidate, refresh
from cortical_cache.cli.removal import prune, remove
from cortical_cache.cli.room import pin, space, unpin
from cortical_cache.cli.selfcheck import selfcheck
from cortical_cache.cli.sql import list_queries, sql
from cortical_cache.cli.status import status
from cortical_cache.cli.sync import sync
from cortical_cache.cli.teaching import OPTIONS, teach
from cortical_cache.cli.upkeep import repair, verify
from cortical_cache.errors import ConfigurationError, CorticalCacheError

__all__ = ["app", "main"]

app = App(
    name="cortical-cache",
    help="Ask CAVE a question once: a local, versioned cache for connectomics tables.",
    version_flags=["--version"],
    default_parameter=OPTIONS,
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `run` has a sentence for it
)
app.command(sync)
app.command(fetch)
app.command(list_held, name="ls")
app.command(info)
app.command(status)
app.command(config)
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
app.command(space, name="du")
app.command(invalidate)
app.command(refresh)
app.command(lock)
app.command(pin)
app.command(unpin)
app.command(doctor)
app.command(verify)
app.command(repair)


@app.command
def completion(shell: Literal["bash", "zsh", "fish"] = "bash") -> None:
    """Print what makes a shell complete commands, options and choices.

    Parameters
    ----------
    shell
        Whose language it is in.

    Examples
    --------
    # for this session
    source <(cortical-cache completion bash)
    # for every new one
    echo 'source <(cortical-cache completion bash)' >> ~/.bashrc
    """
    print(app.generate_completion(prog_name="cortical-cache", shell=shell))  # noqa: T201  data


@app.meta.default
def everywhere(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    quiet: Annotated[bool, Parameter(alias="-q")] = False,
    verbose: Annotated[bool, Parameter(alias="-v")] = False,
) -> object:
    """Run a command.

    Parameters
    ----------
    quiet
        No talk and no progress: data and errors only.
    verbose
        Tell what is done and asked of the server, too.
    """
    with quietly(quiet), _logging(quiet=quiet, verbose=verbose):
        return app(tokens, exit_on_error=False, print_error=False)


app.meta.default_parameter = OPTIONS
app.meta.suppress_keyboard_interrupt = False
app.help_epilogue = "Exit codes: " + "; ".join(
    f"{one.value} {one.meaning}" for one in Exit
)
teach(app)


def main() -> None:
    """Run the command line and exit with its code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        if "--version" in arguments[1:] and not _takes_version(arguments):
            # It would print our version, as if the command had been run.
            raise ConfigurationError(
                "--version goes first, and is ours; a dataset's is written "
                "NAME@VERSION, or after its name"
            )
        code = app.meta(
            arguments,
            result_action="return_value",
            exit_on_error=False,
            print_error=False,
        )
    except CycloptsError as error:
        command = " ".join(("cortical-cache", *(error.command_chain or ())))
        complain(f"cortical-cache: {_one_line(error)} See `{command} --help`.")
        return Exit.WRONG
    except CorticalCacheError as error:
        complain(f"cortical-cache: {error}")
        return Exit.FAILED
    except KeyboardInterrupt:
        complain(
            "cortical-cache: interrupted; what is held stays, run it again to go on"
        )
        return Exit.INTERRUPTED
    except BrokenPipeError:  # `cortical-cache ls | head`
        return Exit.DONE
    except OSError as error:  # no room, no permission, no such folder
        complain(f"cortical-cache: {in_a_line(error)}")
        return Exit.FAILED
    return code if isinstance(code, int) else Exit.DONE


def _takes_version(arguments: list[str]) -> bool:
    """Tell whether ``--version`` is an option of the command's own."""
    name = next((one for one in arguments if not one.startswith("-")), "")
    command = app[name].default_command if name in app else None
    return command is not None and "version" in signature(command).parameters


@contextmanager
def _logging(*, quiet: bool, verbose: bool) -> Generator[None]:
    """Let through what is wanted of our own log, and leave it as it was."""
    log = logging.getLogger("cortical_cache")
    before = log.level
    if quiet or verbose:
        log.setLevel(logging.ERROR if quiet else logging.DEBUG)
    try:
        yield
    finally:
        log.setLevel(before)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
