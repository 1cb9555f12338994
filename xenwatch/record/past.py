"""A moment of the record as a snapshot with what was said of it, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, get_type_hints

from xenwatch import __version__
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Active, Alerts, State
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import Assessment
from xenwatch.readings.origin import RECORD, Origin, is_date
from xenwatch.readings.snapshot import READINGS, Outcome, Snapshot, Status
from xenwatch.record import codec
from xenwatch.record.codec import MALFORMED, CodecError
from xenwatch.record.frames import Moment
from xenwatch.record.header import Header
from xenwatch.values import dataclass

T = TypeVar("T")

_KINDS: Final = {name: get_type_hints(Snapshot)[name] for name in READINGS}
"""What each reading is."""
OUTCOMES: Final = "outcomes"
"""The name of the value that has the outcomes of the probes."""
_ALERTS: Final = "alerts"
_TO_FULL: Final = "seconds_to_full"
_BETWEEN: Final = "full_between"
_MAINTENANCE: Final = "maintenance"
_OUTCOMES_KIND: Final = Mapping[str, tuple[str, str, float, float, float, bool]]
_Labels = tuple[tuple[str, str], ...]
_Row = tuple[str, str, _Labels, float, float, float | None, float | None, str]
_KIND: Final = {
    _ALERTS: tuple[list[_Row], list[tuple[str, str, str]]] | None,
    _TO_FULL: Mapping[str, float],
    _BETWEEN: Mapping[str, tuple[float, float]],
    _MAINTENANCE: tuple[float, str] | None,
}
"""What is recorded beside the readings."""
_BY_NAME: Final = {alert.name: alert for alert in ALERTS}


@dataclass(frozen=True, slots=True)
class Past:
    """What was known at a moment.

    `alerts` is `None` where they were not evaluated, or cannot be read. `seconds_to_full` is the
    forecast by name of limit, `full_between` its soonest and latest (empty before 0.2),
    `maintenance` what the host was in.
    """

    snapshot: Snapshot
    alerts: Alerts | None
    seconds_to_full: Mapping[str, float]
    full_between: Mapping[str, tuple[float, float]]
    maintenance: Maintenance | None


class Encoder:
    """Makes moments of assessments; what is the same as before is not encoded again."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[object, bytes]] = {}

    def moment(self, assessment: Assessment, *, marked: bool) -> Moment:
        """The moment of an assessment."""
        snapshot, alerts, known = assessment.snapshot, assessment.alerts, assessment.maintenance
        plain: dict[str, object] = {name: getattr(snapshot, name) for name in READINGS}
        plain[OUTCOMES] = {
            name: (outcome.status.value, *_fields(outcome)[1:])
            for name, outcome in snapshot.outcomes.items()
        }
        plain[_ALERTS] = None
        if alerts is not None:
            plain[_ALERTS] = (
                [(each.alert.name, *_fields(each)[1:]) for each in alerts.active.values()],
                [(*key, state.value) for key, state in alerts.states.items()],
            )
        plain[_TO_FULL] = dict(assessment.seconds_to_full)
        plain[_BETWEEN] = dict(assessment.full_between)
        plain[_MAINTENANCE] = None if known is None else _fields(known)
        values = {name: self._encoded(name, value) for name, value in plain.items()}
        return Moment(snapshot.time, snapshot.instant, marked, values)

    def _encoded(self, name: str, value: object) -> bytes:
        before = self._before.get(name)
        if before is not None and (before[0] is value or before[0] == value):
            return before[1]
        encoded = codec.encode(value)
        self._before[name] = value, encoded
        return encoded


def header(origin: Origin) -> Header:
    """The header of what this xenwatch records of a source."""
    return Header(__version__, origin, codec.schema())


class Decoder:
    """Makes of the moments of the record at `path` what they say.

    What is the same as in the moment before is not decoded again.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._before: dict[str, tuple[Header, bytes, object, int]] = {}

    def past(self, header: Header, moment: Moment) -> Past:
        """What a moment says.

        A reading that this version cannot understand failed, for that reason; a probe that was not
        recorded did not apply. Raises `CodecError` where nothing is known of the probes.
        """
        room = codec.Room()
        raw = moment.values.get(OUTCOMES, b"")
        outcomes = _outcomes(codec.decode(raw, header.schema, _OUTCOMES_KIND, room))
        found: dict[str, Any] = {}
        for name in READINGS:
            known = outcomes.get(name, Outcome(Status.OK))
            if name not in moment.values or name not in outcomes:
                none, detail = Status.NOT_APPLICABLE, f"not recorded by xenwatch {header.version}"
                outcomes[name] = dataclasses.replace(known, status=none, detail=detail)
                continue
            try:
                found[name] = self._decoded(header, name, moment.values[name], room)
            except CodecError as error:
                detail = f"recorded by xenwatch {header.version}: {error}"
                outcomes[name] = dataclasses.replace(known, status=Status.FAILED, detail=detail)
        kind = header.origin.behind or header.origin.kind
        origin = Origin(RECORD, self._path, moment.time, kind)
        snapshot = Snapshot(
            time=moment.time, instant=moment.instant, outcomes=outcomes, origin=origin, **found
        )
        return Past(
            snapshot,
            _value(header, moment, _ALERTS, _alerts, room),
            _value(header, moment, _TO_FULL, dict, room) or {},
            _value(header, moment, _BETWEEN, dict, room) or {},
            _value(header, moment, _MAINTENANCE, _maintenance, room),
        )

    def _decoded(self, header: Header, name: str, raw: bytes, room: codec.Room) -> object:
        before = self._before.get(name)
        if before is not None and before[1] == raw and before[0].schema == header.schema:
            room.take(before[3])
            return before[2]
        self._before.pop(name, None)
        left = room.left
        value = codec.decode(raw, header.schema, _KINDS[name], room)
        self._before[name] = header, raw, value, left - room.left
        return value


def past(header: Header, moment: Moment, path: str) -> Past:
    """What one moment of the record at `path` says. Raises `CodecError`."""
    return Decoder(path).past(header, moment)


def judged(assessment: Assessment, then: Past) -> Assessment:
    """The assessment of a moment with the alerts and the forecast that there were."""
    rules = dataclasses.replace(
        assessment.rules, maintenance=(then.maintenance,) if then.maintenance else ()
    )
    return dataclasses.replace(
        assessment,
        rules=rules,
        alerts=then.alerts,
        seconds_to_full=then.seconds_to_full,
        full_between=then.full_between,
    )


def _fields(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, field.name) for field in dataclasses.fields(value))


def _outcomes(plain: Mapping[str, tuple[Any, ...]]) -> dict[str, Outcome]:
    """The outcomes by probe. Raises `CodecError`."""
    try:
        return {name: Outcome(Status(status), *rest) for name, (status, *rest) in plain.items()}
    except ValueError as error:
        raise CodecError(f"damaged: {error}") from error


def _value(
    header: Header, moment: Moment, name: str, made: Callable[[Any], T], room: codec.Room
) -> T | None:
    """What is made of a value that is not a probe's, `None` where it cannot be."""
    try:
        plain = codec.decode(moment.values[name], header.schema, _KIND[name], room)
        return None if plain is None else made(plain)
    except (CodecError, *MALFORMED):
        return None


def _alerts(plain: Any) -> Alerts:
    """The alerts but those the table no longer has."""
    active, states = plain
    known = [Active(_BY_NAME[name], *rest) for name, *rest in active if name in _BY_NAME]
    return Alerts(
        {(each.alert.name, each.severity, each.labels): each for each in known},
        {(name, level): State(state) for name, level, state in states if name in _BY_NAME},
    )


def _maintenance(plain: Any) -> Maintenance:
    until, reason = plain
    if not is_date(until):
        raise CodecError("not a date")
    return Maintenance(until, reason)
