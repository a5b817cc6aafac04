"""One annotation table through time: what it held, and what was known, at any moment.

Rows lie in the order of their creation, so that an earlier state is a prefix.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cortical_cache.demo.generate.profiles import TableProfile
from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.rows import (
    Bools,
    Floats,
    Ints,
    Rows,
    Times,
    Vector,
    moments,
    points,
    truth,
    whole,
)
from cortical_cache.demo.schemas import all_schemas

NO_TIME = np.datetime64("NaT", "us")


@dataclass(frozen=True, slots=True)
class BoundPoint:
    """A point in voxels of its table and the supervoxel there, 0 if there is none.

    Where `unknown` is true the row has its supervoxel but no root yet (null).
    """

    voxel: Floats
    supervoxel: Ints
    unknown: Bools


@dataclass(frozen=True, slots=True)
class Source:
    """All rows that a table ever held, oldest first.

    `created`, `deleted` and `looked_up` are when a row appeared, ended and got its
    supervoxels (NaT: never); `flawed` rows were never valid.
    """

    profile: TableProfile
    ids: Ints
    created: Times
    deleted: Times
    superceded: Ints
    looked_up: Times
    flawed: Bools
    fields: Mapping[str, Vector]
    bound: Mapping[str, BoundPoint]

    def count_at(self, when: np.datetime64) -> int:
        """Return how many rows had been created at a time."""
        return int(np.searchsorted(self.created, when, "right"))

    def valid_at(self, when: np.datetime64) -> Bools:
        """Tell which of the rows created by then were valid then."""
        n = self.count_at(when)
        gone = self.deleted[:n] <= when
        return ~gone & ~self.flawed[:n]

    def annotation(self, when: np.datetime64) -> Rows:
        """Return the physical annotation rows at a time."""
        n = self.count_at(when)
        gone = self.deleted[:n] <= when
        replaced = gone & (self.superceded[:n] > 0)
        state: dict[str, Vector] = {
            "id": whole(self.ids[:n]),
            "created": moments(self.created[:n]),
            "deleted": moments(self.deleted[:n], ~gone),
            "superceded_id": whole(self.superceded[:n], ~replaced),
            "valid": truth(~gone & ~self.flawed[:n]),
        }
        for name, point in self.bound.items():
            state[f"{name}_position"] = points(point.voxel[:n])
        for name, vector in self.fields.items():
            state[name] = vector.take(slice(0, n))
        return Rows(state).select(all_schemas()[self.profile.schema].annotation)

    def segmentation(
        self, when: np.datetime64, graph: ChunkedGraph, root_time: int
    ) -> Rows | None:
        """Return the segmentation rows at a time, with the roots of `root_time`."""
        if not self.bound:
            return None
        n = self.count_at(when)
        there = np.flatnonzero(self.looked_up[:n] <= when)
        columns: dict[str, Vector] = {"id": whole(self.ids[there])}
        for name, point in self.bound.items():
            supervoxel = point.supervoxel[there]
            columns[f"{name}_supervoxel_id"] = whole(supervoxel)
            columns[f"{name}_root_id"] = whole(
                graph.parents(supervoxel, root_time), point.unknown[there]
            )
        return Rows(columns)
