"""``cortical-cache login`` and ``auth status``: caveclient's own token files."""

import sys
from dataclasses import asdict
from getpass import getpass
from typing import TYPE_CHECKING

from cyclopts import App

from cortical_cache.cli.online import require_online
from cortical_cache.cli.output import as_json, say, table
from cortical_cache.cli.teaching import OPTIONS
from cortical_cache.errors import ServerUnavailableError
from cortical_cache.registry import available, resolve
from cortical_cache.settings import read_settings

if TYPE_CHECKING:
    from cortical_cache.sources.cave.tokens import TokenState

__all__ = ["auth_app", "login"]

auth_app = App(
    name="auth",
    help="Tokens of the CAVE servers.",
    default_parameter=OPTIONS,
)


def login(dataset: str) -> None:
    """Keep a token for the server of a dataset, where caveclient looks for it.

    Asks for it without showing it; in a pipe it is read from standard input.

    Parameters
    ----------
    dataset
        Name or alias; all datasets of its server share the token.

    Examples
    --------
    cortical-cache login minnie_public
    # in a script
    cortical-cache login minnie_public < token.txt
    """
    from cortical_cache.sources.cave.tokens import save_token, token_page

    settings = read_settings()
    require_online("login", settings)
    server = resolve(dataset, settings).dataset.server_address
    if sys.stdin.isatty():
        say(f"Make or copy a token at {token_page(server)}")
        token = getpass("Token (not shown): ")
    else:
        token = sys.stdin.readline()
    file = save_token(server, token)
    say(f"{server} accepts the token; it is kept in {file}")


@auth_app.command
def status(dataset: str | None = None, *, json: bool = False) -> int:
    """Say for which servers there is a token, and whether they accept it.

    Exit code 1 if a token is missing or refused.

    Parameters
    ----------
    dataset
        Only this one's server.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache auth status
    cortical-cache auth status minnie_public --json
    """
    from cortical_cache.sources.cave.tokens import token_state

    settings = read_settings()
    names = [dataset] if dataset else sorted(available(settings))
    servers: dict[str, list[str]] = {}
    for name in names:
        home = resolve(name, settings)
        if name != "demo" or dataset:  # the demo needs no token
            servers.setdefault(home.dataset.server_address, []).append(name)
    states: list[TokenState] = []
    for server in servers:
        try:
            states.append(token_state(server, ask=not settings.offline))
        except ServerUnavailableError as error:
            say(str(error))
            states.append(token_state(server, ask=False))
    if json:
        as_json([asdict(one) | {"datasets": servers[one.server]} for one in states])
    else:
        lines = [
            (
                one.server,
                _word(one),
                one.file if one.found else "",
                ", ".join(servers[one.server]),
            )
            for one in states
        ]
        table([("server", "token", "file", "datasets"), *lines])
    good = all(one.found and one.accepted is not False for one in states)
    return 0 if good else 1


def _word(state: "TokenState") -> str:
    if not state.found:
        return "none"
    return {True: "accepted", False: "refused", None: "not checked"}[state.accepted]
