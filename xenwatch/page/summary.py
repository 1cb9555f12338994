"""The parts of the page that say the most in the fewest words: alerts, and room for VMs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from xenwatch.page.html import Html, join, stranger, tag
from xenwatch.status.host_status import FIRING, AlertRow, HostStatus, ShapeRow, foremost

MOST: Final = 20
"""Alerts that are shown at most."""


def moment(time: float) -> Html:
    """A moment in UTC, to the second."""
    at = datetime.fromtimestamp(time, UTC)
    return tag("time", f"{at:%Y-%m-%d %H:%M:%S} UTC", datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}")


def alerts(status: HostStatus) -> Html:
    """The alerts that fire or may, and those nobody can judge."""
    return tag(
        "section",
        tag("h2", "Alerts", id="alerts-heading"),
        _alerts(status),
        id="alerts",
        aria_labelledby="alerts-heading",
        data_live=True,
    )


def _alerts(status: HostStatus) -> Html:
    if status.alerts is None:
        why = "its first pass is not over, or they are off in the configuration"
        return tag("p", f"The daemon evaluates no alerts: {why}.")
    found, unknown = foremost(status.alerts), status.alerts_unknown
    cannot = f"Not known, for want of readings: {', '.join(unknown)}." if unknown else None
    none = tag("p", "No alert fires.", class_=None if unknown else "well")
    return join(
        tag("ul", [_alert(it) for it in found[:MOST]], class_="plain alerts") if found else none,
        tag("p", f"and {len(found) - MOST} more") if len(found) > MOST else None,
        tag("p", cannot, class_="unknown") if cannot else None,
    )


def _alert(alert: AlertRow) -> Html:
    firing = alert.state == FIRING
    link = alert.runbook_url.startswith(("https://", "http://", "/"))
    name = tag("a", alert.alert, href=alert.runbook_url) if link else tag("span", alert.alert)
    return tag(
        "li",
        tag("span", alert.severity, class_=f"badge {alert.severity if firing else 'pending'}"),
        tag("div", tag("strong", stranger(alert.summary)), class_="what"),
        tag("div", f"{alert.state} since ", moment(alert.since), " ", name, class_="muted"),
    )


def room(status: HostStatus) -> Html:
    """How many more VMs of each shape fit."""
    return tag(
        "section",
        tag("h2", "Room for VMs", id="room-heading"),
        tag("p", status.obstacle) if status.obstacle else None,
        tag("ul", [_shape(it) for it in status.headroom], class_="cards shapes")
        if status.headroom
        else None,
        id="room",
        aria_labelledby="room-heading",
        data_live=True,
    )


def _shape(shape: ShapeRow) -> Html:
    names = ", ".join(shape.unknown)
    if shape.headroom is not None:
        number, words = str(shape.headroom), f"more fit; {shape.binding} stops the next one"
        if shape.not_counted:
            number, words = f"≤ {number}", f"{words}; not counted: {', '.join(shape.not_counted)}"
    elif shape.at_most is not None:
        number = f"≤ {shape.at_most}"
        words = f"more fit, by {shape.binding}; not known: {names}"
    else:
        number, words = "?", f"nobody can say how many fit; not known: {names}"
    return tag(
        "li",
        tag("h3", shape.shape),
        tag("p", tag("span", number, class_="big"), " ", words),
        class_="card unknown" if shape.headroom is None else "card",
    )
