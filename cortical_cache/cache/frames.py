"""Whole answers, kept as the frames they are: joins, counts, live results."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cortical_cache.cache.facts import Clock
from cortical_cache.model.coverage import Request
from cortical_cache.model.shape import TableShape
from cortical_cache.store import DatasetStore, Provenance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Frames", "KeptFrame"]

_ATTRS = b"caveclient_attrs"


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """An answer from the store.

    Attributes
    ----------
    frame : pandas.DataFrame
        Positions split, ``attrs`` as the server gave them.
    fetched_at : datetime
        When it came, UTC.
    """

    frame: "pd.DataFrame"
    fetched_at: datetime


class Frames:
    """Answers by the digest of the exact request.

    Parameters
    ----------
    store : DatasetStore
    server : str
        Address, for the provenance.
    clock : callable
        Tells the time.
    """

    def __init__(self, store: DatasetStore, server: str, clock: Clock) -> None:
        self._store = store
        self._server = server
        self._clock = clock

    def get(self, digest: str, version: int) -> KeptFrame | None:
        """Return the answer that is kept, or None.

        Parameters
        ----------
        digest : str
        version : int
            Under which it was kept.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        state = self._store.rows("query", digest, version).state()
        held = state.held_request(digest)
        if held is None:
            return None
        (piece,) = held.pieces
        # More rows than one file of the store has lie in several, in order.
        table = pa.concat_tables(pq.read_table(one) for one in piece.files)
        frame = table.to_pandas()
        frame.attrs = json.loads((table.schema.metadata or {})[_ATTRS])
        fetched_at = min(one.provenance.fetched_at for one in state.commits)
        return KeptFrame(frame, fetched_at)

    def keep(self, digest: str, version: int, frame: "pd.DataFrame") -> None:
        """Keep an answer, positions split, as it came."""
        import pyarrow as pa

        provenance = Provenance(
            source="cave", server=self._server, fetched_at=self._clock()
        )
        bare = frame.copy(deep=False)
        bare.attrs = {}
        table = pa.Table.from_pandas(bare)
        # In the file, beside the dtypes that pandas notes there: a reply's attrs are
        # part of the answer, and hold texts that must not look like provenance.
        notes = dict(table.schema.metadata or {})
        notes[_ATTRS] = json.dumps(frame.attrs).encode()
        rows = self._store.rows("query", digest, version)
        rows.append(
            table.replace_schema_metadata(notes),
            shape=TableShape(digest, "view", (), True, (1.0, 1.0, 1.0)),  # noqa: FBT003  merged, as every frame
            coverage=Request(digest),
            provenance=provenance,
            sort_by=(),
        )
