"""The options every command has, and what follows from them: settings, log, source, rules."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, Final

from xenwatch import log
from xenwatch.assessment import Rules
from xenwatch.cli.numbers import whole
from xenwatch.cli.parser import filled
from xenwatch.cli.source import open_source, rootfs_problem
from xenwatch.config import state_file
from xenwatch.config.key import Key
from xenwatch.config.keys import KEYS, LEARNT, LOG_FORMAT, LOG_LEVEL, ROOTFS, SOURCE
from xenwatch.config.settings import DEFAULT_FILE, ConfigError, Settings, load_settings
from xenwatch.display.why import where_and_why
from xenwatch.planning import learnt_file
from xenwatch.planning.learning import Learning
from xenwatch.planning.learnt_file import FILE_LIMIT, LearntError
from xenwatch.sources.base import Source, SourceError

LOGGING: Final = (LOG_LEVEL, LOG_FORMAT)
"""Keys whose options every command has that reads the configuration."""
COMMON: Final = (SOURCE, ROOTFS, *LOGGING)
"""Those of commands that read a host."""


CONFIG_FILE: Final = "--config.file"


def add_common(parser: argparse.ArgumentParser, keys: Iterable[Key[Any]] = COMMON) -> None:
    """The options that stand before the command or after it: the configuration, and some keys."""
    parser.add_argument(
        CONFIG_FILE,
        dest="config_file",
        metavar="FILE",
        type=filled,
        default=argparse.SUPPRESS,
        help=f"configuration (default: {DEFAULT_FILE})",
    )
    for key in keys:
        add_key(parser, key)
    parser.set_defaults(takes=frozenset((CONFIG_FILE, *(key.flag for key in keys))))


def refuse_ignored(options: argparse.Namespace) -> None:
    """Exit with the usage where an option before the command is none of the command's."""
    given = {key.flag: is_given(options, key) for key in COMMON}
    given[CONFIG_FILE] = "config_file" in vars(options)
    command = options.parser.prog.rpartition(" ")[2]
    for flag, there in given.items():
        if there and flag not in options.takes:
            options.parser.error(f"{flag} is not an option of {command}")


def add_key(parser: argparse.ArgumentParser, key: Key[Any]) -> None:
    """The option of a key. It is absent from the result unless it is given."""
    more: dict[str, Any] = {"metavar": key.name.upper()}
    if isinstance(key.default, bool):
        more = {"action": "store_true"}
    elif isinstance(key.default, tuple):
        more["action"] = "append"
    elif isinstance(key.default, int):
        more["type"] = whole
    text = key.description.replace("%", "%%")
    parser.add_argument(key.flag, dest=key.path, default=argparse.SUPPRESS, help=text, **more)


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings of the configuration file and of the options. Raises `ConfigError`."""
    paths = {key.path for key in KEYS}
    given = {name: value for name, value in vars(options).items() if name in paths}
    return load_settings(getattr(options, "config_file", None), given)


def configured(options: argparse.Namespace) -> Settings:
    """The settings, with logging configured by them. Raises `ConfigError`."""
    settings = settings_of(options)
    log.configure(settings[LOG_LEVEL], settings[LOG_FORMAT])
    return settings


def prepare(options: argparse.Namespace) -> tuple[Settings, Source]:
    """`configured` settings and the source they name. Raises `ConfigError`."""
    settings = configured(options)
    check_rootfs(options, settings)
    return settings, source_of(options, settings)


def check_rootfs(options: argparse.Namespace, settings: Settings) -> None:
    """Raise `ConfigError` for files of a host that is not read, or that are not there."""
    rootfs = settings[ROOTFS]
    directory, source = (is_given(options, key) for key in (ROOTFS, SOURCE))
    # A source on the command line is in place of both in the configuration.
    given = directory or (rootfs != ROOTFS.default and not source)
    names = (name_of(options, ROOTFS), name_of(options, SOURCE))
    if problem := rootfs_problem(settings[SOURCE], rootfs, names, given=given):
        raise ConfigError([problem])


def source_of(options: argparse.Namespace, settings: Settings) -> Source:
    """The source that the settings name. Raises `ConfigError`."""
    try:
        return open_source(settings[SOURCE], settings[ROOTFS])
    except SourceError as error:
        raise ConfigError([f"{name_of(options, SOURCE)}: {error}"]) from None


def is_given(options: argparse.Namespace, key: Key[Any]) -> bool:
    """Whether the command line has the option of a key."""
    return key.path in vars(options)


def name_of(options: argparse.Namespace, key: Key[Any]) -> str:
    """How a key was set: its option, else its path in the configuration."""
    return key.flag if is_given(options, key) else key.path


def rules(settings: Settings) -> Rules:
    """What a pass of a command is assessed by; it evaluates no alerts, which need many passes.

    Raises `ConfigError`.
    """
    return Rules(settings.thresholds(), settings.shapes(), carried=carried(settings[LEARNT]))


def carried(path: str) -> Learning | None:
    """What another host has learnt, of a file. Raises `ConfigError`."""
    if not path:
        return None
    try:
        return learnt_file.loads(state_file.read(path, FILE_LIMIT))
    except OSError as error:
        raise ConfigError([f"{LEARNT.path}: {where_and_why(error)}"]) from None
    except (ValueError, LearntError) as error:
        raise ConfigError([f"{LEARNT.path}: {path}: {error}"]) from None
