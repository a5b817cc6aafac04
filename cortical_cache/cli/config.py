"""``cortical-cache config``: each setting, and where it comes from. No network."""

from dataclasses import fields
from typing import cast

from cortical_cache.cli.output import as_json, table
from cortical_cache.model.dataset import AlternativeTable, Dataset
from cortical_cache.registry import heading, origin_of, resolve
from cortical_cache.settings import SETTINGS, Setting, Settings, origin, read_settings

__all__ = ["config"]

_Line = tuple[str, object, str]
"""Name, value, origin."""


def config(dataset: str | None = None, *, json: bool = False) -> None:
    """Show every setting, its value, and where it was set.

    What is given as an argument wins over the environment, and that over the
    configuration file.

    Parameters
    ----------
    dataset
        Show this one's, too: server, version, tables, exports, and so on.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache config
    cortical-cache config minnie_public --json
    """
    settings = read_settings()
    found = _of_process(settings) if dataset is None else _of(dataset, settings)
    if json:
        as_json([{"setting": n, "value": _plain(v), "from": w} for n, v, w in found])
        return
    lines = [(name, _text(value), where) for name, value, where in found]
    table([("setting", "value", "from"), *lines])


def _of_process(settings: Settings) -> list[_Line]:
    """Return what holds for every dataset."""
    return [
        _line(one, getattr(settings, one.name), origin(one, settings))
        for one in SETTINGS
    ]


def _of(name: str, settings: Settings) -> list[_Line]:
    """Return the same for one dataset, and what describes it."""
    home = resolve(name, settings)
    dataset = home.dataset
    own: dict[str, object] = {
        "version": home.pinned if settings.version is None else settings.version,
        "server_address": dataset.server_address,
    }
    file_has = heading(dataset, settings)
    return [
        *(
            _line(
                one,
                own.get(one.name, getattr(settings, one.name)),
                origin(one, settings, dataset=file_has),
            )
            for one in SETTINGS
        ),
        *(
            (
                one.name,
                getattr(dataset, one.name),
                origin_of(one.name, dataset, settings),
            )
            for one in fields(Dataset)
            if one.name not in {*own, "name"}
        ),
        ("folder", settings.cache_dir / home.folder, "of cache_dir"),
    ]


def _line(setting: Setting, value: object, where: str) -> _Line:
    return setting.name, setting.default if value is None else value, where


def _plain(value: object) -> object:
    """Return what JSON has: lists, and names of tables."""
    if isinstance(value, tuple):
        return [_plain(one) for one in cast("tuple[object, ...]", value)]
    return value.name if isinstance(value, AlternativeTable) else value


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case tuple():
            items = cast("tuple[object, ...]", value)
            return ", ".join(_text(one) for one in items) or "none"
        case AlternativeTable():
            return value.name
        case _:
            return str(value)
