"""What the user has set: arguments over environment over configuration file.

Read once, when a client is made or a command starts, into a frozen value. Nothing
here touches the network.

`SETTINGS` lists them all, and ``cortical-cache config`` shows them.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cortical_cache.errors import ConfigurationError
from cortical_cache.model.json import as_list, as_object
from cortical_cache.model.quantities import parse_size

__all__ = [
    "SETTINGS",
    "Setting",
    "Settings",
    "config_path",
    "origin",
    "read_settings",
    "write_pin",
]

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

_LONGEST = 86_400
"""Seconds: sockets take no time-out without end."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where one setting may be set, the first that is counts.

    Attributes
    ----------
    name : str
        Field of `Settings`.
    variable : str
        Of the environment; empty is as good as unset.
    key : str
        In the configuration file; empty if it cannot be set there.
    default : str
        What holds otherwise, in words.
    by_dataset : bool
        The key lies under ``[datasets.NAME]``.
    """

    name: str
    variable: str
    key: str
    default: str
    by_dataset: bool = False


SETTINGS = (
    Setting("cache_dir", "CORTICAL_CACHE_DIR", "cache_dir", "the user's data folder"),
    Setting("offline", "CORTICAL_CACHE_OFFLINE", "offline", "no"),
    Setting("max_size", "CORTICAL_CACHE_MAX_SIZE", "max_size", "no limit"),
    Setting("timeout", "CORTICAL_CACHE_TIMEOUT", "timeout", "300 seconds"),
    Setting("group_readable", "CORTICAL_CACHE_GROUP_READABLE", "group_readable", "no"),
    Setting("layers", "CORTICAL_CACHE_TEAM_DIR", "layers", "none"),
    Setting(
        "version",
        "CORTICAL_CACHE_VERSION",
        "version",
        "offline the newest held, else the server's newest",
        by_dataset=True,
    ),
    Setting(
        "server_address",
        "CORTICAL_CACHE_SERVER",
        "server_address",
        "the dataset's own",
        by_dataset=True,
    ),
    Setting(
        "config_file",
        "CORTICAL_CACHE_CONFIG",
        "",
        "config.toml in the user's configuration folder",
    ),
)
"""Every setting that does not describe a dataset. Whoever adds one adds its line."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The user's settings, resolved.

    Attributes
    ----------
    cache_dir : Path
        Root of the store; need not exist yet.
    offline : bool
        No socket may be opened.
    version : int or None
        Materialization version set in the environment.
    server_address : str or None
        CAVE server set in the environment, for every dataset.
    datasets : mapping of str to mapping
        The ``[datasets.NAME]`` tables of the configuration file, unchecked.
    config_file : Path
        Where the configuration file is, or would be.
    max_size : int or None
        Bytes that the store should not exceed; None: no limit. Whoever writes is
        warned; nothing is removed unasked.
    layers : tuple of Path
        Roots of stores that are read, too, and never written; the first before the
        others.
    keys : frozenset of str
        What it sets besides.
    timeout : float
        Seconds that the server may be silent.
    group_readable : bool
        The user's group may read what is written to the store.
    """

    cache_dir: Path
    offline: bool
    version: int | None
    server_address: str | None
    config_file: Path
    datasets: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict[str, Mapping[str, object]]
    )
    max_size: int | None = None
    layers: tuple[Path, ...] = ()
    keys: frozenset[str] = frozenset()
    timeout: float = 300.0
    group_readable: bool = False


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the configuration file, which need not exist."""
    if named := environment.get("CORTICAL_CACHE_CONFIG"):
        return Path(named).expanduser()
    from platformdirs import user_config_path

    return user_config_path("cortical-cache") / "config.toml"


def read_settings(
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    offline: bool | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Resolve the settings of this process.

    Parameters
    ----------
    cache_dir, offline
        Arguments of the user; they win over environment and file when given.
    environment : mapping of str
        Usually ``os.environ``.

    Returns
    -------
    Settings

    Raises
    ------
    ConfigurationError
        If a setting has no meaning; the message names it and where it was set.
    """
    path = config_path(environment)
    config = _read_toml(path)
    if offline is None:
        offline = _flag("CORTICAL_CACHE_OFFLINE", environment)
    if offline is None:
        offline = _typed(config, "offline", bool, path) or False
    group = _flag("CORTICAL_CACHE_GROUP_READABLE", environment)
    if group is None:
        group = _typed(config, "group_readable", bool, path) or False
    chosen = cache_dir or environment.get("CORTICAL_CACHE_DIR")
    chosen = chosen or _typed(config, "cache_dir", str, path)
    version = environment.get("CORTICAL_CACHE_VERSION") or None
    if version is not None and not version.isdecimal():
        raise ConfigurationError(
            f"CORTICAL_CACHE_VERSION={version!r} is not a materialization version; "
            "give a whole number such as 1300"
        )
    return Settings(
        cache_dir=Path(chosen).expanduser().absolute() if chosen else _data_path(),
        offline=offline,
        version=int(version) if version else None,
        server_address=environment.get("CORTICAL_CACHE_SERVER") or None,
        config_file=path,
        datasets=_tables(config, path),
        max_size=_max_size(config, path, environment),
        layers=_layers(config, path, environment),
        keys=frozenset(config) - {"datasets"},
        timeout=_seconds("CORTICAL_CACHE_TIMEOUT", environment, config, path),
        group_readable=group,
    )


def origin(
    setting: Setting,
    settings: Settings,
    *,
    dataset: str = "",
    environment: Mapping[str, str] = os.environ,
) -> str:
    """Tell where a setting comes from: a variable, the file, or nowhere.

    Parameters
    ----------
    setting : Setting
    settings : Settings
        As read.
    dataset : str
        Heading under ``[datasets.NAME]`` to look at.
    environment : mapping of str

    Returns
    -------
    str
        ``environment (NAME)``, ``file (PATH)`` or ``default``.
    """
    if environment.get(setting.variable):
        return f"environment ({setting.variable})"
    if setting.by_dataset:
        is_in_file = setting.key in settings.datasets.get(dataset, {})
    else:
        is_in_file = bool(setting.key) and setting.key in settings.keys
    return f"file ({settings.config_file})" if is_in_file else "default"


def write_pin(path: Path, dataset: str, version: int) -> None:
    """Pin the version of a dataset in the configuration file, keeping the rest of it.

    Parameters
    ----------
    path : Path
        The configuration file; made when absent.
    dataset : str
        Name of the dataset.
    version : int
        The materialization version to use where none is asked for.
    """
    import tomlkit

    _read_toml(path)  # a file we cannot read must not be overwritten
    document = tomlkit.parse(path.read_text("utf-8") if path.exists() else "")
    datasets = document.setdefault("datasets", tomlkit.table(is_super_table=True))
    datasets.setdefault(dataset, tomlkit.table())["version"] = version
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(tomlkit.dumps(document), "utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _data_path() -> Path:
    from platformdirs import user_data_path

    return user_data_path("cortical-cache")


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"the configuration file {path} cannot be read: {error}"
        raise ConfigurationError(message) from error


def _layers(
    config: Mapping[str, object], path: Path, environment: Mapping[str, str]
) -> tuple[Path, ...]:
    """Read the stores below the user's own."""
    if named := environment.get("CORTICAL_CACHE_TEAM_DIR"):
        folders = [one for one in named.split(os.pathsep) if one]
    else:
        try:
            folders = [str(one) for one in as_list(config.get("layers", []))]
        except TypeError as error:
            message = f"layers in {path} must be a list of folders"
            raise ConfigurationError(message) from error
    return tuple(Path(one).expanduser().absolute() for one in folders)


def _max_size(
    config: Mapping[str, object], path: Path, environment: Mapping[str, str]
) -> int | None:
    """Read a size, as a number of bytes or as people write it."""
    if text := environment.get("CORTICAL_CACHE_MAX_SIZE"):
        return parse_size(text, "CORTICAL_CACHE_MAX_SIZE")
    value = config.get("max_size")
    if isinstance(value, int) and not isinstance(value, bool):
        return parse_size(str(value), f"max_size in {path}")
    text = _typed(config, "max_size", str, path)
    return None if text is None else parse_size(text, f"max_size in {path}")


def _flag(name: str, environment: Mapping[str, str]) -> bool | None:
    text = environment.get(name)
    if not text:
        return None
    if text.strip().lower() in _TRUE:
        return True
    if text.strip().lower() in _FALSE:
        return False
    raise ConfigurationError(f"{name}={text!r} is neither 1 nor 0")


def _seconds(
    name: str, environment: Mapping[str, str], config: Mapping[str, object], path: Path
) -> float:
    given = environment.get(name) or config.get("timeout", 300.0)
    try:
        seconds = float(str(given))
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= _LONGEST:
        return seconds
    where = name if environment.get(name) else f"timeout in {path}"
    raise ConfigurationError(
        f"{where} is {given!r}; it must be seconds over 0, at most {_LONGEST:,}"
    )


def _typed(
    config: Mapping[str, object], key: str, kind: type[_T], path: Path
) -> _T | None:
    value = config.get(key)
    if value is None or isinstance(value, kind):
        return value
    raise ConfigurationError(
        f"{key} in {path} is {value!r}; it must be a {kind.__name__}"
    )


def _tables(
    config: Mapping[str, object], path: Path
) -> dict[str, Mapping[str, object]]:
    tables: dict[str, Mapping[str, object]] = {}
    try:
        for name, table in as_object(config.get("datasets", {})).items():
            tables[name] = as_object(table)
    except TypeError as error:
        message = f"datasets in {path} must be tables such as [datasets.mine]"
        raise ConfigurationError(message) from error
    return tables
