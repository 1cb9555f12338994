"""The options that commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, Final

from xenwatch.cli.option_values import filled, whole
from xenwatch.config.common_keys import HOST, LOGGING, SOURCE
from xenwatch.config.document import DEFAULT_FILE
from xenwatch.config.key import Key

COMMON: Final = (*HOST, *LOGGING)
"""Keys whose options every command has that reads a host."""


CONFIG_FILE: Final = "--config.file"


def add_common(
    parser: argparse.ArgumentParser,
    keys: Iterable[Key[Any]] = COMMON,
    *,
    source: str = "",
    source_help: str = "",
) -> None:
    """The options that stand before the command or after it: the configuration, and some keys.

    `source` is what a command does without the option of the source, if not as the others, and
    `source_help` the whole help where it takes one kind of source alone.
    """
    parser.add_argument(
        CONFIG_FILE,
        dest="config_file",
        metavar="FILE",
        type=filled,
        default=argparse.SUPPRESS,
        help=f"configuration (default: {DEFAULT_FILE})",
    )
    for key in keys:
        if key is SOURCE:
            add_key(parser, key, source, source_help)
        else:
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


def add_key(
    parser: argparse.ArgumentParser, key: Key[Any], default: str = "", whole_help: str = ""
) -> None:
    """The option of a key. It is absent from the result unless it is given.

    The help ends with its default, if it has one, or with `default`, or it is `whole_help`.
    """
    more: dict[str, Any] = {"metavar": key.name.upper()}
    if isinstance(key.default, bool):
        more = {"action": "store_true"}
    elif isinstance(key.default, tuple):
        more["action"] = "append"
    elif isinstance(key.default, int):
        more["type"] = whole
    default = default or _default(key.default)
    text = whole_help or key.description + (f" Default: {default}." if default else "")
    text = text.replace("%", "%%")
    parser.add_argument(key.flag, dest=key.path, default=argparse.SUPPRESS, help=text, **more)


def _default(value: object) -> str:
    """A default for people; empty where there is none, and of what is off by default."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value) if value else ""


def is_given(options: argparse.Namespace, key: Key[Any]) -> bool:
    """Whether the command line has the option of a key."""
    return key.path in vars(options)


def name_of(options: argparse.Namespace, key: Key[Any]) -> str:
    """How a key was set: its option, else its path in the configuration."""
    return key.flag if is_given(options, key) else key.path
