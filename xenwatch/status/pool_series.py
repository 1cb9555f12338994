"""The hosts of a pool as a Prometheus knows them that scrapes them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Final

from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.display.why import why
from xenwatch.limits import LIMITS
from xenwatch.limits.states import Severity
from xenwatch.readings.devices import OUT_OF_SERVICE
from xenwatch.readings.domains import STOPPED
from xenwatch.status.host_status import FIRING, StatusError, host_words
from xenwatch.status.pool import MOST_SHAPES, HostRow, Hosts, Room, cut, host_rows
from xenwatch.status.prometheus import vector
from xenwatch.status.targets import INSTANCE, Key, Targets, targets
from xenwatch.values import dataclass

MOST_HOSTS: Final = 64
"""Hosts that are shown, the worst: as many as there may be members."""
MOST: Final = 1e11
"""More than there is of anything that is counted, and than the Unix time of any reading."""
LEFT: Final = "1h"
"""How long a host is shown that Prometheus does not scrape any more."""
DOWN: Final = "Prometheus cannot scrape it: up is 0"
UP: Final = "up"
SEEN: Final = "seen"
FULLEST: Final = "fullest"
ROOM: Final = "room"
DOMAINS: Final = "domains"
BROKEN: Final = "broken"
SOURCE: Final = "source"
BUILD: Final = "build"
HOST: Final = "host"
UNKNOWN: Final = "unknown"
_REACHED: Final = {severity: f"limits {severity}" for severity in (CRITICAL, WARNING)}
"""The queries for limits that have reached a threshold, by severity."""
_TARGETS: Final = {
    UP: "up",
    SEEN: f"last_over_time(xenwatch_snapshot_timestamp_seconds[{LEFT}])",
}
"""The queries whose series have the labels of the targets, and no others."""
_SERIES: Final = re.compile(r"\b(up|xenwatch_\w+)\b(\{?)")
"""A metric of a query, and where it begins to say which labels."""
_TITLES: Final = {limit.name: limit.title for limit in LIMITS}

Series = tuple[Mapping[str, str], float]


@dataclass(slots=True)
class _Seen:
    """What the answers say of one host: by query the number and the labels, rooms by shape."""

    numbers: dict[str, float] = field(default_factory=dict)
    labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    rooms: dict[str, float] = field(default_factory=dict)


def target_queries(job: str) -> dict[str, str]:
    """The queries by name for the targets with that label `job`, to be asked first."""
    return {name: _of_job(query, job) for name, query in _TARGETS.items()}


def queries(job: str, hosts: Targets) -> dict[str, str]:
    """The queries by name for the rest, of the hosts that the targets are."""
    return {name: hosts.grouped(_of_job(query, job)) for name, query in _of_any_job().items()}


def _of_job(query: str, job: str) -> str:
    def selected(series: re.Match[str]) -> str:
        return f'{series[1]}{{job="{job}"' + ("," if series[2] else "}")

    return _SERIES.sub(selected, query)


def _of_any_job() -> dict[str, str]:
    ratio = "max by (instance, limit) (xenwatch_limit_used_ratio)"
    states = "0 * max by (instance) (xenwatch_alert_state)"
    critical, warning = (_said(FIRING, severity) for severity in (CRITICAL, WARNING))
    alone = f"{warning} unless on (instance, alert) {critical}"
    unknown = 'max by (instance, alert) (xenwatch_alert_state{state="unknown"} == 1)'
    return {
        CRITICAL: f"count by (instance) ({critical}) or {states}",
        WARNING: f"count by (instance) ({alone}) or {states}",
        UNKNOWN: f"count by (instance) ({unknown}) or {states}",
        **{name: f"topk by (instance) (1, {_over(ratio, of)})" for of, name in _REACHED.items()},
        FULLEST: f"topk by (instance) (1, {ratio})",
        ROOM: "max by (instance, shape) (xenwatch_vm_headroom) or "
        "min by (instance, shape) (xenwatch_limit_vm_headroom)",
        DOMAINS: "sum by (instance) (max by (instance, state) (xenwatch_domains))",
        BROKEN: _broken(),
        SOURCE: "max by (instance, mark) (xenwatch_source_info)",
        BUILD: "max by (instance, version) (xenwatch_build_info)",
        HOST: "max by (instance, platform, platform_version, xen, kernel) (xenwatch_host_info)",
    }


def _said(state: str, severity: str) -> str:
    series = f'xenwatch_alert_state{{state="{state}",severity="{severity}"}} == 1'
    return f"max by (instance, alert) ({series})"


def _over(ratio: str, severity: str) -> str:
    """The limits that have reached the threshold."""
    threshold = f'xenwatch_limit_threshold_ratio{{severity="{severity}"}}'
    return f"{ratio} >= on (instance, limit) min by (instance, limit) ({threshold})"


def _broken() -> str:
    """How many domains have a broken device, 0 only where the devices were read."""
    out = "|".join(OUT_OF_SERVICE)
    stopped = f'xenwatch_domain_state{{state=~"{"|".join(STOPPED)}"}} == 1'
    devices = (
        f'xenwatch_domain_backends{{state=~"{out}"}} > 0 unless on (instance, domid) ({stopped})',
        "xenwatch_domain_backend_errors > 0",
        "xenwatch_vif_fault > 0",
    )
    domains = " or ".join(f"max by (instance, domid) ({series})" for series in devices)
    read = 'max by (instance) (xenwatch_probe_success{probe="backends"} == 1)'
    return f"count by (instance) ({domains}) or 0 * {read}"


def read(body: bytes) -> tuple[Series, ...]:
    """The series of an answer. Raises `StatusError`."""
    try:
        return tuple(vector(json.loads(body)))
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise StatusError(f"not a Prometheus response: {why(error)}") from None


def distinct(answers: Mapping[str, Iterable[Series]]) -> Targets:
    """The hosts by the answers for the targets."""
    return targets(*((labels for labels, _ in answers.get(name, ())) for name in _TARGETS))


def hosts(
    answers: Mapping[str, Iterable[Series]], own: Mapping[str, str], now: float, of: Targets
) -> Hosts:
    """The hosts that the answers, by name of query, are about; the worst if there are many.

    Answers may be missing: then no host is fine. `own` has the labels of this host, which is left
    out, `now` Unix time. What is not said of a host is unknown.
    """
    found: defaultdict[Key, _Seen] = defaultdict(_Seen)
    for name, series in answers.items():
        for labels, value in series:
            if INSTANCE in labels and 0 <= value <= MOST:
                _note(found[of.key(labels)], name, labels, value)
    known = {key: seen for key, seen in found.items() if seen.numbers.keys() & _TARGETS.keys()}
    titles = of.titles(known)
    for key in _own(known, own):
        del known[key]
    complete = answers.keys() >= {*_TARGETS, *_of_any_job()}
    rows = host_rows(
        (_row(titles[key], seen, complete=complete) for key, seen in known.items()), now
    )
    return Hosts(tuple(rows[:MOST_HOSTS]), len(rows[MOST_HOSTS:]))


def _own(known: Mapping[Key, _Seen], own: Mapping[str, str]) -> list[Key]:
    """The host with no label that differs from these; none if there are several."""
    found = [
        key
        for key, seen in known.items()
        if all(
            seen.labels[query].get(name, value) == value
            for query in _TARGETS.keys() & seen.labels.keys()
            for name, value in own.items()
        )
    ]
    return found if len(found) == 1 else []


def _note(seen: _Seen, name: str, labels: Mapping[str, str], value: float) -> None:
    if name == ROOM:
        seen.rooms[labels.get("shape", "")] = value
    elif value >= seen.numbers.get(name, 0.0):
        seen.numbers[name] = value
        seen.labels[name] = labels


def _row(name: str, seen: _Seen, *, complete: bool) -> HostRow:
    """What the page shows of a host; of one that is down only when it was read."""
    time = seen.numbers.get(SEEN, 0.0)
    if seen.numbers.get(UP, 1.0) == 0:
        return HostRow(None, cut(name), Severity.UNKNOWN.value, DOWN, time=time)
    build, host = seen.labels.get(BUILD, {}), seen.labels.get(HOST)
    limit = _limit(seen)
    rooms = sorted(seen.rooms.items())
    return HostRow(
        url=None,
        name=cut(name),
        state=_state(seen, complete=complete),
        mark=cut(seen.labels.get(SOURCE, {}).get("mark", "")),
        host=cut(_words(host)) if host is not None else "",
        version=cut(build.get("version", "")),
        time=time,
        fullest=cut(_TITLES.get(limit, limit)),
        ratio=seen.numbers.get(_urgent(seen)),
        headroom=tuple(_room(shape, value) for shape, value in rooms[:MOST_SHAPES]),
        left_out=len(rooms[MOST_SHAPES:]),
        critical=_count(seen, CRITICAL),
        warning=_count(seen, WARNING),
        domains=_count(seen, DOMAINS),
        broken=_count(seen, BROKEN),
    )


def _state(seen: _Seen, *, complete: bool) -> str:
    """Critical or warning for what is said; fine only if all was answered, and nothing unknown."""
    for severity in (CRITICAL, WARNING):
        if _REACHED[severity] in seen.numbers or seen.numbers.get(severity):
            return severity
    alerts = {CRITICAL, WARNING, UNKNOWN} - seen.numbers.keys()
    known = complete and {FULLEST, DOMAINS} <= seen.numbers.keys() and len(alerts) in (0, 3)
    if not known or seen.numbers.get(UNKNOWN):
        return Severity.UNKNOWN.value
    return Severity.OK.value


def _urgent(seen: _Seen) -> str:
    """The query that names the most urgent limit."""
    return next((name for name in _REACHED.values() if name in seen.numbers), FULLEST)


def _limit(seen: _Seen) -> str:
    """The name of the most urgent limit, empty if unknown."""
    return seen.labels.get(_urgent(seen), {}).get("limit", "")


def _room(shape: str, value: float) -> Room:
    # At most: no metric says which limits are not counted.
    return Room(cut(shape), int(value), exact=False)


def _words(labels: Mapping[str, Any]) -> str:
    platform = f"{labels.get('platform', '')} {labels.get('platform_version', '')}".strip()
    return host_words(platform, labels.get("xen"), labels.get("kernel"))


def _count(seen: _Seen, query: str) -> int | None:
    return int(seen.numbers[query]) if query in seen.numbers else None
