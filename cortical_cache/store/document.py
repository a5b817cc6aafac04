"""Documents: small facts that are replaced whole, one file each."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cortical_cache.errors import CorruptStoreError
from cortical_cache.store.disk import Disk
from cortical_cache.store.sealed import JSON, read_sealed, write_sealed

__all__ = ["Document", "read_document", "write_document"]


@dataclass(frozen=True, slots=True)
class Document:
    """A fact as it was when it was captured.

    Attributes
    ----------
    value : JSON
    captured_at : datetime
        UTC.
    """

    value: JSON
    captured_at: datetime


def write_document(disk: Disk, dataset: Path, path: Path, document: Document) -> None:
    """Put a document into a file of a dataset, in place of what is there.

    It says where it belongs, so that no file can be taken for another one.
    """
    disk.make_folder(path.parent)
    body: dict[str, JSON] = {
        "of": path.relative_to(dataset).as_posix(),
        "captured_at": document.captured_at.isoformat(),
        "value": document.value,
    }
    write_sealed(disk, path, body)


def read_document(path: Path, dataset: Path) -> Document | None:
    """Return the document in a file of a dataset; None if it is not held.

    Raises
    ------
    CorruptStoreError
        If its file is damaged, or was that of another one.
    StoreError
        If a newer release wrote it.
    """
    try:
        body = read_sealed(path)
    except FileNotFoundError:
        return None
    here = path.relative_to(dataset).as_posix()
    if body.get("of", here) != here:  # the first releases did not say
        raise CorruptStoreError(f"{path} is {body['of']}: it was moved")
    try:
        moment = datetime.fromisoformat(str(body["captured_at"]))
        return Document(body["value"], moment.astimezone(UTC))
    except (KeyError, ValueError) as error:
        raise CorruptStoreError(f"{path} is not a fact: {error}") from error
