"""Decisions, without I/O: what may be remembered, and where an answer comes from."""
