"""The published tests are word for word those of the source distribution."""

import hashlib
from pathlib import Path

PUBLISHED = "cf9441aa57c8049f83831b7cf660db4038813de1eae236218b5c8850f4cc5e70"
"""SHA-256 of cortical_tools-1.1.0/tests/test_clients_active.py."""


def test_nothing_but_the_import_is_changed():
    text = Path(__file__).with_name("test_clients_active.py").read_bytes()

    theirs = text.replace(b"from cortical_cache import", b"from cortical_tools import")

    assert hashlib.sha256(theirs).hexdigest() == PUBLISHED
