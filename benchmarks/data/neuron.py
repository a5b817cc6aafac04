"""The files of a real neuron, served by a loopback CAVE, where they are to be had.

They lie beside the checkout, in ``../shared/data/minnie_neuron``; the tests read them.
"""

import atexit
import multiprocessing
import os
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.model import Data

__all__ = ["FOLDER", "NEURON", "serve_neuron"]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "data" / "minnie_neuron"

_open: list[Connection] = []


def _nothing(folder: Path) -> None:
    (folder / "empty").touch()


NEURON = Data("neuron", _nothing, source=FOLDER)


def serve_neuron(folder: Path) -> int:
    """Start the server of this neuron alone; return its root id."""
    del folder
    home = Path(tempfile.mkdtemp())
    os.environ["HOME"] = str(home)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(home, theirs), daemon=True)
    server.start()
    atexit.register(server.kill)
    _open.append(ours)
    url, root = ours.recv()
    os.environ["CORTICAL_CACHE_SERVER"] = url
    return root


def _serve(home: Path, pipe: Connection) -> None:
    sys.path.insert(0, str(ROOT))  # for the tests' real neuron
    from cortical_cache.demo import LoopbackCave
    from cortical_cache.testing import write_token
    from tests.level2 import real

    real.FOLDER = FOLDER
    neuron = real.read()
    with LoopbackCave(real.world(neuron)) as cave:
        write_token(home, cave)
        pipe.send((cave.url, neuron.root))
        pipe.poll(None)
