"""The command line: parse, call the client, print. Data on stdout, talk on stderr."""

from cortical_cache.cli.app import main

__all__ = ["main"]
