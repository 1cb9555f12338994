"""The summary at the top of the page: alerts, and headroom for VMs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from xenwatch.display.quantities import quantity
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.status.host_status import FIRING, AlertRow, HostStatus, ShapeRow, foremost

MOST: Final = 20
"""Max alerts shown."""


def moment(time: float) -> Html:
    """A moment in UTC, to the second."""
    at = datetime.fromtimestamp(time, UTC)
    return tag("time", f"{at:%Y-%m-%d %H:%M:%S} UTC", datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}")


def alerts(status: HostStatus) -> Html:
    """The firing and pending alerts, and those whose state is unknown."""
    return tag(
        "section",
        tag("h2", "Alerts", id="alerts-heading"),
        _maintenance(status),
        _alerts(status),
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
    found, unknown = foremost(status.alerts), status.alerts_unknown
    missing = f"Unknown because readings are missing: {', '.join(unknown)}." if unknown else None
    none = tag("p", "No alerts firing.", class_=None if unknown else "well")
    return join(
        tag("ul", [_alert(row) for row in found[:MOST]], class_="plain alerts") if found else none,
        tag("p", f"and {len(found) - MOST} more") if len(found) > MOST else None,
        tag("p", missing, class_="unknown") if missing else None,
        [tag("p", sentence, class_="muted") for sentence in status.shipped],
    )


def _alert(alert: AlertRow) -> Html:
    firing = alert.state == FIRING
    link = alert.runbook_url.startswith(("https://", "http://", "/"))
    name = tag("a", alert.alert, href=alert.runbook_url) if link else tag("span", alert.alert)
    return tag(
        "li",
        tag("span", alert.severity, class_=f"badge {alert.severity if firing else 'pending'}"),
        tag("div", tag("strong", untrusted(alert.summary)), class_="what"),
        tag("div", f"{alert.state} since ", moment(alert.since), " ", name, class_="muted"),
    )


def headroom(status: HostStatus) -> Html:
    """How many more VMs of each shape fit."""
    return tag(
        "section",
        tag("h2", "Headroom for VMs", id="headroom-heading"),
        tag("p", status.obstacle) if status.obstacle else None,
        tag("ul", [_shape(row) for row in status.headroom], class_="cards shapes")
        if status.headroom
        else None,
        id="headroom",
        aria_labelledby="headroom-heading",
        data_live=True,
    )


def _shape(shape: ShapeRow) -> Html:
    names = ", ".join(shape.unknown)
    if shape.at_most == 0:
        number, text = "0", f"more fit; {shape.binding} stops the next one"
    elif shape.headroom is not None:
        number, text = str(shape.headroom), f"more fit; {shape.binding} stops the next one"
        if shape.not_counted:
            number, text = f"≤ {number}", f"{text}; not counted: {', '.join(shape.not_counted)}"
    elif shape.at_most is not None:
        number = f"≤ {shape.at_most}"
        text = f"more fit, by {shape.binding}; unknown: {names}"
    else:
        number, text = "?", f"cannot say how many fit; unknown: {names}"
    return tag(
        "li",
        tag("h3", shape.shape),
        tag("p", tag("span", number, class_="big"), " ", text),
        tag("p", f"each with {quantity(shape.memory_bytes, 'bytes')} of memory")
        if shape.memory_bytes
        else None,
        [tag("p", line, class_="muted") for line in shape.learnt],
        class_="card unknown" if shape.headroom is None else "card",
    )
