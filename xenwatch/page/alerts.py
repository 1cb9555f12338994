"""The part of the page that says what is wrong: one row per alert, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.details import called
from xenwatch.alerts.names import CRITICAL
from xenwatch.alerts.near_limit import LIMIT
from xenwatch.alerts.table import ALERTS
from xenwatch.display.quantities import figure
from xenwatch.display.text import counted
from xenwatch.limits import LIMITS
from xenwatch.limits.states import Severity
from xenwatch.page import vms
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.times import moment
from xenwatch.page.vms import Vms
from xenwatch.readings.snapshot import Status
from xenwatch.status.host_status import FIRING, AlertRow, HostStatus, LimitRow, ProbeRow, foremost

MOST: Final = 20
"""Max alerts shown, and max series of one."""
TITLES: Final = {limit.name: limit.title for limit in LIMITS}
"""The title of a limit, by its name."""
_BY_TITLE: Final = {alert.title: alert for alert in ALERTS}
_BY_NAME: Final = {alert.name: alert for alert in ALERTS}


def section(status: HostStatus) -> Html:
    """The firing and pending alerts, one row each, and what could not be read."""
    return tag(
        "section",
        tag("h2", "Alerts", id="alerts-heading"),
        _maintenance(status),
        _alerts(status),
        _unread(status),
        [tag("p", sentence, class_="muted") for sentence in status.shipped],
        id="alerts",
        aria_labelledby="alerts-heading",
        data_live=True,
    )


def _maintenance(status: HostStatus) -> Html | None:
    if status.maintenance is None:
        return None
    text = untrusted(f"This host is {status.maintenance}")
    return tag("p", text, ". Alerts notify nobody until then.", class_="unknown")


def _alerts(status: HostStatus) -> Html:
    if status.alerts is None:
        why = "the first pass is not complete yet, or alerts are disabled in the configuration"
        return tag("p", f"Alerts are not evaluated: {why}.")
    if not status.alerts:
        unsure = status.alerts_unknown
        return tag("p", "No alerts firing.", class_=None if unsure else "well")
    return rows_of(status.alerts, status)


def rows_of(found: Iterable[AlertRow], status: HostStatus) -> Html:
    """Alerts of a host, one row each with its highest severity, the most urgent first."""
    kinds: dict[str, list[AlertRow]] = {}
    for row in sorted(foremost(found), key=_urgency):
        kinds.setdefault(row.alert, []).append(row)
    known = vms.of(status)
    return join(
        tag(
            "ul",
            [_alert(rows, status, known) for rows in list(kinds.values())[:MOST]],
            class_="plain alerts",
        ),
        tag("p", f"and {len(kinds) - MOST} more") if len(kinds) > MOST else None,
    )


def _urgency(row: AlertRow) -> tuple[bool, bool]:
    return row.state != FIRING, row.severity != CRITICAL


def _alert(rows: Sequence[AlertRow], status: HostStatus, known: Vms) -> Html:
    """One alert, whose series come with the most urgent first."""
    first = rows[0]
    firing = first.state == FIRING
    badge = first.severity if firing else f"{first.severity} pending"
    link = first.runbook_url.startswith(("https://", "http://", "/"))
    name = tag("a", first.alert, href=first.runbook_url) if link else tag("span", first.alert)
    ripens = _ripens(first, status)
    return tag(
        "li",
        tag("span", badge, class_=f"badge {badge}"),
        tag("div", tag("strong", _summary(first, known)), class_="what"),
        tag(
            "div",
            f"{first.state} since ",
            moment(first.entered),
            join(", critical pending since ", moment(ripens.since)) if ripens else None,
            ". ",
            name,
            class_="muted",
        ),
        _todo(first, status),
        _others(rows, known),
        class_=None if firing else "waits",
    )


def _ripens(row: AlertRow, status: HostStatus) -> AlertRow | None:
    """The critical alert that is pending of a series whose warning fires."""
    if row.severity == CRITICAL:
        return None
    same = (each for each in status.alerts or () if each.alert == row.alert)
    return next((each for each in same if each is not row and each.labels == row.labels), None)


def _summary(row: AlertRow, known: Vms) -> Html:
    """What is wrong; the VM is named by a link to its page, which has its UUID."""
    uuid = row.labels.get("uuid", "")
    name, there = row.labels.get("name", ""), known.of_uuid(uuid)
    told = called(name, uuid)
    before, found, after = row.summary.partition(told) if told else (row.summary, "", "")
    if there is None or not found:
        return untrusted(row.summary)
    return join(untrusted(before), there, untrusted(after))


def _todo(row: AlertRow, status: HostStatus) -> Html | None:
    """The remedy of the limit with the number it gives, else the command to begin with."""
    alert = _BY_TITLE.get(row.alert)
    if alert is None:
        return None
    full = _limit_of(alert, row, status.limits)
    if full is not None and full.remedies:
        return tag("div", remedy(full), class_="todo")
    return tag("div", "Begin with ", tag("code", alert.first), class_="todo")


def remedy(row: LimitRow) -> Html:
    """What raises a limit, and to how much."""
    commands = [tag("li", tag("code", each)) for each in row.remedies]
    raised = figure(row.remedy_max, row.unit)
    from_ = "" if row.max is None else f" from {figure(row.max, row.unit)}"
    return join(f"To raise the max{from_} to {raised}:", tag("ul", commands, class_="plain"))


def _limit_of(alert: Alert, row: AlertRow, limits: Iterable[LimitRow]) -> LimitRow | None:
    """The instance of the limit that an alert is about, `None` where it is about none."""
    limit = alert.fixed.get(LIMIT)
    found = [each for each in limits if each.limit == limit and each.remedies]
    own = [each for each in found if row.labels.get(each.label, each.instance) == each.instance]
    return max(own, key=lambda each: each.ratio or 0.0, default=None)


def _others(rows: Sequence[AlertRow], known: Vms) -> Html | None:
    """The other series of an alert, folded."""
    others = rows[1:]
    if not others:
        return None
    more = len(others) - MOST
    return tag(
        "details",
        tag("summary", f"{len(others)} more", tag("span", f" of {rows[0].alert}", class_="spoken")),
        tag("ul", [tag("li", _series(row, known)) for row in others[:MOST]], class_="plain"),
        tag("p", f"and {more} more") if more > 0 else None,
        id=f"alert-{rows[0].alert}",
    )


def _series(row: AlertRow, known: Vms) -> Html:
    state = row.severity if row.state == FIRING else f"{row.severity}, pending"
    return join(f"{state}: ", _summary(row, known))


def _unread(status: HostStatus) -> Html | None:
    """What cannot be read, in one row: probes with the next step, limits and alerts by title."""
    failed = {name: row for name, row in status.probes.items() if row.status == Status.FAILED.value}
    limits = dict.fromkeys(
        row.title for row in status.limits if row.state == Severity.UNKNOWN.value
    )
    alerts = [alert_title(name) for name in status.alerts_unknown]
    parts = [
        counted(len(found), thing)
        for found, thing in ((failed, "probe"), (limits, "limit"), (alerts, "alert"))
        if found
    ]
    if not parts:
        return None
    facts = [
        *(("Probe " + name, _reason(row)) for name, row in failed.items()),
        *([("Limits unknown", join(", ".join(limits)))] if limits else []),
        *([("Alerts unknown", join(", ".join(alerts)))] if alerts else []),
    ]
    return tag(
        "details",
        tag("summary", "Cannot be read: ", ", ".join(parts), class_="unknown"),
        tag("dl", [join(tag("dt", name), tag("dd", text)) for name, text in facts]),
        id="unread",
    )


def _reason(row: ProbeRow) -> Html:
    advice = f" Next step: {row.advice}" if row.advice else None
    return join(untrusted(row.detail or "failed"), ".", advice)


def alert_title(name: str) -> str:
    """The title of an alert; for a limit's alert, that of the limit."""
    alert = _BY_NAME.get(name)
    if alert is None:
        return name
    limit = alert.fixed.get(LIMIT)
    return f"{TITLES[limit]} near its max" if limit in TITLES else alert.title
