"""Killed at any system call, at any moment: the old or the new state, nothing else."""

import random
import sys

import pytest

from tests.reliability.trial import Trial

RANDOM = random.Random()  # noqa: S311  no secret
FEW = 4
"""Kills of each kind in an ordinary run; a soak kills at every call."""


def test_killed_at_some_system_calls_and_moments(trial: Trial, traced):
    every = list(trial.calls("signal=SIGKILL"))

    assert len(every) > FEW
    assert any(trial.kill(inject=one) for one in every[:: len(every) // FEW])
    trial.kill(after=RANDOM.uniform(0, trial.seconds))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_every_system_call(trial: Trial, traced):
    every = list(trial.calls("signal=SIGKILL"))
    missed = [one for one in every if not trial.kill(inject=one)]

    sys.stdout.write(f"{trial.kills} kills\n")
    assert len(missed) < len(every) / 10, missed


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_many_moments(trial: Trial):
    for _ in range(25):
        trial.kill(after=RANDOM.uniform(0, trial.seconds))

    sys.stdout.write(f"{trial.kills} kills\n")
    assert trial.kills > 5
