"""Wall and CPU of `get_skeleton` with synapses and properties, cold and warm.

``python benchmarks/bench_skeleton.py FOLDER``: the files of a real neuron, as the tests
read them, served by a loopback CAVE without latency in a process of its own. Cold
is a store without anything; warm is a client of its own on the same store, offline.
"""

import multiprocessing
import os
import sys
import tempfile
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tests' real neuron

RUNS = 5


def serve(folder: Path, home: Path, pipe: Connection) -> None:
    from cortical_cache.demo import LoopbackCave
    from cortical_cache.testing import write_token
    from tests.level2 import real

    real.FOLDER = folder
    neuron = real.read()
    with LoopbackCave(real.world(neuron)) as cave:
        write_token(home, cave)
        pipe.send((cave.url, neuron.root))
        pipe.recv()


def ask(root: int, *, offline: bool) -> tuple[float, float]:
    """Return the seconds, and the CPU-seconds of this process, of one call."""
    from cortical_cache import load_client

    client = load_client("minnie_prod", version=117, offline=offline)
    wall, cpu = time.perf_counter(), time.process_time()
    client.get_skeleton(root)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    import pcg_skel  # noqa: F401  imported before the clock runs

    with tempfile.TemporaryDirectory() as text:
        home = Path(text)
        os.environ["HOME"] = text
        os.environ["CORTICAL_CACHE_DIR"] = str(home / "store")
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe()
        server = context.Process(target=serve, args=(folder, home, theirs))
        server.start()
        url, root = mine.recv()
        os.environ["CORTICAL_CACHE_SERVER"] = url
        cold = ask(root, offline=False)
        warm = [ask(root, offline=True) for _ in range(RUNS)]
        mine.send("done")
        server.join()
    wall, cpu = (median(one) for one in zip(*warm, strict=True))
    print(f"cold {cold[0]:.2f} s, {cold[1]:.2f} CPU-s")
    print(f"warm {wall:.2f} s, {cpu:.2f} CPU-s: {cold[0] / wall:.0f} times less wall")


if __name__ == "__main__":
    main()
