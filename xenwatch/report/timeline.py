"""What happened, as lines and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from xenwatch.display.text import counted, printable
from xenwatch.readings.origin import Origin
from xenwatch.readings.snapshot import Snapshot
from xenwatch.record.past import Past
from xenwatch.report.events import Event, words
from xenwatch.values import dataclass

_DATE: Final = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened from the first of some moments to the last."""

    origin: Origin
    first: str
    moments: int
    begin: float
    end: float
    events: Sequence[Event]


def at(time: float) -> str:
    """A Unix time in UTC, to the second."""
    return f"{datetime.fromtimestamp(time, UTC):{_DATE}}"


def clock(time: float) -> str:
    """A Unix time as an axis has it: `31 Jan 03:12`, in UTC."""
    return f"{datetime.fromtimestamp(time, UTC):%d %b %H:%M}"


def warning(origin: Origin) -> str:
    """The notice that a host is not a real one; empty if it is."""
    return dataclasses.replace(origin, captured=None, name="").warning


def standing(past: Past) -> str:
    """How things stand at a moment: VMs there, alerts that fire."""
    return f"{_vms(past.snapshot)}, {_firing(past)}"


def _vms(snapshot: Snapshot) -> str:
    if snapshot.domains is None:
        return "VMs unknown"
    return counted(sum(bool(domain.domid) for domain in snapshot.domains.domains), "VM")


def _firing(past: Past) -> str:
    if past.alerts is None:
        return "alerts unknown"
    return f"{counted(len(past.alerts.firing), 'alert')} firing"


def text(timeline: Timeline) -> str:
    """A line for each event, below how things stood at first."""
    found = warning(timeline.origin)
    head = [f"{printable(found)}\n"] if found else []
    moments = counted(timeline.moments, "moment")
    lines = [
        *head,
        f"{moments} from {at(timeline.begin)} to {at(timeline.end)}",
        "",
        f"{at(timeline.begin)}  {timeline.first}",
        *(f"{at(event.time)}  {words(event)}" for event in timeline.events),
    ]
    return "".join(f"{line}\n" for line in lines)


def document(timeline: Timeline) -> str:
    """The same as JSON: `source`, `first`, `moments`, `begin`, `end`, `events`."""
    events = [
        {**dataclasses.asdict(event), "kind": event.kind.value, "line": words(event)}
        for event in timeline.events
    ]
    found = {**dataclasses.asdict(timeline), "events": events}
    return json.dumps({"source": found.pop("origin"), **found}, indent=1) + "\n"
