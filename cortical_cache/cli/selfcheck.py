"""``cortical-cache selfcheck``: where a live server differs from what is assumed."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cortical_cache.cli.codes import Exit
from cortical_cache.cli.online import require_online
from cortical_cache.cli.output import as_json, say, table
from cortical_cache.registry import resolve
from cortical_cache.settings import read_settings

if TYPE_CHECKING:  # it needs pyarrow and caveclient, which other commands do without
    from cortical_cache.selfcheck import Finding

__all__ = ["selfcheck"]


def selfcheck(
    dataset: str,
    *,
    version: int | None = None,
    json: bool = False,
    server: str | None = None,
) -> int:
    """Ask a live server whether it behaves as assumed; exit with 4 if it does not.

    Each probe is one or a few small queries. Nothing is written, here or there.

    Parameters
    ----------
    dataset
        Name or alias, e.g. minnie_public.
    version
        Materialization version to ask about; the newest unless given.
    json
        Print as JSON.
    server
        Another CAVE server.

    Examples
    --------
    cortical-cache selfcheck minnie_public
    cortical-cache selfcheck minnie_public --version 1300 --json
    """
    from cortical_cache.selfcheck import PROBES, connect, findings

    settings = read_settings()
    require_online("selfcheck", settings)
    found = resolve(dataset, settings, server_address=server).dataset
    asked = connect(found, version)
    say(
        f"asking {asked.address} about {found.datastack} v{asked.version}: "
        f"{len(PROBES)} probes"
    )
    findings_ = list(findings(asked))
    if json:
        as_json(
            {
                "datastack": found.datastack,
                "server": asked.address,
                "version": asked.version,
                "probes": [_described(one) for one in findings_],
            }
        )
    else:
        lines = [
            (one.probe.name, str(one.verdict.outcome), one.verdict.found)
            for one in findings_
        ]
        table([("probe", "outcome", "found"), *lines])
    return _conclusion(findings_)


def _described(finding: "Finding") -> dict[str, str]:
    return {
        "name": finding.probe.name,
        "assumes": finding.probe.assumes,
        "outcome": str(finding.verdict.outcome),
        "found": finding.verdict.found,
        "otherwise": finding.probe.otherwise,
    }


def _conclusion(found: Sequence["Finding"]) -> int:
    """Say what follows from the findings, and return the exit code."""
    from cortical_cache.selfcheck import Outcome

    for one in found:
        if one.verdict.outcome is Outcome.DIFFERS:
            say(
                f"{one.probe.name} differs: {one.verdict.found}\n"
                f"  assumed   {one.probe.assumes}\n"
                f"  otherwise {one.probe.otherwise}"
            )
    numbers = Counter(one.verdict.outcome for one in found)
    say(", ".join(f"{numbers[one]} {one}" for one in Outcome if numbers[one]))
    if numbers[Outcome.DIFFERS]:
        return Exit.DIFFERS
    return Exit.FAILED if numbers[Outcome.NO_ANSWER] else Exit.DONE
