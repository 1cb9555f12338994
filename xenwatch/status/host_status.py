"""The status of a host as plain values: for the page, the terminal, checks, and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from xenwatch import __version__
from xenwatch.alerts import messages
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.messages import RUNBOOKS, Sender
from xenwatch.alerts.names import CRITICAL
from xenwatch.alerts.states import Active, Alerts, Policy, State
from xenwatch.assessment import Assessment
from xenwatch.display.why import why
from xenwatch.fence import BROKEN, Fence, Part
from xenwatch.limits.base import BACKEND_DOMID
from xenwatch.limits.states import LimitState, Severity, remedies, target, unread
from xenwatch.planning import answer
from xenwatch.planning.capacity import Plan
from xenwatch.probes.base import Probe, next_step
from xenwatch.readings.moment import Moment
from xenwatch.readings.origin import EARLIEST, Origin, is_date
from xenwatch.readings.snapshot import Outcome, Snapshot
from xenwatch.status import driver_domains, from_json
from xenwatch.status.domain_row import DomainRow, domain_rows
from xenwatch.status.driver_domains import Names, in_brackets
from xenwatch.status.log_row import LogRow, log_rows
from xenwatch.status.notices import notices
from xenwatch.status.reboot import reboot_lines
from xenwatch.status.shipped import shipped
from xenwatch.values import dataclass

PATH: Final = "/api/v1/overview"
"""Where a daemon serves the status of its host."""
FIRING: Final = State.FIRING.value


class StatusError(Exception):
    """A document that is not the status of a host; the text says why."""


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One instance of a limit: numbers as in `LimitState`, the rest as in `Limit`.

    `label` is empty where the limit has one instance. `state` is ok, warning, critical or unknown.
    `remedies` are commands and advice that raise the max to `remedy_max`, best first; there are
    none while it is ok or unknown.
    """

    limit: str
    title: str
    label: str
    instance: str
    unit: str
    used: int | None
    max: int | None
    max_origin: str | None
    ratio: float | None
    headroom: int | None
    state: str
    warning: float | None
    critical: float | None
    remedies: tuple[str, ...] = ()
    remedy_max: int | None = None


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """How many VMs of a shape fit.

    `headroom` is `None` if an unknown limit could stop one; `at_most` is the headroom by the known
    limits, `binding` the scarcest of them, `unknown` the others. `not_counted` are limits of which
    VMs take an unknown amount: if there are any, `headroom` is an upper bound. `memory_bytes` is
    what a VM of the shape has, `learnt` what was learnt of dom0's memory and tasks for it, a line
    for each.
    """

    shape: str
    headroom: int | None
    at_most: int | None
    binding: str | None
    unknown: tuple[str, ...]
    not_counted: tuple[str, ...] = ()
    memory_bytes: int | None = None
    learnt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A series of an alert that is pending or firing.

    `since` is when its condition began to hold, `fired` when it fired, both in Unix time.
    """

    alert: str
    labels: Mapping[str, str]
    severity: str
    state: str
    summary: str
    since: float
    runbook_url: str
    fired: float | None = None

    @property
    def entered(self) -> float:
        """When it entered its state."""
        return self.since if self.fired is None else self.fired


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """The outcome of a probe, as in `Outcome`; `advice` is the next step, empty if none."""

    status: str
    detail: str
    time: float
    seconds: float
    cpu_seconds: float
    reads: str
    advice: str


@dataclass(frozen=True, slots=True)
class HostStatus:
    """A host at one time. `time` is Unix time, `hostname` empty if unknown.

    `source` is where the readings come from; `notices` are sentences that stand above all else,
    such as that the host is synthetic.
    `headroom` is empty if no plan can be made, and `obstacle` says why. `alerts` is `None` if not
    evaluated, or not yet, `alerts_unknown` names those whose state is unknown. `logs` are kinds of
    messages of trouble in the logs, `reboot_pending` a line for all that waits for a reboot, `None`
    if unknown. `domains` is `None` when they could not be read.
    `seconds_to_full` is by name of limit, as are the soonest and the latest of `full_between`;
    `probes` by name of probe. `shipped` are sentences
    on what the platform ships as it is. `maintenance` is `None` if the host is in none.
    """

    time: float
    version: str
    hostname: str
    host: str
    source: Origin
    notices: tuple[str, ...]
    limits: tuple[LimitRow, ...]
    seconds_to_full: Mapping[str, float]
    full_between: Mapping[str, tuple[float, ...]]
    headroom: tuple[ShapeRow, ...]
    obstacle: str | None
    alerts: tuple[AlertRow, ...] | None
    alerts_unknown: tuple[str, ...]
    logs: tuple[LogRow, ...]
    reboot_pending: tuple[str, ...] | None
    domains: tuple[DomainRow, ...] | None
    probes: Mapping[str, ProbeRow]
    shipped: tuple[str, ...]
    maintenance: Maintenance | None


def host_status(assessment: Assessment, probes: Iterable[Probe], hostname: str = "") -> HostStatus:
    """The status of a host from the assessment of a pass, what raises within its fence unknown."""
    snapshot, alerts = assessment.snapshot, assessment.alerts
    policy, finding = assessment.rules.policy, partial(assessment.fence, Part.FINDING)
    either = partial(assessment.fence.either, Part.FINDING)
    obstacle = finding("headroom", lambda: answer.obstacle(snapshot), BROKEN)
    return HostStatus(
        time=snapshot.time,
        version=__version__,
        hostname=hostname,
        host=finding("host", lambda: _host(snapshot), ""),
        source=snapshot.origin,
        notices=notices(snapshot),
        limits=tuple(
            either(state.limit.name, partial(_limit, state, snapshot), partial(_unread, state))
            for state in assessment.states
        ),
        seconds_to_full=assessment.seconds_to_full,
        full_between=assessment.full_between,
        headroom=()
        if obstacle
        else tuple(
            either(_shapes(plan), partial(_shape, plan), partial(_unplanned, plan))
            for plan in assessment.plans
        ),
        obstacle=obstacle,
        alerts=None if alerts is None else _alerts(alerts, snapshot, policy, assessment.fence),
        alerts_unknown=() if alerts is None else _unknown(alerts),
        logs=finding("logs", lambda: log_rows(snapshot, _runbooks(policy)), ()),
        reboot_pending=finding("reboot_pending", lambda: reboot_lines(snapshot), None),
        domains=finding("domains", lambda: domain_rows(snapshot), None),
        probes={
            probe.name: _probe(probe, snapshot.outcomes[probe.name], snapshot)
            for probe in probes
            if probe.name in snapshot.outcomes
        },
        shipped=finding("shipped", lambda: tuple(shipped(snapshot)), ()),
        maintenance=assessment.maintenance,
    )


def dumps(status: HostStatus) -> str:
    """The status as JSON: an object with the fields of `HostStatus`, ended by a newline."""
    return json.dumps(dataclasses.asdict(status), indent=1) + "\n"


def loads(document: bytes | str) -> HostStatus:
    """What `dumps` wrote, of this version or one with more fields. Raises `StatusError`."""
    try:
        found: HostStatus = from_json.read(HostStatus, json.loads(document))
        for name, time in _times(found):
            if time is not None and not is_date(time, EARLIEST):
                raise ValueError(f"{name} is no date")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StatusError(f"not a status document of xenwatch: {why(error)}") from None
    return found


def _times(status: HostStatus) -> Iterator[tuple[str, float | None]]:
    """The Unix times, by name of the field: they are shown as dates."""
    yield "time", status.time
    yield "captured", status.source.captured
    if status.maintenance is not None:
        yield "until", status.maintenance.until
    for alert in status.alerts or ():
        yield from (("since", alert.since), ("fired", alert.fired))
    yield from (("time", log.time) for log in status.logs)
    yield from (("time", probe.time) for probe in status.probes.values())


def _unread(state: LimitState) -> LimitRow:
    return _limit(unread(state), Snapshot())


def _limit(state: LimitState, snapshot: Snapshot) -> LimitRow:
    limit, maximum = state.limit, state.max
    reached = state.severity in (Severity.WARNING, Severity.CRITICAL)
    raised = remedies(state, snapshot, 0, _queues(snapshot)) if reached else ()
    return LimitRow(
        limit=limit.name,
        title=limit.title,
        label=limit.label or "",
        instance=state.instance,
        unit=limit.unit,
        used=state.used,
        max=maximum.value if maximum else None,
        max_origin=maximum.origin if maximum else None,
        ratio=state.ratio,
        headroom=state.headroom,
        state=state.severity.value,
        warning=state.thresholds.warning,
        critical=state.thresholds.critical,
        remedies=raised,
        remedy_max=target(state, 0) if raised else None,
    )


def _queues(snapshot: Snapshot) -> int:
    """The most queues that a network interface of a VM to come may have."""
    return (snapshot.host.netback_queues if snapshot.host is not None else None) or 1


def _shape(found: Plan) -> ShapeRow:
    name = _shapes(found)
    binding = found.binding.limit if found.binding else None
    unknown = tuple(dict.fromkeys(headroom.limit for headroom in found.unknown))
    memory = sum(count * shape.memory_bytes for shape, count in found.batch.items())
    not_counted = tuple(found.uncounted)
    return ShapeRow(
        name,
        found.batches,
        found.at_most,
        binding,
        unknown,
        not_counted,
        memory,
        tuple(answer.learnt_lines(found)),
    )


def _unplanned(found: Plan) -> ShapeRow:
    return ShapeRow(_shapes(found), None, None, None, ())


def _shapes(found: Plan) -> str:
    return ", ".join(shape.name for shape in found.batch)


def _unknown(alerts: Alerts) -> tuple[str, ...]:
    """The names of alerts whose state is unknown."""
    names = (name for (name, _), state in alerts.states.items() if state is State.UNKNOWN)
    return tuple(dict.fromkeys(names))


def _runbooks(policy: Policy | None) -> str:
    return (policy.runbooks if policy else "") or RUNBOOKS


def _alerts(
    alerts: Alerts, snapshot: Snapshot, policy: Policy | None, fence: Fence
) -> tuple[AlertRow, ...]:
    """Firing alerts before pending ones, the most severe first."""
    order, now = list(State), snapshot.moment
    runbooks = _runbooks(policy)

    def rank(active: Active) -> tuple[int, str, str, object]:
        return order.index(active.state), active.severity, active.alert.name, active.labels

    nameless: Names = {}
    known = fence(Part.FINDING, "domains", lambda: driver_domains.names(snapshot), nameless)
    return tuple(
        fence(
            Part.FINDING,
            active.alert.name,
            partial(_alert, active, known, runbooks, now),
            _row(active, now),
        )
        for active in sorted(alerts.active.values(), key=rank)
    )


def _alert(active: Active, known: Names, runbooks: str, now: Moment) -> AlertRow:
    """An alert whose summary ends with the name of the driver domain, if it is about one."""
    message = messages.of_active(active, Sender("", runbooks))
    name = known.get(int(dict(active.labels).get(BACKEND_DOMID, "0")), "")
    return dataclasses.replace(
        _row(active, now),
        summary=message.annotations["summary"] + in_brackets(name),
        runbook_url=message.annotations["runbook_url"],
    )


def _row(active: Active, now: Moment) -> AlertRow:
    """An alert without words: what is left where they raise."""
    return AlertRow(
        alert=active.alert.title,
        labels=dict(active.labels),
        severity=active.severity,
        state=active.state.value,
        summary=active.alert.title,
        since=now.unix(active.since),
        runbook_url="",
        fired=None if active.fired is None else now.unix(active.fired),
    )


def foremost(alerts: Iterable[AlertRow]) -> list[AlertRow]:
    """One row for each series: the one that fires before one that is pending, then the critical."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], AlertRow] = {}
    for row in alerts:
        key = (row.alert, frozenset(row.labels.items()))
        if key not in found or _rank(row) < _rank(found[key]):
            found[key] = row
    return list(found.values())


def _rank(row: AlertRow) -> tuple[bool, bool]:
    return row.state != FIRING, row.severity != CRITICAL


def _probe(probe: Probe, outcome: Outcome, snapshot: Snapshot) -> ProbeRow:
    return ProbeRow(
        status=outcome.status.value,
        detail=outcome.detail,
        time=snapshot.moment.unix(outcome.instant),
        seconds=outcome.seconds,
        cpu_seconds=outcome.cpu_seconds,
        reads=probe.reads,
        advice=next_step(probe, outcome, snapshot.origin),
    )


def _host(snapshot: Snapshot) -> str:
    """Platform, Xen and kernel as text; empty if unknown."""
    host = snapshot.host
    if host is None:
        return ""
    platform = f"{host.platform} {host.platform_version}".strip()
    return host_words(platform, host.xen_version, host.kernel_release)


def host_words(platform: str | None, xen: str | None, kernel: str | None) -> str:
    """Platform, versions of Xen and of the kernel as text."""
    parts = (platform, f"Xen {xen}" if xen else "no Xen", f"Linux {kernel}" if kernel else "")
    return ", ".join(part for part in parts if part)
