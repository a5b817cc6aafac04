"""When annotation rows appear, change and end."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from cortical_cache.demo.generate.profiles import Profile
from cortical_cache.demo.generate.source import NO_TIME
from cortical_cache.demo.rows import Bools, Ints, Times

COPY_TIME = np.timedelta64(30 * 60 * 10**6, "us")
"""How long after its time stamp a version's database is copied."""

_HOUR = np.timedelta64(3600 * 10**6, "us")


def moment(time: datetime) -> np.datetime64:
    """Turn an aware time into a UTC microsecond time."""
    return np.datetime64(time.replace(tzinfo=None), "us")


@dataclass(frozen=True, slots=True)
class Lives:
    """Rows by creation time; `row` says which original row each one shows."""

    ids: Ints
    row: Ints
    created: Times
    deleted: Times
    superceded: Ints
    looked_up: Times
    flawed: Bools


def live(  # noqa: PLR0913 - one argument for each fact
    rng: np.random.Generator,
    profile: Profile,
    ids: Ints,
    *,
    churn: float,
    start: np.datetime64,
    replace: bool,
) -> Lives:
    """Invent a history for rows of the given ids.

    Most rows appear soon after `start`, a share of `churn` later and as many end.
    With `replace`, half of those that end are superceded by a row with a new id.
    Rows that appear while a version is copied get their supervoxels too late for
    it, except in the newest version. Some rows never were valid.
    """
    n, end = len(ids), moment(profile.newest)
    created = start + rng.integers(0, 10**9, n).astype("timedelta64[us]")
    later = np.flatnonzero(rng.random(n) < churn)
    created[later] = _between(rng, created[later], end)
    looked_up = created.copy()
    latest = max(v.time_stamp for v in profile.versions if v.status == "AVAILABLE")
    for number, version in enumerate(profile.versions):
        if moment(version.time_stamp) > start:
            copied = np.arange(number, n, max(n // 4, 12))
            stamp = np.full(len(copied), moment(version.time_stamp))
            created[copied] = _between(
                rng, stamp, moment(version.time_stamp) + COPY_TIME
            )
            late = version.time_stamp != latest
            looked_up[copied] = created[copied] + (_HOUR if late else _HOUR * 0)

    deleted = np.full(n, NO_TIME)
    ended = np.unique(
        np.append(
            np.flatnonzero(rng.random(n) < churn),
            rng.integers(0, n, min(4, n // 8 + 1)),
        )
    )
    deleted[ended] = _between(rng, created[ended], end)
    last = np.maximum(created[ended[-1:]], moment(latest) + COPY_TIME)
    deleted[ended[-1:]] = _between(rng, last, end)
    replaced = ended[::2] if replace else ended[:0]
    new_ids = int(ids.max()) + 1 + np.arange(len(replaced))
    superceded = np.zeros(n, dtype=np.int64)
    superceded[replaced] = new_ids
    flawed = rng.random(n) < churn / 5
    flawed[rng.integers(0, n)] = True

    born = deleted[replaced]
    ordered = np.argsort(np.concatenate([created, born]), kind="stable")
    nothing = np.zeros(len(replaced), dtype=np.int64)
    return Lives(
        ids=np.concatenate([ids, new_ids])[ordered],
        row=np.concatenate([np.arange(n), replaced])[ordered],
        created=np.concatenate([created, born])[ordered],
        deleted=np.concatenate([deleted, np.full(len(replaced), NO_TIME)])[ordered],
        superceded=np.concatenate([superceded, nothing])[ordered],
        looked_up=np.concatenate([looked_up, born])[ordered],
        flawed=np.concatenate([flawed, nothing.astype(np.bool_)])[ordered],
    )


def _between(rng: np.random.Generator, low: Times, high: np.datetime64) -> Times:
    share = 0.02 + 0.96 * rng.random(len(low))
    span = (high - low).astype(np.int64)
    return low + (span * share).astype(np.int64).astype("timedelta64[us]")
