"""`xenwatch check-config`: whether the configuration is valid, and can be used by the service."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.cli.check_paths import path_problems
from xenwatch.cli.check_secrets import exposed
from xenwatch.cli.check_trust import trust_problems
from xenwatch.cli.configured import carried, check_rootfs, settings_of, source_of
from xenwatch.cli.exit_status import FINDING, OK, USAGE
from xenwatch.cli.options import COMMON, is_given, name_of
from xenwatch.cli.service_user import as_service_user
from xenwatch.config import config_file, secret_file
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.config.keys import LEARNT
from xenwatch.config.metric_keys import EXCLUDE
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import WEB_CONFIG
from xenwatch.display.say import say
from xenwatch.generate.rules import names_in
from xenwatch.passes.one_pass import one_pass
from xenwatch.probes import PROBES
from xenwatch.status.notices import NO_XEN, notices
from xenwatch.web_config.load import load

EXITS: Final = {
    OK: "valid (there may be warnings)",
    FINDING: "rejected, or what it names cannot be used",
    USAGE: "bad usage",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--probe",
        action="store_true",
        help="also connect to the receivers of alerts; sends no alert and runs no command",
    )


def run(options: argparse.Namespace) -> int:
    """Exit status `FINDING` with a line for every problem."""
    try:
        settings = settings_of(options)
        web = load(settings[WEB_CONFIG])
    except ConfigError as error:
        say(*error.problems)
        return FINDING
    named = getattr(options, "config_file", "")
    name, exists = config_file.in_use(named)
    warnings = [*settings.warnings(), *web.warnings, *_blind_rules(settings)]
    warnings += exposed(settings, name if exists else "", web)
    # A named file may be a draft of root's own.
    problems = _file_problems(options, settings, "" if named or not exists else name)
    problems = problems or list(_content_problems(options, settings))
    if options.probe:
        from xenwatch.cli.check_receivers import receiver_problems  # noqa: PLC0415 - aiohttp

        problems += receiver_problems(settings)
    say(*warnings, *problems)
    if problems:
        return FINDING
    say(f"{name} is valid" if exists else f"no {name}; the defaults are valid")
    return OK


def _blind_rules(settings: Settings) -> Iterator[str]:
    """A line for each metric that is not exported and that rules of Prometheus need."""
    excluded, needed = settings.excluded_metrics(), dict[str, list[str]]()
    rules: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
    for alert in rules:
        for name in excluded & names_in(alert):
            needed.setdefault(name, []).append(alert.title)
    for name, titles in sorted(needed.items()):
        yield (
            f"{EXCLUDE.path}: Prometheus's rules need {name} for {', '.join(titles)}, which will "
            "not fire there; change the patterns if you use those rules"
        )


def _file_problems(options: argparse.Namespace, settings: Settings, used: str) -> list[str]:
    """What is wrong with the files that are named, for the user as whom the service runs.

    `used` is the configuration file that the service reads, "" without one.
    """
    flags = {key.path: key.flag for key in COMMON if is_given(options, key)}

    def look(user: str) -> list[str]:
        found = [*path_problems(settings, flags), *secret_file.problems(settings)]
        if user and used:
            found += _denied(Path(used), user)
        try:
            load(settings[WEB_CONFIG] if user else "")
        except ConfigError as error:
            found += (f"{problem} (as user {user})" for problem in error.problems)
        return found

    return as_service_user(look)


def _denied(file: Path, user: str) -> Iterator[str]:
    """A line with the remedy if the user cannot read a file, or enter a directory above it."""
    for directory in reversed(file.parents):
        if not os.access(directory, os.X_OK):
            yield f"{directory}: permission denied for user {user}; run: chmod o+x {directory}"
            return
    if not os.access(file, os.R_OK):
        remedy = f"chgrp {user} {file} && chmod g+r {file}"
        yield f"{file}: permission denied for user {user}; run: {remedy}"


def _content_problems(options: argparse.Namespace, settings: Settings) -> Iterator[str]:
    """What is wrong with the content of files that are named, or with the source that is set."""
    yield from trust_problems(settings)
    try:
        carried(settings[LEARNT])
        if SOURCE.path not in settings.values:
            return
        check_rootfs(options, settings)
        source = source_of(options, settings)
    except ConfigError as error:
        yield from error.problems
        return
    if NO_XEN in notices(one_pass(source, PROBES[:1]).snapshot):
        yield f"{name_of(options, SOURCE)}: {NO_XEN}"
