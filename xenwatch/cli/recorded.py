"""The record that a command is about, and times in it."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Iterator
from typing import Final

from xenwatch.cli.passes import record_in
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.display.say import say
from xenwatch.display.text import counted
from xenwatch.readings.origin import RECORD
from xenwatch.record import times
from xenwatch.record.codec import CodecError
from xenwatch.record.frames import Moment
from xenwatch.record.header import Header
from xenwatch.record.past import Decoder, Past
from xenwatch.record.record import Record
from xenwatch.report.timeline import at
from xenwatch.sources.base import SourceError

MOST_NAMED: Final = 5
"""Damaged files that are named."""


def record_of(options: argparse.Namespace, begin: str) -> Record:
    """The record that `--source` names, by default that of the service. Raises `ConfigError`.

    `begin` is the option that has a time.
    """
    spec = getattr(options, SOURCE.path, RECORD)
    kind, _, path = spec.partition(":")
    if kind != RECORD or "@" in kind or (path and path.rpartition("@")[1]):
        needs = f"must be record[:PATH]; a time is given with --{begin}"
        if kind == "tree":
            needs = f"is a capture, which is one moment: xenwatch once {SOURCE.flag} {spec}"
        raise ConfigError([f"{SOURCE.flag}: {spec!r} {needs}"])
    try:
        return record_in(path)
    except SourceError as error:
        raise ConfigError([f"{SOURCE.flag}: {error}"]) from None


def time_of(options: argparse.Namespace, name: str, default: float) -> float:
    """The time given by an option, as Unix time. Raises `ConfigError`."""
    text = getattr(options, name)
    if text is None:
        return default
    try:
        return times.parse(text, time.time())
    except ValueError as error:
        raise ConfigError([f"--{name}: {error}"]) from None


def span_of(options: argparse.Namespace, begin: str, end: str) -> tuple[float, float]:
    """The period from one option to another; without them, all of time. Raises `ConfigError`."""
    first, last = time_of(options, begin, -math.inf), time_of(options, end, math.inf)
    if first > last:
        raise ConfigError([f"--{begin}: {at(first)} is later than --{end}: {at(last)}"])
    return first, last


def nothing_in(record: Record, begin: float, end: float) -> str:
    """What to say where a record has no moment of a period. Raises `SourceError`."""
    period = f" from {at(begin)}" if begin > -math.inf else ""
    period += f" until {at(end)}" if end < math.inf else " on" if period else ""
    every = record.kept()
    if not every:
        return f"{record.path}: its files are empty or damaged"
    has = f"it has moments from {at(every[0].time)} to {at(every[-1].time)}"
    return f"{record.path}: nothing was recorded{period}; {has}"


def say_damaged(record: Record) -> None:
    """Name the files of a record that were met of which moments cannot be read."""
    every = [f"{path}: {what}" for path, what in sorted(record.damaged.items())]
    more = len(every) - MOST_NAMED
    say(*every[:MOST_NAMED], *([f"and {counted(more, 'more damaged file')}"] if more > 0 else []))
    if every:
        say("moments of damaged files are left out; dmesg says if the disk has errors")


def known(record: Record, moments: Iterable[tuple[Header, Moment]]) -> Iterator[Past]:
    """What was known at moments of a record. Raises `SourceError`."""
    decoder = Decoder(record.path)
    for header, moment in moments:
        try:
            yield decoder.past(header, moment)
        except CodecError as error:
            raise SourceError(record.path, str(error)) from error
