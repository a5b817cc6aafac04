"""The store: what is held on this disk, committed or absent.

Files and folders only, in a public layout (docs/store.md). It knows nothing of servers,
queries or how fresh a fact must be; it keeps what it is given and says what it has.
"""

from cortical_cache.store.commit import Commit, DataFile, Provenance
from cortical_cache.store.dataset import DatasetStore
from cortical_cache.store.disk import Disk
from cortical_cache.store.document import Document
from cortical_cache.store.layout import RowKind
from cortical_cache.store.objects import ObjectGroup, Objects
from cortical_cache.store.root import Store
from cortical_cache.store.rows import RowSet
from cortical_cache.store.sealed import JSON
from cortical_cache.store.state import RowSetState
from cortical_cache.store.sweep import SweepReport
from cortical_cache.store.verify import Problem

__all__ = [
    "JSON",
    "Commit",
    "DataFile",
    "DatasetStore",
    "Disk",
    "Document",
    "ObjectGroup",
    "Objects",
    "Problem",
    "Provenance",
    "RowKind",
    "RowSet",
    "RowSetState",
    "Store",
    "SweepReport",
]
