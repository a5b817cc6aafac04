"""A process that was forked asks over connections of its own."""

import multiprocessing

import pytest

from cortical_cache import load_client
from tests.cells.kit import graph_of

CHILDREN, EACH = 4, 15


def _ask(client, supervoxels, together, pipe) -> None:
    together.wait(30)
    pipe.send([client.get_roots([one]).tolist() for one in supervoxels])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking with threads
def test_each_process_gets_the_answers_to_what_it_asked(server, cave_world):
    client = load_client("demo")
    every = graph_of(cave_world).supervoxels
    atoms = every[:: len(every) // (CHILDREN * EACH)][: CHILDREN * EACH].tolist()
    expected = [client.get_roots([one]).tolist() for one in atoms]  # and connect
    assert len({root for (root,) in expected}) > CHILDREN
    context = multiprocessing.get_context("fork")
    together = context.Barrier(CHILDREN)
    pipes, children = [], []
    for start in range(0, len(atoms), EACH):
        here, there = context.Pipe()
        asked = (client, atoms[start : start + EACH], together, there)
        children.append(context.Process(target=_ask, args=asked, daemon=True))
        pipes.append(here)

    for one in children:
        one.start()
    found = []
    for number, here in enumerate(pipes):
        assert here.poll(60), f"child {number} has no answer"
        found += here.recv()
    for one in children:
        one.join(30)

    assert found == expected
