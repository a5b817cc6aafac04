"""Ask a live server whether it still behaves as this project assumes.

Much of what cortical_cache does follows from facts about MaterializationEngine that
were read off version 5.26. Each probe asks about one of them, cheaply and without
keeping anything: a few hundred rows at most in one request (but all level-2 ids of one
root), nothing written.
"""

from cortical_cache.selfcheck.probe import Finding, Outcome, Probe, Verdict
from cortical_cache.selfcheck.runner import PROBES, connect, findings
from cortical_cache.selfcheck.server import Server

__all__ = [
    "PROBES",
    "Finding",
    "Outcome",
    "Probe",
    "Server",
    "Verdict",
    "connect",
    "findings",
]
