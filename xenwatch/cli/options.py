"""The options every command has, and what follows from them: settings, log, source, rules."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final, NoReturn

from xenwatch import log
from xenwatch.assessment import Rules
from xenwatch.cli.source import open_source
from xenwatch.config import state_file
from xenwatch.config.key import Key
from xenwatch.config.keys import KEYS, LEARNT, LOG_FORMAT, LOG_LEVEL, ROOTFS, SOURCE
from xenwatch.config.settings import DEFAULT_FILE, ConfigError, Settings, load_settings
from xenwatch.planning import learnt_file
from xenwatch.planning.learning import Learning
from xenwatch.planning.learnt_file import FILE_LIMIT, LearntError
from xenwatch.sources.base import Source

COMMON: Final = (SOURCE, ROOTFS, LOG_LEVEL, LOG_FORMAT)
"""Keys whose options every command has."""


class Parser(argparse.ArgumentParser):
    """A parser whose exit status for bad usage need not be 2."""

    usage_status = 2

    def error(self, message: str) -> NoReturn:
        """Print the usage and what was wrong, and exit."""
        self.print_usage(sys.stderr)
        self.exit(self.usage_status, f"{self.prog}: error: {message}\n")


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options that stand before the command or after it."""
    parser.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help=f"configuration (default: {DEFAULT_FILE})",
    )
    for key in COMMON:
        add_key(parser, key)


def add_key(parser: argparse.ArgumentParser, key: Key[Any]) -> None:
    """The option of a key. It is absent from the result unless it is given."""
    more: dict[str, Any] = {"metavar": key.name.upper()}
    if isinstance(key.default, bool):
        more = {"action": "store_true"}
    elif isinstance(key.default, tuple):
        more["action"] = "append"
    elif isinstance(key.default, int):
        more["type"] = int
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
    """`configured` settings and the source they name. Raises `ConfigError`, `SourceError`."""
    settings = configured(options)
    return settings, open_source(settings[SOURCE], settings[ROOTFS])


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
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except (ValueError, LearntError) as error:
        raise ConfigError([f"{path}: {error}"]) from None
