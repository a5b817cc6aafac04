"""Importing and making a client is cheap: no socket, no heavy library."""

import pytest

from tests.kit import python

HEAVY = {
    "IPython",
    "caveclient",
    "cloudvolume",
    "duckdb",
    "numpy",
    "pandas",
    "pyarrow",
    "requests",
}

REPORT = """
import sys
print(sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    "statement",
    [
        "import cortical_cache",
        "from cortical_cache.datasets.minnie_public import client; repr(client)",
        "from cortical_cache.datasets.microns_prod import client",
        "from cortical_cache.datasets.v1dd import client",
        "from cortical_cache.datasets.v1dd_public import client",
        "from cortical_cache.datasets.demo import client",
        "import cortical_cache as c; c.load_client('minnie_prod', version=1300)",
        "import cortical_cache as c; c.load_client('v1dd', offline=True)",
        "import cortical_cache as c; c.load_client('demo').cache_status()",
    ],
)
def test_it_opens_no_socket_and_loads_no_heavy_library(statement):
    ran = python(statement + REPORT, CORTICAL_CACHE_TEST_SOCKETS="none")

    assert ran.code == 0, ran.err
    assert not HEAVY & set(eval(ran.out.splitlines()[-1]))  # noqa: S307  the list that it printed
    assert "cortical_cache" in ran.out


def test_the_guard_of_that_test_bites():
    ran = python("import socket; socket.socket()", CORTICAL_CACHE_TEST_SOCKETS="none")

    assert "no socket may be opened here" in ran.err


def test_the_tests_cannot_reach_another_machine():
    ran = python("import urllib.request; urllib.request.urlopen('http://192.0.2.1')")

    assert "tests talk to this machine only, not to 192.0.2.1" in ran.err


def test_the_command_line_starts_without_the_heavy_libraries(home):
    ran = python(
        "from cortical_cache.cli.app import run; run(['ls'])" + REPORT,
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )

    assert ran.code == 0, ran.err
    assert not HEAVY & set(eval(ran.out.splitlines()[-1]))  # noqa: S307  the list that it printed


def test_aliases_are_the_same_client():
    ran = python(
        "from cortical_cache.datasets import microns_public, minnie_public\n"
        "assert microns_public.client is minnie_public.client"
    )

    assert ran.code == 0, ran.err
