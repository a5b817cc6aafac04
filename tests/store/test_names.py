"""Names from outside become one path part each, and nothing else."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cortical_cache.errors import ConfigurationError
from cortical_cache.store import Store
from cortical_cache.store.names import decode_name, encode_name

ODD = st.text(st.sampled_from("aA.%/\\: \0~é\u0301ß\ud800_-2eE"), max_size=12)


@given(st.text(max_size=30) | ODD)
@example("..")
@example("a.")
@example(".a")
@example("%2e")
@example("Ä")
def test_a_name_is_refused_or_comes_back(name: str):
    try:
        part = encode_name(name)
    except ConfigurationError:
        return

    assert decode_name(part) == name
    assert os.path.basename(part) == part  # noqa: PTH119  # the oldest notion of a part
    assert not part.startswith(".")
    assert not part.endswith((".", " "))
    assert part.isascii()
    assert part == part.lower()
    assert len(part) <= 200


@given(st.text(max_size=10) | ODD, st.text(max_size=10) | ODD)
@example("Synapses", "synapses")
@example("e\u0301", "é")
def test_two_names_never_share_a_part(one: str, other: str):
    try:
        parts = encode_name(one), encode_name(other)
    except ConfigurationError:
        return

    assert (parts[0].casefold() == parts[1].casefold()) == (one == other)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "a/b", "/etc/passwd", "..\\x", "a\0b"),
        *("nul", "CON", "com1.txt", "CACHEDIR.TAG"),
        *("x" * 201, "Å" * 50, "\ud800"),
    ],
)
def test_dangerous_names_are_refused_wherever_they_enter(name: str, root: Path):
    store = Store(root)
    dataset = store.dataset("a", datastack="a", server="s")

    with pytest.raises(ConfigurationError):
        store.dataset(name, datastack="a", server="s")
    with pytest.raises(ConfigurationError):
        dataset.rows("table", name, 1)
    with pytest.raises(ConfigurationError):
        dataset.write_fact(name, 1)
    assert not root.exists()


@given(st.text(max_size=20) | ODD)
def test_alien_folders_are_passed_over(part: str):
    name = decode_name(part)

    assert name is None or encode_name(name) == part


def test_ordinary_names_stay_as_they_are():
    name = "nucleus_detection_v0"

    assert encode_name(name) == name
