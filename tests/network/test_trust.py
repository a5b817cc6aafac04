"""A token goes to the CAVE that it is for and to its sisters, and nowhere else."""

import pytest

from cortical_cache.sources.cave.trust import Trusted


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("https://global.daf-apis.com", "https://global.daf-apis.com/info/api"),
        ("https://global.daf-apis.com", "https://globalv1.daf-apis.com/x"),
        ("https://cave.lab.ac.uk", "https://states.lab.ac.uk/1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/info"),
    ],
)
def test_it_goes_to(known, asked):
    assert Trusted(known).holds(asked)


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("https://global.daf-apis.com", "http://globalv1.daf-apis.com/x"),
        ("https://global.daf-apis.com", "https://daf-apis.com.example.org/x"),
        ("https://global.daf-apis.com", "https://evil-daf-apis.com/x"),
        ("https://global.daf-apis.com", "https://global.daf-apis.com@example.org/x"),
        ("https://cave.com", "https://other.com"),
        ("https://lab.ac.uk", "https://other.ac.uk"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001/info"),
        ("http://10.0.0.1", "https://11.0.0.1"),
    ],
)
def test_it_does_not_go_to(known, asked):
    assert not Trusted(known).holds(asked)
