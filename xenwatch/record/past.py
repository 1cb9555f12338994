"""A moment of the record as a snapshot with what was said of it, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args, get_type_hints

from xenwatch import __version__
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Active, Alerts, Change, State
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import Assessment
from xenwatch.readings.origin import RECORD, Origin
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.record import codec
from xenwatch.record.codec import CodecError
from xenwatch.record.frames import Moment
from xenwatch.record.header import Header

_APART: Final = frozenset({"time", "instant", "origin", "outcomes"})
"""Fields of a snapshot that are no probe's reading."""
READINGS: Final = tuple(
    field.name for field in dataclasses.fields(Snapshot) if field.name not in _APART
)
_HINTS: Final = get_type_hints(Snapshot)
_TYPES: Final = {name: get_args(_HINTS[name])[0] for name in READINGS}
"""What each reading is, if it is not `None`."""
_OUTCOMES: Final = "outcomes"
_ALERTS: Final = "alerts"
_CHANGES: Final = "changes"
_TO_FULL: Final = "seconds_to_full"
_MAINTENANCE: Final = "maintenance"
_BY_NAME: Final = {alert.name: alert for alert in ALERTS}


@dataclasses.dataclass(frozen=True, slots=True)
class Past:
    """What was known at a moment.

    `changes` are those of alerts since the moment before that was kept. `seconds_to_full` is the
    forecast by name of limit, `maintenance` what the host was in.
    """

    snapshot: Snapshot
    alerts: Alerts
    changes: tuple[Change, ...]
    seconds_to_full: Mapping[str, float]
    maintenance: Maintenance | None


class Encoder:
    """Makes moments of assessments; what is the same as before is not encoded again."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[object, bytes]] = {}

    def moment(self, assessment: Assessment, changes: Iterable[Change], *, marked: bool) -> Moment:
        """The moment of an assessment, with the `changes` of alerts since the one before."""
        snapshot, alerts = assessment.snapshot, assessment.alerts or Alerts()
        plain: dict[str, object] = {name: getattr(snapshot, name) for name in READINGS}
        plain[_OUTCOMES] = dict(snapshot.outcomes)
        plain[_ALERTS] = (
            [_plain(active) for active in alerts.active.values()],
            [(*key, state.value) for key, state in alerts.states.items()],
        )
        plain[_CHANGES] = [
            (_plain(each.active), each.was.value, each.now.value, each.instant) for each in changes
        ]
        plain[_TO_FULL] = dict(assessment.seconds_to_full)
        known = assessment.maintenance
        plain[_MAINTENANCE] = known and dataclasses.astuple(known)
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
    """The header of what this xenwatch keeps of a source."""
    return Header(__version__, origin, codec.schema())


def past(header: Header, moment: Moment, path: str) -> Past:
    """What a moment of the record at `path` says.

    A reading that this version cannot understand failed, for that reason. Raises `CodecError`
    where what is said of the whole moment is not what `Encoder` makes.
    """
    try:
        return _past(header, moment, path)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise CodecError(f"damaged: {error}") from error


def _past(header: Header, moment: Moment, path: str) -> Past:
    found: dict[str, Any] = {}
    outcomes: dict[str, Outcome] = dict(_value(header, moment, _OUTCOMES, {}))
    for name in READINGS:
        try:
            found[name] = _reading(name, codec.decode(moment.values[name], header.schema))
        except KeyError:
            continue  # there was no such probe
        except CodecError as error:
            detail = f"recorded by xenwatch {header.version}: {error}"
            outcomes[name] = dataclasses.replace(
                outcomes.get(name, Outcome(Status.FAILED)), status=Status.FAILED, detail=detail
            )
    origin = Origin(RECORD, path, moment.time, header.origin.behind or header.origin.kind)
    snapshot = Snapshot(
        time=moment.time, instant=moment.instant, outcomes=outcomes, origin=origin, **found
    )
    active, states = _value(header, moment, _ALERTS, ((), ()))
    alive = filter(None, map(_active, active))
    alerts = Alerts(
        {(each.alert.name, each.severity, each.labels): each for each in alive},
        {(name, severity): State(state) for name, severity, state in states if name in _BY_NAME},
    )
    until, reason = _value(header, moment, _MAINTENANCE, None) or (0.0, "")
    to_full = _value(header, moment, _TO_FULL, {})
    return Past(
        snapshot,
        alerts,
        tuple(_changes(_value(header, moment, _CHANGES, ()))),
        {str(name): float(seconds) for name, seconds in to_full.items()},
        Maintenance(float(until), str(reason)) if until else None,
    )


def _reading(name: str, value: object) -> object:
    """The value of a field of a snapshot. Raises `CodecError` for one of another field."""
    if value is not None and not isinstance(value, _TYPES[name]):
        raise CodecError(f"a {type(value).__name__}")
    return value


def _value(header: Header, moment: Moment, name: str, unknown: Any) -> Any:
    """A value that is not a probe's, `unknown` where it cannot be read."""
    try:
        return codec.decode(moment.values[name], header.schema)
    except (KeyError, CodecError):
        return unknown


def _plain(active: Active) -> tuple[object, ...]:
    """An alert by its name: the table may be another when it is looked at."""
    return active.alert.name, *(getattr(active, name) for name in _REST)


_REST: Final = tuple(field.name for field in dataclasses.fields(Active))[1:]


def _active(plain: tuple[Any, ...]) -> Active | None:
    """The alert, `None` where the table no longer has it."""
    name, *rest = plain
    alert = _BY_NAME.get(name)
    return None if alert is None else Active(alert, *rest)


def _changes(plain: Iterable[tuple[Any, ...]]) -> Iterable[Change]:
    for active, was, now, instant in plain:
        if (known := _active(active)) is not None:
            yield Change(known, State(was), State(now), instant)
