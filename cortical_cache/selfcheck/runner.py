"""Ask all probes of one version of a live server. Nothing is kept."""

import logging
from collections.abc import Iterator

from cortical_cache.errors import (
    CorticalCacheError,
    NotAuthorizedError,
    ServerUnavailableError,
    UnknownNameError,
)
from cortical_cache.model.dataset import Dataset
from cortical_cache.selfcheck import (
    filters,
    graph,
    joins,
    refusals,
    rows,
    service,
    wire,
)
from cortical_cache.selfcheck.probe import Finding, Outcome, Probe, Verdict
from cortical_cache.selfcheck.server import Server, UntestableError
from cortical_cache.sources.cave.metadata import CaveMetadata
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["PROBES", "connect", "findings"]

log = logging.getLogger(__name__)

PROBES: tuple[Probe, ...] = (
    *service.PROBES,
    *wire.PROBES,
    *filters.PROBES,
    *refusals.PROBES,
    *rows.PROBES,
    *joins.PROBES,
    *graph.PROBES,
)


def connect(dataset: Dataset, version: int | None = None) -> Server:
    """Connect to a dataset's server and choose the version to examine.

    Parameters
    ----------
    dataset : Dataset
    version : int, optional
        The newest that is valid and available, unless given.

    Raises
    ------
    UnknownNameError
        If there is no such version.
    CorticalCacheError
        Whatever the server or the way to it fails with.
    """
    session = CaveSession(dataset.datastack, dataset.server_address, offline=False)
    # Not `VersionRecord.parse`: whether it can read these is a probe's business.
    records = {
        number: one
        for one in CaveMetadata(session).versions()
        if isinstance(number := one.get("version"), int)
        and one.get("valid")
        and one.get("status", "AVAILABLE") == "AVAILABLE"
    }
    asked = max(records, default=0) if version is None else version
    if asked not in records:
        raise UnknownNameError(
            "valid version", asked, dataset.datastack, sorted(records)
        )
    return Server(session, dataset, records[asked])


def findings(server: Server) -> Iterator[Finding]:
    """Ask every probe, one after another.

    Yields
    ------
    Finding
        One for each of `PROBES`, in their order.
    """
    for probe in PROBES:
        verdict = _verdict(probe, server)
        log.info("%s: %s (%s)", probe.name, verdict.outcome, verdict.found)
        yield Finding(probe, verdict)


def _verdict(probe: Probe, server: Server) -> Verdict:
    try:
        return probe.ask(server)
    except UntestableError as error:
        return Verdict(Outcome.UNTESTABLE, str(error))
    except (ServerUnavailableError, NotAuthorizedError) as error:
        return Verdict(Outcome.NO_ANSWER, str(error))
    except CorticalCacheError as error:
        return Verdict(Outcome.DIFFERS, f"{type(error).__name__}: {error}")
    except (LookupError, TypeError, ValueError) as error:
        # The answer has another form than any that the probe was written for.
        return Verdict(Outcome.DIFFERS, f"cannot be read: {error!r}")
