"""`xenwatch capture`: one pass, with every answer of the source saved."""

from __future__ import annotations

import argparse
import asyncio
import functools
import os
import secrets
from collections.abc import Iterator, Sequence
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
from xenwatch.config.settings import Settings
from xenwatch.display.say import say
from xenwatch.display.text import counted
from xenwatch.events.follow import listening
from xenwatch.readings.origin import Origin
from xenwatch.readings.snapshot import Snapshot
from xenwatch.redaction.capture import Redacted, redact
from xenwatch.sources.base import Source, SourceError
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.saved import Saved
from xenwatch.status.notices import notices

EXITS: Final = {
    OK: "captured",
    USAGE: "bad usage, configuration rejected, or DIR cannot be used",
    UNKNOWN: "no probe succeeded, or a file could not be written",
}
CLOSE_DEADLINE: Final = 10.0
"""Seconds in which a recording must be completed."""
REDACT_DEADLINE: Final = 600.0
"""The same where it is redacted: a scan of 131,072 event channels takes a minute."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("directory", metavar="DIR", type=filled, help="new or empty directory")
    parser.add_argument(
        "--redact",
        action="store_true",
        help="replace names, UUIDs and addresses, so that the capture can be shown to others; with "
        "--source tree:DIR it has the same numbers",
    )


def run(options: argparse.Namespace) -> int:
    """Exit status `UNKNOWN` where no probe succeeded."""
    settings, source = prepare(options)
    directory = Path(options.directory)
    # Nobody keeps the key, so originals cannot be found by trial.
    key = secrets.token_bytes(32) if options.redact else None
    snapshot, redacted = capture(settings, source, directory, key)
    say(*failures(snapshot.outcomes).splitlines())
    say(*notices(snapshot))
    if redacted is not None:
        say(*summary(redacted))
    files = sum(path.is_file() for path in directory.rglob("*"))
    say(f"{files} files saved in {directory}; read them with {SOURCE.flag} tree:{directory}")
    return OK if any_ok(snapshot.outcomes) else UNKNOWN


def capture(
    settings: Settings, source: Source, directory: Path, key: bytes | None
) -> tuple[Snapshot, Redacted | None]:
    """Capture a pass of the source in a directory, redacted with a key if there is one.

    Raises `ConfigError` for a directory that cannot be used, and `SourceError`.
    """
    done: list[Redacted] = []

    def rewrite(saved: Sequence[Saved]) -> Sequence[Saved]:
        made, found = redact(saved, key or b"", own_names(source.origin))
        done.append(found)
        return made

    try:
        recording = RecordingSource(source, directory, rewrite=rewrite if key else None)
    except SourceError as error:
        raise ConfigError([f"DIR: {error}"]) from None
    work = functools.partial(watched_pass, recording, settings.probes())
    snapshot = asyncio.run(listening(recording, work)).snapshot
    threads.bounded(recording.close, REDACT_DEADLINE if key else CLOSE_DEADLINE, "close")
    return snapshot, done[0] if done else None


def own_names(origin: Origin) -> list[str]:
    """The names of this host, if it is the one that is read."""
    return [os.uname().nodename] * is_live(origin)


def is_live(origin: Origin) -> bool:
    """Whether it is this host that is read."""
    return origin.captured is None and not origin.invented


def summary(redacted: Redacted) -> Iterator[str]:
    """What was replaced and left out, and what is left to people."""
    for what, found in (("replaced", redacted.replaced), ("left out", redacted.removed)):
        numbers = ", ".join(counted(number, kind) for kind, number in sorted(found.items()))
        yield f"{what}: {numbers or 'nothing'}"
    yield (
        "look the files over before you post them: the kernel log and Xen's console are free text, "
        "and no program knows every name"
    )
