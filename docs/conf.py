"""The site: ``sphinx-build -W docs site``. Every page of this folder is on it.

What is made by the build, and not kept: the page of each command (``cli/``) and the
reference of the Python API (``api/``), from their docstrings; the outputs of the
tutorial and the pictures, by running them against a CAVE on this machine.
"""

import os
import re
import sys
import tempfile
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from reference import write_commands  # noqa: E402  it lies beside this file

project = "cortical_cache"
author = "the cortical_cache founders"
copyright = "2026, " + author  # noqa: A001  Sphinx's name for it
release = version_of("cortical-cache")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["site", "jupyter_execute", "**.ipynb_checkpoints"]
html_theme = "furo"
html_title = f"cortical_cache {release}"
nitpicky = False  # types of others cannot be looked up offline

myst_heading_anchors = 3
autodoc_typehints = "none"  # docstrings say the types, with shapes and units
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes are documented where their class is

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 120
nb_merge_streams = True

_store = tempfile.TemporaryDirectory(prefix="cortical-cache-docs-")
os.environ.update(
    CORTICAL_CACHE_DIR=_store.name,
    CORTICAL_CACHE_CONFIG=f"{_store.name}/config.toml",
    TQDM_DISABLE="1",
)
for _name in ("OFFLINE", "VERSION", "SERVER"):
    os.environ.pop(f"CORTICAL_CACHE_{_name}", None)

_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LEFT = "every other page\n"


def pages() -> list[str]:
    """Return the name of every page but the first."""
    found = [*HERE.glob("*.md"), *HERE.glob("*.ipynb")]
    return sorted(one.stem for one in found if one.stem != "index")


def fill_navigation(app: object, page: str, source: list[str]) -> None:  # noqa: ARG001  Sphinx gives it
    """List in the navigation the pages that no section of it names."""
    if page != "index":
        return
    named = {
        line.split("<")[-1].strip("> ")
        for tree in _TOCTREE.findall(source[0])
        for line in tree.splitlines()
    }
    left = [one for one in pages() if one not in named]
    source[0] = source[0].replace(_LEFT, "".join(f"{one}\n" for one in left))


def draw_tree(*told: Any) -> None:  # noqa: ANN401  what autodoc tells of an object
    """Show the tree of errors as it is drawn, not as nested lists."""
    _, what, name, _, _, lines = told
    if (what, name) == ("module", "cortical_cache.errors"):
        drawn = [one for one in lines if one.startswith(("* ", "  "))]
        begin = lines.index(drawn[0])
        lines[begin : begin + len(drawn)] = ["::", "", *(f"  {one}" for one in drawn)]


def setup(app: Any) -> None:  # noqa: ANN401  Sphinx, which the package does without
    """Write what is made from the code, before anything is read."""
    write_commands(HERE / "cli")
    app.connect("source-read", fill_navigation)
    app.connect("autodoc-process-docstring", draw_tree, priority=400)  # before napoleon
