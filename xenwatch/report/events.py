"""What happened from one moment to the next: a pure function of the moments."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.alerts import messages
from xenwatch.alerts.details import called
from xenwatch.alerts.messages import Sender
from xenwatch.alerts.states import Active, SeriesKey, State
from xenwatch.display.quantities import quantity
from xenwatch.display.text import counted, printable
from xenwatch.exposition.text_format import text
from xenwatch.limits.changes import LoggedLimit, SeverityChange, severity_changes
from xenwatch.limits.states import LimitStates, Severity
from xenwatch.readings.domains import Domain
from xenwatch.readings.moment import Moment
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.record.past import Past
from xenwatch.status.domain_row import domain_rows
from xenwatch.values import dataclass

MOST_NAMED: Final = 5
"""VMs that a line names."""
SENDER: Final = Sender("", "")
"""Words of alerts that name no host: the record is of one."""
HELD: Final = 60.0
"""Seconds between two moments that are always no gap: passes may be slow."""
GAP: Final = 2.5
"""Of the seconds between kept moments: that many are a gap."""

ENDED: Final = "ended"
STOPPED: Final = "stopped"


class Kind(enum.Enum):
    """What an event is about."""

    RECORD = "record"
    MAINTENANCE = "maintenance"
    ALERT = "alert"
    VM = "vm"
    DEVICE = "device"
    LIMIT = "limit"
    PROBE = "probe"


@dataclass(frozen=True, slots=True, order=True)
class Vm:
    """A VM: name as the metrics have it, empty where unknown, and UUID."""

    name: str
    uuid: str

    def __str__(self) -> str:
        return printable(self.name) or printable(self.uuid)


@dataclass(frozen=True, slots=True)
class Event:
    """What was new at a moment, compared with the one before.

    `time` is Unix time, `what` a word such as `firing`, `severity` that of an alert or a limit,
    else empty. `vms` are whom it is about, `text` says the rest; of an alert it names them.
    """

    time: float
    kind: Kind
    what: str
    text: str = ""
    severity: str = ""
    vms: tuple[Vm, ...] = ()


def words(event: Event) -> str:
    """The event as a line without its time: `VM started: web`, `3 VMs stopped: a, b, c`."""
    before, vms, after = parts(event)
    named = (told(vm) if event.kind is Kind.ALERT else str(vm) for vm in vms)
    return f"{before}{', '.join(named)}{after}"


def parts(event: Event) -> tuple[str, tuple[Vm, ...], str]:
    """The line in three: what is before the VMs that it names, these, and what is after them."""
    subject = event.kind.value
    if event.kind is Kind.VM:
        subject = "VM" if len(event.vms) == 1 else counted(len(event.vms), "VM")
    what = " ".join(filter(None, (subject, event.what, event.severity)))
    if event.kind is Kind.ALERT:
        for vm in filter(told, event.vms):
            before, found, after = event.text.partition(told(vm))
            if found:
                return f"{what}: {before}", (vm,), after
    named = () if event.kind is Kind.ALERT else event.vms[:MOST_NAMED]
    more = f" and {len(event.vms) - MOST_NAMED} more" if len(event.vms) > MOST_NAMED else ""
    after = f"{more}: {event.text}" if named and event.text else more
    if named or not event.text:
        return f"{what}: " if named else what, named, after
    return f"{what}: {event.text}", (), ""


def told(vm: Vm) -> str:
    """A VM as the summaries of alerts have it."""
    return called(vm.name, vm.uuid)


def vm_of(snapshot: Snapshot, domain: Domain) -> Vm:
    """The VM of a domain."""
    name = snapshot.name(domain)
    return Vm("" if name is None else text(name), domain.uuid)


def summary(active: Active) -> str:
    """An alert in a sentence."""
    return messages.of_active(active, SENDER).annotations["summary"]


@dataclass(frozen=True, slots=True)
class Known:
    """What was known last of what can change; what was not read is as it was before.

    Of the first moment nothing is an event. `domains` are by UUID, `broken` devices by VM.
    """

    moment: Moment | None = None
    alerts: Mapping[SeriesKey, Active] | None = None
    limits: Mapping[str, LoggedLimit] = dataclasses.field(default_factory=dict)
    domains: Mapping[str, tuple[Domain, Vm]] | None = None
    broken: Mapping[tuple[Vm, str], None] | None = None
    probes: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    maintenance: str | None = None


def step(
    known: Known, past: Past, limits: Mapping[str, LimitStates], spacing: float
) -> tuple[Known, list[Event]]:
    """What is known after one more moment with its limits, and what was new.

    `spacing` is how far apart moments of that age are kept, in seconds.
    """
    snapshot, time = past.snapshot, past.snapshot.time
    logged, changed = severity_changes(known.limits, limits, snapshot.instant)
    firing = known.alerts
    if past.alerts is not None:
        every = past.alerts.active.items()
        firing = {key: one for key, one in every if one.state is State.FIRING}
    domains, broken = known.domains, known.broken
    if snapshot.domains is not None:
        listed = (domain for domain in snapshot.domains.domains if domain.domid)
        domains = {domain.uuid: (domain, vm_of(snapshot, domain)) for domain in listed}
        broken = dict.fromkeys(_broken(snapshot))
    probes = {
        name: outcome.status is Status.FAILED
        for name, outcome in snapshot.outcomes.items()
        if outcome.status in (Status.OK, Status.FAILED)
    }
    new = Known(
        moment=snapshot.moment,
        alerts=firing,
        limits=logged,
        domains=domains,
        broken=broken,
        probes={**known.probes, **probes},
        maintenance=None if past.maintenance is None else str(past.maintenance),
    )
    if known.moment is None:
        return new, []
    found = [
        *_of_record(known.moment, new.moment or known.moment, spacing),
        *_of_maintenance(known, new, time),
        *_of_alerts(known.alerts, firing, time),
        *_of_vms(known.domains, domains, time),
        *_of_devices(known.broken, broken, domains or {}, time),
        *(_of_limit(change, time) for change in changed if _is_known(change)),
        *_of_probes(known.probes, probes, past, time),
    ]
    return new, found


def _of_record(before: Moment, now: Moment, spacing: float) -> Iterator[Event]:
    gap = now.time - before.time
    if gap > max(HELD, GAP * spacing):
        minutes = f"{gap / 60:.0f} min" if gap < 36000 else f"{gap / 3600:.0f} h"
        yield Event(now.time, Kind.RECORD, "resumed", f"no moments for {minutes}")
    if now.instant < before.instant:
        yield Event(now.time, Kind.RECORD, "resumed", "dom0 has booted since")


def _of_maintenance(known: Known, new: Known, time: float) -> Iterator[Event]:
    if new.maintenance != known.maintenance:
        what = "began" if new.maintenance else ENDED
        yield Event(time, Kind.MAINTENANCE, what, new.maintenance or known.maintenance or "")


def _of_alerts(
    before: Mapping[SeriesKey, Active] | None, now: Mapping[SeriesKey, Active] | None, time: float
) -> Iterator[Event]:
    if before is None or now is None:
        return
    for key, active in now.items():
        if key not in before:
            yield _of_alert(active, State.FIRING.value, time)
    for key, active in before.items():
        if key not in now:
            yield _of_alert(active, ENDED, time)


def _of_alert(active: Active, what: str, time: float) -> Event:
    labels = dict(active.labels)
    uuid = labels.get("uuid", "")
    vms = (Vm(labels.get("name", ""), uuid),) if uuid else ()
    return Event(time, Kind.ALERT, what, summary(active), active.severity, vms)


def _of_vms(
    before: Mapping[str, tuple[Domain, Vm]] | None,
    now: Mapping[str, tuple[Domain, Vm]] | None,
    time: float,
) -> Iterator[Event]:
    if before is None or now is None or before is now:
        return
    found: dict[str, list[Vm]] = {name: [] for name in (STOPPED, "restarted", "started")}
    for uuid, (domain, vm) in now.items():
        old = before.get(uuid)
        if old is None:
            found["started"].append(vm)
        elif old[0].domid != domain.domid:
            found["restarted"].append(vm)
        elif old[0].state != domain.state and domain.state in ("crashed", "dying"):
            found.setdefault(domain.state, []).append(vm)
    found[STOPPED] += [vm for uuid, (_, vm) in before.items() if uuid not in now]
    for what, vms in found.items():
        if vms:
            yield Event(time, Kind.VM, what, vms=tuple(vms))


def _broken(snapshot: Snapshot) -> Iterator[tuple[Vm, str]]:
    for row in domain_rows(snapshot) or ():
        for device in row.broken or ():
            yield Vm(row.name or "", row.uuid), device


def _of_devices(
    before: Mapping[tuple[Vm, str], None] | None,
    now: Mapping[tuple[Vm, str], None] | None,
    domains: Mapping[str, tuple[Domain, Vm]],
    time: float,
) -> Iterator[Event]:
    if before is None or now is None or before is now:
        return
    for vm, device in now:
        if (vm, device) not in before:
            yield Event(time, Kind.DEVICE, "broken", printable(device), vms=(vm,))
    for vm, device in before:
        if (vm, device) not in now and vm.uuid in domains:
            yield Event(time, Kind.DEVICE, "repaired", printable(device), vms=(vm,))


def _is_known(change: SeverityChange) -> bool:
    """Whether it is news of a limit, and not of the probe that has failed or recovered."""
    unknown, fine = Severity.UNKNOWN, (change.was, change.now) != (Severity.UNKNOWN, Severity.OK)
    return change.now is not unknown and fine


def _of_limit(change: SeverityChange, time: float) -> Event:
    state = change.state
    name = state.limit.name
    if state.limit.label and state.instance:
        name += f" {state.limit.label}={printable(state.instance)}"
    used = quantity(state.used, state.limit.unit)
    if state.max is not None and state.ratio is not None:
        most = quantity(state.max.value, state.limit.unit)
        used = f"{state.ratio:.1%} used, {used} of {most}"
    said = "" if state.used is None else f": {used}"
    return Event(time, Kind.LIMIT, change.now.value, f"{name}{said} (was {change.was.value})")


def _of_probes(
    before: Mapping[str, bool], now: Mapping[str, bool], past: Past, time: float
) -> Iterator[Event]:
    for name, failed in now.items():
        if failed and not before.get(name, False):
            why = printable(past.snapshot.outcomes[name].detail)
            yield Event(time, Kind.PROBE, "failed", f"{name}: {why}")
        elif not failed and before.get(name, False):
            yield Event(time, Kind.PROBE, "recovered", name)
