"""Frozen values that every layer speaks in. No I/O, no foreign types."""
