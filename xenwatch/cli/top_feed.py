"""Where `xenwatch top` gets what it shows: newest readings, or moments of the record."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Final

from xenwatch.cli import daemon_client
from xenwatch.cli.configured import configured
from xenwatch.cli.daemon_client import Answer
from xenwatch.cli.daemon_request import DEADLINE, AskError, place_of
from xenwatch.cli.options import is_given
from xenwatch.cli.passes import DIRECTORY, Replayed, moment, prepare_passes
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.config.settings import Settings
from xenwatch.display.text import printable
from xenwatch.display.why import where_and_why
from xenwatch.fence import Fence
from xenwatch.passes.one_pass import one_pass
from xenwatch.readings.origin import HOST, READER, RECORD
from xenwatch.record import times
from xenwatch.sources.base import SourceError
from xenwatch.status import activity
from xenwatch.status.activity import Activity
from xenwatch.terminal.looks import RATED, Look, follow
from xenwatch.terminal.state import Action, Do
from xenwatch.values import dataclass

STEPS: Final = 7
"""Earlier moments read for rates: those of a minute, the longest interval of a probe."""


LIVE: Final = (HOST, READER)
"""The sources that the service of this host records."""


class FeedError(Exception):
    """There is nothing new to show; the text says why, and what can be done."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What to show, how many seconds old it is, and whether it is a moment of the record."""

    look: Look
    age: float
    is_past: bool = False


class Feed:
    """Newest readings of what the options name, and the moments of its record.

    For one thread at a time. Raises `AskError` and `ConfigError`.
    """

    def __init__(self, options: argparse.Namespace, fence: Fence) -> None:
        self._options = options
        self._fence = fence
        self._settings: Settings | None = None
        self._live: Callable[[], Answer] = _nothing
        self._past: Replayed | None = None
        self._newest: Look | None = None
        self._no_record = ""
        if not is_given(options, SOURCE):
            place, deadline = place_of(options), options.timeout or DEADLINE
            self._live = lambda: daemon_client.ask(place, deadline, activity_too=True)
            if options.url is not None:
                self._no_record = "its record is on the host of that daemon: run top there"
            return
        self._settings, passes = prepare_passes(options, one_pass)
        if isinstance(passes, Replayed):
            self._past = passes
        else:
            self._live = daemon_client.assessed(self._settings, passes, fence=fence)
            if passes.source.origin.kind not in LIVE:
                self._no_record = "this source has no record; name one with --source record"

    @property
    def is_recorded(self) -> bool:
        """Whether all there is to show are moments of a record."""
        return self._live is _nothing

    def take(self, action: Action | None = None) -> Taken:
        """The newest readings, or the moment that an action leads to.

        Raises `FeedError` where there is none, and what is shown remains as it was.
        """
        try:
            if action is not None:
                self._move(action)
            if self._past is not None:
                return Taken(self._look_back(self._past), 0.0, is_past=True)
            answer = self._live()
        except (AskError, SourceError, ConfigError, OSError, ValueError) as error:
            raise FeedError(_why(error)) from error
        self._newest = follow(self._newest, answer.status, answer.activity)
        return Taken(self._newest, answer.age)

    def _move(self, action: Action) -> None:
        """Go to another moment. Raises `SourceError`, `ConfigError`, `ValueError`."""
        match action.do:
            case Do.NEWEST:
                self._past = self._past.at(math.inf) if self._past and self.is_recorded else None
            case Do.EARLIER:
                self._past = self._past.before() if self._past else self._record()
            case Do.LATER if self._past is not None:
                self._past = self._later(self._past)
            case Do.GO_TO:
                record = self._past or self._record()
                self._past = record.at(times.parse(action.text, time.time()))
            case _:
                pass

    def _later(self, past: Replayed) -> Replayed | None:
        """The next moment; after the last one there are the newest readings, if any."""
        try:
            return past.after()
        except SourceError:
            if self.is_recorded:
                raise
            return None

    def _record(self) -> Replayed:
        """The newest moment of the record of this host."""
        if self._no_record:
            raise ValueError(self._no_record)
        return moment(f"{RECORD}:{DIRECTORY}", time.time())

    def _look_back(self, past: Replayed) -> Look:
        """A moment, with the rates since those before it."""
        settings = self._settings or configured(self._options)
        self._settings = settings
        answer = daemon_client.assessed(settings, past, fence=self._fence)()
        found = answer.activity
        return Look(answer.status, found, {} if found is None else _bases(past, found))


def _nothing() -> Answer:
    """What is live of a record."""
    raise SourceError(RECORD, "has no current readings")


def _bases(past: Replayed, now: Activity) -> dict[str, Activity]:
    """By probe, the activity of a moment before its newest reading."""
    found: dict[str, Activity] = {}
    missing = {probe for probe in RATED if probe in now.instants}
    for _ in range(STEPS if missing else 0):
        try:
            past = past.before()
            then = activity.activity(past.then().snapshot)
        except SourceError:
            break
        for probe in missing - found.keys():
            if then.instants.get(probe, now.instants[probe]) < now.instants[probe]:
                found[probe] = then
        if missing <= found.keys():
            break
    return found


def _why(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return "; ".join(error.problems)
    if isinstance(error, SourceError) and error.subject.startswith("/"):
        return f"{error.reason} ({error.subject})"  # the reason must be seen where there is no room
    if isinstance(error, SourceError | OSError):
        return where_and_why(error)
    return printable(str(error))
