"""Which datasets there are, and what a name stands for on this machine.

Built-in presets, then entry points of other packages, then the user's configuration
file; a later one may override single fields of an earlier one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from urllib.parse import urlsplit

from cortical_cache.errors import ConfigurationError, UnknownNameError
from cortical_cache.model.dataset import AlternativeTable, Dataset, Home
from cortical_cache.model.json import as_list, as_object
from cortical_cache.settings import Settings

__all__ = ["available", "heading", "origin_of", "resolve"]

ENTRY_POINTS = "cortical_cache.datasets"

_TEXTS = ("datastack", "server_address", "main_table", "lookup_view", "transform")
_LISTS = ("core_tables", "export_locations", "aliases")
_USER_KEYS = ("version", "same_data")


def available(settings: Settings) -> dict[str, Dataset]:
    """Return every dataset by name, aliases not included."""
    records = _shipped()
    for name, table in settings.datasets.items():
        known = {key: value for key, value in table.items() if key not in _USER_KEYS}
        base = records.get(_canonical(name, records))
        key = base.name if base else name
        records[key] = _parse(key, known, base, str(settings.config_file))
    return records


def resolve(
    name: str,
    settings: Settings,
    *,
    server_address: str | None = None,
    same_data: bool = False,
) -> Home:
    """Find the dataset of a name or alias, and where its data go.

    Parameters
    ----------
    name : str
        Name or alias.
    settings : Settings
        May override the server address and pin a version.
    server_address : str, optional
        CAVE server to ask instead; wins over environment and configuration.
    same_data : bool
        The overriding server holds the same data as the dataset's own (a proxy, a
        mirror of the services), so both share a folder. Also a configuration key.

    Returns
    -------
    Home

    Raises
    ------
    UnknownNameError
        If no dataset has that name; the error names those that exist.
    ConfigurationError
        If an override cannot be used.
    """
    datasets = available(settings)
    dataset = datasets.get(_canonical(name, datasets))
    if dataset is None:
        known = sorted(
            [*datasets, *(alias for one in datasets.values() for alias in one.aliases)]
        )
        raise UnknownNameError("dataset", name, "the known datasets", known)
    user = _user_table(dataset, settings)
    own = _own_server(dataset)
    asked = _checked_server(dataset.server_address, f"dataset {dataset.name}")
    if settings.server_address:
        asked = _checked_server(settings.server_address, "CORTICAL_CACHE_SERVER")
    if server_address:
        asked = _checked_server(server_address, "the server given")
    same = same_data or user.get("same_data") is True
    folder = dataset.name
    if asked != own and not same:
        parts = urlsplit(asked)
        folder = f"{folder}@{parts.netloc.replace(':', '-')}{parts.path}".rstrip("/")
        folder = folder.replace("/", "-")
        own = asked
    pinned = user.get("version")
    if pinned is not None and not isinstance(pinned, int):
        raise ConfigurationError(
            f"version of {dataset.name} in {settings.config_file} is {pinned!r}; "
            "it must be a whole number such as 1300"
        )
    return Home(replace(dataset, server_address=asked), folder, own, pinned)


@cache
def _presets() -> Mapping[str, Dataset]:
    text = files("cortical_cache.datasets").joinpath("presets.toml").read_text("utf-8")
    return {
        name: _parse(name, as_object(table), None, "presets.toml")
        for name, table in tomllib.loads(text).items()
    }


def _shipped() -> dict[str, Dataset]:
    """Presets and entry points, without the user's configuration."""
    records = dict(_presets())
    for point in entry_points(group=ENTRY_POINTS):
        record = as_object(point.load())
        records[point.name] = _parse(point.name, record, None, f"entry point {point}")
    return records


def _canonical(name: str, datasets: Mapping[str, Dataset]) -> str:
    if name in datasets:
        return name
    return next((d.name for d in datasets.values() if name in d.aliases), name)


def heading(dataset: Dataset, settings: Settings) -> str:
    """Return under which name the configuration file has a dataset, or its own."""
    names = (dataset.name, *dataset.aliases)
    return next((name for name in names if name in settings.datasets), dataset.name)


def origin_of(field: str, dataset: Dataset, settings: Settings) -> str:
    """Tell where a field of a dataset comes from: file, preset, entry point, default.

    Parameters
    ----------
    field : str
        A key of the configuration file.
    dataset : Dataset
    settings : Settings
    """
    if field in _user_table(dataset, settings):
        return f"file ({settings.config_file})"
    if dataset.name in _presets():
        return "preset"
    return "entry point" if dataset.name in _shipped() else "default"


def _user_table(dataset: Dataset, settings: Settings) -> Mapping[str, object]:
    return settings.datasets.get(heading(dataset, settings), {})


def _own_server(dataset: Dataset) -> str:
    """Server that the dataset's plain folder belongs to.

    For a preset it stays the preset's, however the configuration overrides it.
    """
    shipped = _shipped().get(dataset.name)
    return (shipped or dataset).server_address.rstrip("/")


def _checked_server(address: str, where: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ConfigurationError(
            f"{where}: {address!r} is not a server address; "
            "give a URL such as https://global.daf-apis.com"
        )
    return address.rstrip("/")


def _parse(
    name: str, table: Mapping[str, object], base: Dataset | None, where: str
) -> Dataset:
    known = {field.name for field in fields(Dataset)} - {"name"}
    if extra := sorted(set(table) - known):
        raise ConfigurationError(
            f"dataset {name} in {where} has unknown settings {', '.join(extra)}; "
            f"known are {', '.join(sorted(known | set(_USER_KEYS)))}"
        )
    texts = {key: _text(name, key, table[key], where) for key in _TEXTS if key in table}
    lists = {key: _list(name, key, table[key], where) for key in _LISTS if key in table}
    if "alternative_tables" in table:
        names = _list(name, "alternative_tables", table["alternative_tables"], where)
        alternatives = tuple(AlternativeTable(table_name) for table_name in names)
    else:
        alternatives = base.alternative_tables if base else ()
    if base is None:
        for key in ("datastack", "server_address"):
            if key not in texts:
                raise ConfigurationError(f"dataset {name} in {where} lacks {key}")
        base = Dataset(name, texts["datastack"], texts["server_address"])
    made = replace(base, **texts)
    made = replace(made, **lists, alternative_tables=alternatives)
    _checked_server(made.server_address, f"dataset {name} in {where}")
    return made


def _text(name: str, key: str, value: object, where: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise ConfigurationError(f"{key} of dataset {name} in {where} must be a string")


def _list(name: str, key: str, value: object, where: str) -> tuple[str, ...]:
    message = f"{key} of dataset {name} in {where} must be a list of strings"
    try:
        values = as_list(value)
    except TypeError as error:
        raise ConfigurationError(message) from error
    if not all(isinstance(one, str) for one in values):
        raise ConfigurationError(message)
    return tuple(str(one) for one in values)
