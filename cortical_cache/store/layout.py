"""Where everything lies under the root. No file is opened here.

The layout is public (docs/store.md): whoever changes it changes `sealed.FORMAT`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from cortical_cache.store.disk import TEMPORARY, told
from cortical_cache.store.names import decode_name, encode_name

__all__ = [
    "CACHEDIR_TAG",
    "RowKind",
    "binding_file",
    "commit_files",
    "commits_folder",
    "dataset_folders",
    "document_files",
    "fact_file",
    "fact_files",
    "graph_names",
    "is_temporary",
    "lock_files",
    "locks_folder",
    "names_in",
    "object_file",
    "object_files",
    "object_names",
    "objects_folder",
    "objects_folders",
    "pin_file",
    "place_of",
    "row_set_folder",
    "row_set_folders_of",
    "row_set_identity",
    "row_set_names",
    "segment_file",
    "segment_files",
    "shared_folders_of",
    "used_file",
    "version_file",
    "version_folder",
    "version_numbers",
    "versions_held",
]

CACHEDIR_TAG = "CACHEDIR.TAG"

_FACTS = "facts"

RowKind = Literal["table", "view", "export", "query", "graph"]

_KIND_FOLDERS: dict[RowKind, str] = {
    "table": "tables",
    "view": "views",
    "export": "exports",
    "query": "queries",
}

# Facts that no version changes lie beside the versions.
_GRAPH = "graph"

_OBJECTS = "objects"

_OBJECT_FORMS = {"meshes": ".npz.gz", "mesh_l2_ids": ".npz.gz"}


def binding_file(dataset: Path) -> Path:
    """Return the file that says whose the dataset folder is."""
    return dataset / "dataset.json"


def fact_file(folder: Path, name: str) -> Path:
    """Return the file of one fact of a dataset or version folder."""
    return folder / _FACTS / f"{encode_name(name)}.json"


def fact_files(folder: Path) -> Iterator[Path]:
    """Yield the files of all facts of a dataset or version folder."""
    for entry in _entries(folder / _FACTS):
        if entry.suffix == ".json":
            yield entry


def version_folder(dataset: Path, version: int) -> Path:
    """Return the folder of one version."""
    return dataset / f"v{version}"


def version_file(dataset: Path, version: int) -> Path:
    """Return the file with the record of the version itself."""
    return version_folder(dataset, version) / "version.json"


def version_numbers(dataset: Path) -> Iterator[int]:
    """Yield the versions that have a folder, in no order."""
    for entry in _entries(dataset):
        digits = entry.name[1:]
        if entry.name[:1] == "v" and digits.isascii() and digits.isdigit():
            number = int(digits)
            if version_folder(dataset, number).name == entry.name and entry.is_dir():
                yield number


def versions_held(dataset: Path) -> Iterator[int]:
    """Yield the versions of which anything is held, rows or facts, in no order.

    A folder alone is nothing: a lock may lie in it.
    """
    for version in version_numbers(dataset):
        if (
            version_file(dataset, version).exists()
            or next(fact_files(version_folder(dataset, version)), None) is not None
            or next(row_set_names(dataset, version), None) is not None
        ):
            yield version


def row_set_folder(dataset: Path, kind: RowKind, name: str, version: int) -> Path:
    """Return the folder of one row set; those of the graph belong to no version."""
    if kind == "graph":
        return dataset / _GRAPH / encode_name(name)
    return version_folder(dataset, version) / _KIND_FOLDERS[kind] / encode_name(name)


def place_of(row_set: Path) -> str:
    """Return where a row set's folder lies in its dataset, as commits have it."""
    parts = row_set.parts
    return "/".join(parts[-2:] if parts[-2] == _GRAPH else parts[-3:])


def row_set_identity(dataset: Path, folder: Path) -> tuple[RowKind, str, int] | None:
    """Return kind, name and version of a row set's folder; the graph's version is 0.

    None if it is no such folder.
    """
    parts = folder.relative_to(dataset).parts
    name = decode_name(parts[-1])
    if name is None:
        return None
    if len(parts) == 2 and parts[0] == _GRAPH:  # noqa: PLR2004  graph/NAME
        return "graph", name, 0
    kinds: dict[str, RowKind] = {part: kind for kind, part in _KIND_FOLDERS.items()}
    if len(parts) == 3 and parts[1] in kinds:  # noqa: PLR2004  vN/KIND/NAME
        return kinds[parts[1]], name, int(parts[0][1:])
    return None


def row_set_names(dataset: Path, version: int) -> Iterator[tuple[RowKind, str]]:
    """Yield kind and name of the row sets that have a commit, in no order."""
    for kind, part in _KIND_FOLDERS.items():
        parent = version_folder(dataset, version) / part
        for name in names_in(parent):
            folder = row_set_folder(dataset, kind, name, version)
            if next(commit_files(folder), None) is not None:
                yield kind, name


def graph_names(dataset: Path) -> Iterator[str]:
    """Yield the names of the row sets of no version that have a commit, in no order."""
    for name in names_in(dataset / _GRAPH):
        if next(commit_files(row_set_folder(dataset, "graph", name, 0)), None):
            yield name


def objects_folder(dataset: Path, kind: str, group: str) -> Path:
    """Return the folder of the objects of one kind and group."""
    return dataset / _OBJECTS / encode_name(kind) / encode_name(group)


def object_file(dataset: Path, kind: str, group: str, name: str) -> Path:
    """Return the file of one object: a compressed document of its own."""
    folder = objects_folder(dataset, kind, group)
    return folder / f"{encode_name(name)}{_object_form(kind)}"


def _object_form(kind: str) -> str:
    return _OBJECT_FORMS.get(kind, ".json.gz")


def object_files(folder: Path) -> Iterator[Path]:
    """Yield the files of the objects in one of `objects_folders`, in no order."""
    for entry in _entries(folder):
        if entry.name.endswith((".json.gz", ".npz.gz")):
            yield entry


def object_names(dataset: Path, kind: str, group: str) -> Iterator[str]:
    """Yield the names of the objects of a kind and group, in no order."""
    for path in object_files(objects_folder(dataset, kind, group)):
        name = decode_name(path.name.removesuffix(_object_form(kind)))
        if name is not None:
            yield name


def objects_folders(dataset: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield kind, group and folder of the objects that are held, in no order."""
    parent = dataset / _OBJECTS
    for kind in names_in(parent):
        inside = parent / encode_name(kind)
        for group in names_in(inside):
            yield kind, group, inside / encode_name(group)


def commits_folder(row_set: Path) -> Path:
    """Return the folder of the row set's commits."""
    return row_set / "commits"


def commit_files(row_set: Path) -> Iterator[Path]:
    """Yield the files of the row set's commits, in no order."""
    for entry in _entries(commits_folder(row_set)):
        if entry.suffix == ".json":
            yield entry


def row_set_folders_of(dataset: Path) -> Iterator[Path]:
    """Yield the row set folders of a dataset, also those without a commit."""
    for version in version_numbers(dataset):
        for part in _KIND_FOLDERS.values():
            parent = version_folder(dataset, version) / part
            yield from (parent / encode_name(name) for name in names_in(parent))
    parent = dataset / _GRAPH
    yield from (parent / encode_name(name) for name in names_in(parent))


def shared_folders_of(dataset: Path) -> Iterator[Path]:
    """Yield the folders of a dataset in which files are written, but the row sets'."""
    for folder in _document_folders(dataset):
        yield folder
        yield folder / _FACTS
    for _, _, folder in objects_folders(dataset):
        yield folder


def dataset_folders(root: Path) -> Iterator[Path]:
    """Yield the folders of all datasets, in no order."""
    yield from (root / encode_name(name) for name in names_in(root))


def document_files(dataset: Path) -> Iterator[Path]:
    """Yield the files of all documents: the binding, version records and facts."""
    for folder in _document_folders(dataset):
        yield from (one for one in _entries(folder) if one.suffix == ".json")
        yield from fact_files(folder)


def pin_file(folder: Path) -> Path:
    """Return the file that is there if a dataset, version or row set is pinned."""
    return folder / "pinned"


def used_file(folder: Path) -> Path:
    """Return the file whose time says when a row set or objects were last read."""
    return folder / "used"


def locks_folder(row_set: Path) -> Path:
    """Return the folder of the row set's locks."""
    return row_set / "locks"


def lock_files(row_set: Path) -> Iterator[Path]:
    """Yield the row set's lock files, whether anyone holds them or not."""
    yield from _entries(locks_folder(row_set))


def segment_file(row_set: Path, file_name: str) -> Path:
    """Return where the mapped form of one of the row set's data files lies."""
    return row_set / "segments" / f"{file_name}.npy"


def segment_files(row_set: Path) -> Iterator[Path]:
    """Yield the mapped forms that there are, whole or not."""
    yield from _entries(segment_file(row_set, "").parent)


def names_in(folder: Path) -> Iterator[str]:
    """Yield the names that the sub-folders stand for; alien ones are passed over."""
    for entry in _entries(folder):
        name = decode_name(entry.name)
        if name is not None and entry.is_dir():
            yield name


def is_temporary(path: Path) -> bool:
    """Tell whether the file is one that a writer has not finished."""
    return path.name.startswith(".") and path.suffix == TEMPORARY


def _document_folders(dataset: Path) -> Iterator[Path]:
    yield dataset
    for version in version_numbers(dataset):
        yield version_folder(dataset, version)


def _entries(folder: Path) -> Iterator[Path]:
    try:
        with told(folder, "read"):
            entries = [*folder.iterdir()]
        yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return
