"""Where the daemon listens, as a command that asks it reads the configuration: those keys alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from xenwatch.config import config_file, document, textfile_keys
from xenwatch.config.errors import ConfigError
from xenwatch.config.key import Key
from xenwatch.config.web_keys import LISTEN, WEB_CONFIG
from xenwatch.display.text import shown
from xenwatch.values import dataclass

KEYS: Final[tuple[Key[Any], ...]] = (LISTEN, WEB_CONFIG, textfile_keys.DIRECTORY)


@dataclass(frozen=True, slots=True)
class Listening:
    """The addresses, which may be none, and the web configuration file, "" without one."""

    addresses: tuple[str, ...]
    web_config: str


def addresses(values: Mapping[str, object]) -> tuple[str, ...]:
    """The addresses by values of keys; beside a textfile only those that are set."""
    by_default = LISTEN.path not in values
    if by_default and values.get(textfile_keys.DIRECTORY.path):
        return ()
    return cast(tuple[str, ...], values.get(LISTEN.path, LISTEN.default))


def listening(path: str | None) -> Listening:
    """What a configuration file says; `None` is the default one. Raises `ConfigError`.

    What is wrong with other keys does not matter: a daemon goes on with what it has.
    """
    problems: list[str] = []
    name, data = config_file.read(path, problems)
    text, found = document.decoded(data, name, problems)
    values: dict[str, object] = {}
    for key in KEYS:
        section = found.get(key.section)
        if isinstance(section, dict) and key.name in section:
            try:
                values[key.path] = key.convert(section[key.name])
            except ValueError as error:
                where = f"{name}:{document.line_of(text, key.path)}: {key.path}"
                problems.append(f"{where}: {shown(section[key.name])} {error}")
    if problems:
        raise ConfigError(problems)
    return Listening(addresses(values), str(values.get(WEB_CONFIG.path, WEB_CONFIG.default)))
