"""`xenwatch check-config`: whether the configuration is valid, and can be used here."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from xenwatch.cli.check_paths import path_problems
from xenwatch.cli.configured import carried, check_rootfs, settings_of, source_of
from xenwatch.cli.exit_status import FINDING, OK, USAGE
from xenwatch.cli.options import COMMON, is_given, name_of
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.config.keys import LEARNT
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import WEB_CONFIG
from xenwatch.display.say import say
from xenwatch.passes.scheduler import one_pass
from xenwatch.probes import PROBES
from xenwatch.status.notices import NO_XEN, notices
from xenwatch.web_config.load import load

EXITS: Final = {
    OK: "valid, with warnings too",
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
        warnings = [*settings.warnings(), *load(settings[WEB_CONFIG]).warnings]
    except ConfigError as error:
        say(*error.problems)
        return FINDING
    flags = {key.path: key.flag for key in COMMON if is_given(options, key)}
    problems = list(path_problems(settings, flags)) or list(_content_problems(options, settings))
    if options.probe:
        from xenwatch.cli.check_receivers import receiver_problems  # noqa: PLC0415 - aiohttp

        problems += receiver_problems(settings)
    say(*warnings, *problems)
    return FINDING if problems else OK


def _content_problems(options: argparse.Namespace, settings: Settings) -> Iterator[str]:
    """What is wrong with the source that is set, or with the file of what was learnt."""
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
