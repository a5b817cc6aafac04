"""One assumption about the server, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cortical_cache.selfcheck.server import Server

__all__ = ["Finding", "Outcome", "Probe", "Verdict", "judged", "probe"]


class Outcome(StrEnum):
    """What became of an assumption."""

    AS_ASSUMED = "as assumed"
    DIFFERS = "differs"
    UNTESTABLE = "not testable here"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and its evidence.

    Attributes
    ----------
    outcome : Outcome
    found : str
        What the server answered, or why it could not be asked.
    """

    outcome: Outcome
    found: str


@dataclass(frozen=True, slots=True)
class Probe:
    """An assumption about the server that can be asked.

    Attributes
    ----------
    name : str
        Short, unique.
    assumes : str
        The assumption, in one sentence after the subject that it belongs to.
    otherwise : str
        What of cortical_cache would be wrong if it failed, and what to do then.
    ask : callable
        Asks the server. It raises `UntestableError` where the server has nothing to
        ask it with, and errors of ours where the server fails.
    """

    name: str
    assumes: str
    otherwise: str
    ask: Callable[[Server], Verdict]


@dataclass(frozen=True, slots=True)
class Finding:
    """A probe and its verdict."""

    probe: Probe
    verdict: Verdict


def probe(
    name: str, *, assumes: str, otherwise: str
) -> Callable[[Callable[[Server], Verdict]], Probe]:
    """Make a probe of the function that asks it."""

    def made(ask: Callable[[Server], Verdict]) -> Probe:
        return Probe(name, assumes, otherwise, ask)

    return made


def judged(holds: bool, found: str) -> Verdict:  # noqa: FBT001  the judgement itself
    """Return the verdict of an assumption that could be asked.

    Parameters
    ----------
    holds : bool
    found : str
        The evidence, either way.
    """
    return Verdict(Outcome.AS_ASSUMED if holds else Outcome.DIFFERS, found)
