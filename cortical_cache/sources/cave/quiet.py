"""caveclient's methods that log to the root logger, made to log to one of ours.

``logging.warning`` gives a root logger that has no handler one, for the whole process,
and says things that our user did not ask: ``live_live_query`` calls itself deprecated
each time.
"""

import inspect
import logging
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

__all__ = ["quiet"]

log = logging.getLogger(__name__)


def quiet(method: MethodType) -> Callable[..., Any]:
    """Return a method of caveclient whose module's ``logging`` is a logger of ours.

    Its code is caveclient's, but for checks that decorators make of the server's
    version.
    """
    plain: Any = inspect.unwrap(method.__func__)
    ours = FunctionType(
        plain.__code__,
        {**plain.__globals__, "logging": _Debug()},
        plain.__name__,
        plain.__defaults__,
        plain.__closure__,
    )
    ours.__kwdefaults__ = plain.__kwdefaults__
    return MethodType(ours, method.__self__)


class _Debug:
    """Stands in for the module ``logging``."""

    def warning(self, message: object) -> None:
        log.debug("caveclient: %s", message)
