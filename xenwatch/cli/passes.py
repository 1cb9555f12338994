"""What a command takes its passes from: a source that is read now, or a record of the past."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.assessment import Assessment
from xenwatch.cli.configured import check_rootfs, configured, source_of
from xenwatch.cli.options import name_of
from xenwatch.cli.source import is_record
from xenwatch.cli.watched import watched_pass
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.config.settings import Settings
from xenwatch.probes.base import Pass, Probe
from xenwatch.readings.origin import RECORD
from xenwatch.readings.snapshot import Snapshot
from xenwatch.record import times
from xenwatch.record.codec import CodecError
from xenwatch.record.past import Past, judged, past
from xenwatch.record.record import Kept, Record
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

DIRECTORY: Final = "/var/lib/xenwatch/record"
"""Where the service keeps its record (StateDirectory=, systemd.exec(5))."""

Make = Callable[[Source, Iterable[Probe], Pass | None], Pass]
"""How a pass of a source is made."""


@dataclass(frozen=True, slots=True)
class Live:
    """A source, which is asked in each pass."""

    source: Source
    make: Make = watched_pass

    def take(self, probes: Iterable[Probe], before: Pass | None = None) -> Pass:
        """A pass of `probes`."""
        return self.make(self.source, probes, before)

    def judged(self, assessment: Assessment) -> Assessment:
        """The assessment itself: one pass has neither alerts nor a forecast."""
        return assessment


class Replayed:
    """A moment of a record: every pass has what was read then."""

    source: None = None

    def __init__(self, record: Record, kept: Kept) -> None:
        self._record = record
        self._kept = kept
        self._then: Past | None = None

    def then(self) -> Past:
        """What was known at the moment. Raises `SourceError`."""
        if self._then is None:
            self._then = self._past(self._kept)
        return self._then

    def take(self, probes: Iterable[Probe], before: Pass | None = None) -> Pass:
        """The pass as it was. Raises `SourceError`."""
        return Pass(self.then().snapshot)

    def earlier(self, seconds: float) -> Snapshot | None:
        """What was read at least so many seconds before, `None` where the record begins later."""
        try:
            kept = self._record.at(self._kept.time - seconds)
        except SourceError:
            return None
        return self._past(kept).snapshot

    def before(self) -> Replayed:
        """The moment before this one. Raises `SourceError` where there is none."""
        return Replayed(self._record, self._record.at(math.nextafter(self._kept.time, -math.inf)))

    def after(self) -> Replayed:
        """The moment after this one. Raises `SourceError` where there is none."""
        return Replayed(self._record, self._record.after(self._kept.time))

    def at(self, time: float) -> Replayed:
        """The newest moment at or before a Unix time. Raises `SourceError` where there is none."""
        return Replayed(self._record, self._record.at(time))

    def _past(self, kept: Kept) -> Past:
        header, moment = self._record.load(kept)
        try:
            return past(header, moment, self._record.path)
        except CodecError as error:
            raise SourceError(str(kept.path), str(error)) from error

    def judged(self, assessment: Assessment) -> Assessment:
        """The assessment with the alerts and the forecast that there were."""
        return judged(assessment, self.then())


def prepare_passes(
    options: argparse.Namespace, make: Make = watched_pass
) -> tuple[Settings, Live | Replayed]:
    """`configured` settings and what they name to take passes from. Raises `ConfigError`."""
    settings = configured(options)
    check_rootfs(options, settings)
    if not is_record(settings[SOURCE]):
        return settings, Live(source_of(options, settings), make)
    try:
        return settings, moment(settings[SOURCE], time.time())
    except (SourceError, ValueError) as error:
        raise ConfigError([f"{name_of(options, SOURCE)}: {error}"]) from None


def moment(spec: str, now: float) -> Replayed:
    """The moment that `record[:PATH][@TIME]` names, the newest without a time.

    Raises `SourceError`, `ValueError`.
    """
    place, at, text = spec.removeprefix(RECORD).rpartition("@")
    path = (place if at else text).removeprefix(":")
    record = record_in(path)
    return Replayed(record, record.at(times.parse(text, now) if at else math.inf))


def record_in(path: str) -> Record:
    """The record in the directory of a spec, by default that of the service.

    A `~` at the beginning is expanded: a shell expands none after a colon. Raises `SourceError`.
    """
    return Record(os.path.expanduser(path) or DIRECTORY)
