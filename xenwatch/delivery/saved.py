"""Reads what was saved: each field is checked, and named where it is wrong."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from xenwatch.alerts.maintenance import LATEST
from xenwatch.alerts.messages import Message
from xenwatch.alerts.names import CRITICAL, INFO, WARNING
from xenwatch.alerts.states import State
from xenwatch.display.text import shown
from xenwatch.readings.moment import Moment
from xenwatch.values import dataclass

MOST: Final = float(1 << 64)
"""Of numbers."""
_STATES: Final = tuple(state.value for state in (State.FIRING, State.OK, State.UNKNOWN))
_TEXTS: Final = ("summary", "description", "runbook_url")
"""Annotations that every alert has."""


class SavedError(ValueError):
    """What xenwatch did not write; the text says which field and why."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of JSON, and its place in the document: `active[3].since`.

    Every method raises `SavedError` where the value is of another kind.
    """

    value: Any
    place: str = ""

    def error(self, expected: str) -> SavedError:
        """That it is not what was expected."""
        return SavedError(f"{self.place or 'file'}: expected {expected}, found {shown(self.value)}")

    def items(self) -> dict[str, Value]:
        """The fields of an object."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        prefix = f"{self.place}." if self.place else ""
        return {name: Value(value, f"{prefix}{name}") for name, value in self.value.items()}

    def get(self, name: str) -> Value | None:
        """A field of an object; `None` where it is missing or null."""
        found = self.items().get(name)
        return None if found is None or found.value is None else found

    def __getitem__(self, name: str) -> Value:
        """A field that must be there."""
        found = self.items().get(name)
        if found is None:
            raise self.error(f"a field {name}")
        return found

    def each(self) -> list[Value]:
        """The items of a list."""
        if not isinstance(self.value, list):
            raise self.error("a list")
        return [Value(value, f"{self.place}[{at}]") for at, value in enumerate(self.value)]

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise self.error("a text")
        return self.value

    def one_of(self, known: Collection[str]) -> str:
        """One of these texts."""
        if self.text() not in known:
            raise self.error(f"one of: {', '.join(known)}")
        return self.text()

    def texts(self) -> dict[str, str]:
        """Texts by name."""
        return {name: value.text() for name, value in self.items().items()}

    def number(self) -> float:
        """A finite number that is not absurd."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error("a number")
        if not -MOST <= value <= MOST:  # nan neither
            raise self.error("a finite number")
        return float(value)

    def whole(self) -> int:
        """A whole number."""
        if not self.number().is_integer():
            raise self.error("a whole number")
        return int(self.value)

    def time(self) -> float:
        """A Unix time that can be written as a date."""
        if not 0 <= self.number() < LATEST:
            raise self.error("a Unix time")
        return self.number()

    def date(self) -> float:
        """The Unix time of a text such as 2026-01-31T14:00:00.000+00:00."""
        try:
            found = datetime.fromisoformat(self.text())
            time = found.timestamp() if found.tzinfo else math.nan
        except (ValueError, OverflowError):
            time = math.nan
        if not 0 <= time < LATEST:
            raise self.error("a date and time with its zone")
        return time


def event(value: Value, then: Moment) -> Message:
    """The message of an event that was not delivered, saved at the moment `then`."""
    ends = value.get("endsAt")
    return _message(value, then, value["startsAt"].date(), None if ends is None else ends.date())


def message(value: Value, then: Moment) -> Message:
    """A message that was saved at the moment `then`."""
    ends = value.get("ends")
    return _message(value, then, value["starts"].time(), None if ends is None else ends.time())


def _message(value: Value, then: Moment, starts: float, ends: float | None) -> Message:
    labels, annotations = value["labels"], value["annotations"]
    labels["alertname"].text()
    labels["severity"].one_of((CRITICAL, WARNING, INFO))
    for name in _TEXTS:
        annotations[name].text()
    return Message(
        labels.texts(),
        annotations.texts(),
        then.instant_of(starts),
        None if ends is None else then.instant_of(ends),
        value["state"].one_of(_STATES),
    )
