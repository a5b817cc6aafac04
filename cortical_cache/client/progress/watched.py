"""Whether anybody watches, so that progress may be drawn. Nothing is, into a pipe."""

import sys
from typing import Any

__all__ = ["is_watched"]


def is_watched() -> bool:
    """Tell whether what is written to stderr is seen: on a terminal, in a notebook.

    A notebook's stderr says that it is no terminal, though tqdm draws there.
    """
    if sys.stderr.isatty():
        return True
    shells: Any = sys.modules.get("IPython")  # whoever is in a notebook has it
    shell = None if shells is None else shells.get_ipython()
    return getattr(shell, "kernel", None) is not None
