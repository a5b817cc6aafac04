"""How a question ends offline."""

import re
import shlex
from collections.abc import Callable

from cortical_cache.cli.app import app
from cortical_cache.errors import CorticalCacheError, NotCachedError
from cortical_cache.registry import resolve
from cortical_cache.settings import read_settings

SAME_CALL = "the same call of load_client('demo', offline=False)"
_SAME = re.compile(r"the same call of load_client\('(\w+)', offline=False\)")


def outcome(ask: Callable[[], object]) -> CorticalCacheError | None:
    """Return the error of ours that a question ends with, once it was looked at."""
    try:
        ask()
    except CorticalCacheError as error:
        ended = error
    else:
        return None
    assert "\n" not in str(ended)
    if isinstance(ended, NotCachedError):
        assert ended.missing
        assert f"`{ended.command}`" in str(ended)
        require_valid(ended.command)
    return ended


def require_valid(command: str) -> None:
    """Make sure that what a miss names can be pasted, or called."""
    again = _SAME.fullmatch(command)
    if again is not None:
        assert resolve(again[1], read_settings())
        return
    program, *words = shlex.split(command)
    assert program == "cortical-cache"
    assert words[0] in {"sync", "fetch"}
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    name, _, version = str(bound.arguments["dataset"]).partition("@")
    assert resolve(name, read_settings())
    assert version.isdecimal() or not version
