"""Tokens, in caveclient's own files. No token is ever printed or kept elsewhere."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from caveclient import CAVEclient, auth
from caveclient.auth import AuthClient

from cortical_cache.errors import ConfigurationError, NotAuthorizedError
from cortical_cache.sources.cave.faults import translated
from cortical_cache.sources.cave.transport import Patience, Transport

_theirs: Any = auth  # it has no types

__all__ = ["TokenState", "save_token", "token_page", "token_state"]


@dataclass(frozen=True, slots=True)
class TokenState:
    """Whether there is a token for a server, and whether the server takes it.

    Attributes
    ----------
    server : str
    file : str
        The file that caveclient reads for it.
    found : bool
    accepted : bool or None
        None: the server was not asked, or did not answer.
    problem : str
        What the server said, if it did not accept it.
    """

    server: str
    file: str
    found: bool
    accepted: bool | None
    problem: str = ""


def token_page(server: str) -> str:
    """Return the page of the server where tokens are made."""
    return str(AuthClient(server_address=server).get_token_page(open=False))


def token_state(server: str, *, ask: bool) -> TokenState:
    """Look a server's token up, and ask the server whether it takes it.

    Parameters
    ----------
    server : str
    ask : bool
        False: no network.
    """
    client = AuthClient(server_address=server)
    file: str = _theirs.server_token_filename(server)
    if not Path(file).is_file():
        file = str(Path("~/.cloudvolume/secrets/cave-secret.json").expanduser())
    token = cast("str | None", client.token)
    found = token is not None
    if not ask or not found:
        return TokenState(server, file, found, None)
    try:
        _try(server, token or "")
    except NotAuthorizedError as error:
        return TokenState(server, file, found, accepted=False, problem=str(error))
    return TokenState(server, file, found, accepted=True)


def save_token(server: str, token: str) -> str:
    """Keep a token that the server accepts, where caveclient looks for it.

    Only the server's own file is written: the common one may hold the token of
    another server.

    Returns
    -------
    str
        Path of the file.

    Raises
    ------
    ConfigurationError
        If it is no token: 32 hexadecimal digits.
    NotAuthorizedError
        If the server refuses it. Nothing is written then.
    """
    token = token.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{32}", token):
        raise ConfigurationError("that is no token: a token is 32 digits 0-9 and a-f")
    _try(server, token)
    file: str = _theirs.server_token_filename(server)
    Path(file).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # caveclient opens it as the umask says, so it is private before it is written.
    with suppress(FileExistsError):
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w") as empty:
            empty.write("{}")
    Path(file).chmod(0o600)
    AuthClient(server_address=server).save_token(
        token, overwrite=True, token_file=file, ignore_readonly=False
    )
    return file


def _try(server: str, token: str) -> None:
    transport = Transport(server, Patience(), lambda _: None)
    with transport.active(), translated(server, "the list of datastacks"):
        client = CAVEclient(server_address=server, auth_token=token)
        cast("object", client.info.get_datastacks())
