"""Serve a world over HTTP as the CAVE services do."""
