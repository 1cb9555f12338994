"""`xenwatch capture`: one pass, with every answer of the source saved."""

from __future__ import annotations

import argparse
import asyncio
import functools
from pathlib import Path
from typing import Final

from xenwatch import threads
from xenwatch.cli.configured import prepare
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.option_values import filled
from xenwatch.cli.outcomes import any_ok, failures
from xenwatch.cli.watched import watched_pass
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.display.say import say
from xenwatch.events.follow import listening
from xenwatch.sources.base import SourceError
from xenwatch.sources.recording import RecordingSource
from xenwatch.status.notices import notices

EXITS: Final = {
    OK: "captured",
    USAGE: "bad usage, configuration rejected, or DIR cannot be used",
    UNKNOWN: "no probe succeeded, or a file could not be written",
}
CLOSE_DEADLINE: Final = 10.0
"""Seconds in which a recording must be completed."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("directory", metavar="DIR", type=filled, help="new or empty directory")


def run(options: argparse.Namespace) -> int:
    """Exit status `UNKNOWN` where no probe succeeded."""
    settings, source = prepare(options)
    directory = Path(options.directory)
    try:
        recording = RecordingSource(source, directory)
    except SourceError as error:
        raise ConfigError([f"DIR: {error}"]) from None
    work = functools.partial(watched_pass, recording, settings.probes())
    snapshot = asyncio.run(listening(recording, work)).snapshot
    threads.bounded(recording.close, CLOSE_DEADLINE, "close")
    say(*failures(snapshot.outcomes).splitlines())
    say(*notices(snapshot))
    files = sum(path.is_file() for path in directory.rglob("*"))
    say(f"{files} files saved in {directory}; read them with {SOURCE.flag} tree:{directory}")
    return OK if any_ok(snapshot.outcomes) else UNKNOWN
