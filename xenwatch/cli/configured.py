"""What commands that read a host have of their options: settings, source, and rules to judge by."""

from __future__ import annotations

import argparse

from xenwatch import log
from xenwatch.assessment import Rules
from xenwatch.cli.options import is_given, name_of
from xenwatch.cli.source import open_source, rootfs_problem
from xenwatch.config import state_file
from xenwatch.config.common_keys import LOG_FORMAT, LOG_LEVEL, ROOTFS, SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.config.keys import KEYS, LEARNT
from xenwatch.config.settings import Settings, load_settings
from xenwatch.display.why import where_and_why
from xenwatch.planning import learnt_file
from xenwatch.planning.learning import Learning
from xenwatch.planning.learnt_file import FILE_LIMIT, LearntError
from xenwatch.sources.base import Source, SourceError


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


def rules(settings: Settings) -> Rules:
    """What a pass of a command is assessed by; it evaluates no alerts, which need many passes.

    Raises `ConfigError`.
    """
    return Rules(
        settings.thresholds(),
        settings.shapes(),
        carried=carried(settings[LEARNT]),
        reserve=settings.reserve(),
    )


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
