"""Whether a host is OK, and what is firing: by Prometheus's rules, else by the daemon itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models.dashboard import ValueMapping

from xenwatch.alerts.names import CRITICAL, INFO, SEVERITIES, WARNING
from xenwatch.alerts.table import ALERTS
from xenwatch.generate.dashboards.panels import (
    BLUE,
    COLORS,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    Link,
    Style,
    Subject,
    limit_titles,
    words,
)
from xenwatch.generate.dashboards.queries import HOST, narrow, select
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw
from xenwatch.values import dataclass

OLD: Final = 120
"""Seconds after which readings are stale, as for the alert XenwatchStale."""
FIRING: Final = "firing"


@dataclass(frozen=True, slots=True)
class State:
    """One state of a host: its number, the greatest the worst, and how it is shown."""

    value: int
    text: str
    color: str


OK: Final = State(0, "OK", GREEN)
MAINTAINED: Final = State(1, "Maintenance", BLUE)
UNKNOWN: Final = State(2, "Unknown", PURPLE)
WARNS: Final = State(3, "Warning", ORANGE)
FAILS: Final = State(4, "Critical", RED)
STALE: Final = State(5, "Stale", "dark-orange")
DOWN: Final = State(6, "Down", "dark-red")
STATES: Final = (OK, MAINTAINED, UNKNOWN, WARNS, FAILS, STALE, DOWN)
MEANING: Final = (
    "OK: no alert fires. Maintenance: the host notifies nobody, whatever else is true of it. "
    "Unknown: an alert cannot be judged, because a probe fails or a max is unknown. "
    "Warning, Critical: the worst alert that fires. Stale: the daemon answers with readings older "
    f"than {OLD} s. Down: Prometheus cannot scrape the daemon, or has not seen it for a while."
)


def state_words() -> list[ValueMapping]:
    """The states in words and colours."""
    return words((str(state.value), state.text, state.color) for state in STATES)


def severity_words() -> list[ValueMapping]:
    """The severities in words and colours."""
    return words((name, name, color) for name, color in {**COLORS, INFO: BLUE}.items())


def _said(labels: str, severity: str, state: str) -> str:
    series = select("xenwatch_alert_state", labels, severity=severity, state=state)
    return f"max by ({HOST}) ({series} == 1)"


def host_state(labels: str) -> str:
    """The state of each host: maintenance, else the worst that applies.

    A host in maintenance is still in it while it is rebooted. One that has left Prometheus's
    targets, or was never scraped by this one, is down while the time shown has a reading of it.
    """
    age = f"time() - {select('xenwatch_snapshot_timestamp_seconds', labels)} > {OLD}"
    seen = select("xenwatch_build_info", labels)
    end = select("xenwatch_maintenance_end_timestamp_seconds", labels)
    unknown = " or ".join(_said(labels, severity, "unknown") for severity in SEVERITIES)
    found = (
        (MAINTAINED, f"max by ({HOST}) (last_over_time({end}[$__range]) > time())"),
        (DOWN, f"max by ({HOST}) (up{{{labels}}} == 0)"),
        (STALE, f"max by ({HOST}) ({age})"),
        (FAILS, _said(labels, CRITICAL, FIRING)),
        (WARNS, _said(labels, WARNING, FIRING)),
        (UNKNOWN, f"({unknown})"),
        (OK, f"max by ({HOST}) ({seen})"),
        (DOWN, f"max by ({HOST}) (last_over_time({seen}[$__range]))"),
    )
    return f" or on ({HOST}) ".join(f"(0 * {series} + {state.value})" for state, series in found)


def alert_labels() -> tuple[str, ...]:
    """The labels that say what an alert is about, but for the VM."""
    found = dict.fromkeys(label for alert in ALERTS for label in alert.labels)
    return tuple(label for label in found if label not in {"name", "uuid"})


def _renamed(labels: str, states: str) -> str:
    """The states that the daemon says, with the labels that Prometheus gives to alerts."""
    only = f'{labels},state=~"{states}"'
    series = f"{select('xenwatch_alert_state', only)} == 1"
    for to, label in (("alertname", "alert"), ("alertstate", "state")):
        series = f'label_replace({series}, "{to}", "$1", "{label}", "(.*)")'
    return series


def active(labels: str, states: str = "firing|pending|unknown") -> str:
    """Alerts by host, name, severity, state and what they are about.

    Where the rules are not loaded, or say nothing of it, what the daemon says. A warning is left
    out where the same is critical.
    """
    by = f"{HOST}, alertname, severity, alertstate"

    def rules(severity: str, state: str) -> str:
        series = of_rules("ALERTS", [labels], severity=severity, alertstate=state)
        return f"max by ({by}, about) ({about(series)})"

    def daemon(severity: str, state: str) -> str:
        return f"max by ({by}) ({_renamed(narrow(labels, severity=severity), state)})"

    detailed = f"({worst_of(rules, states, 'about')} or {rules(INFO, FIRING)})"
    return f"{detailed} or on ({HOST}, alertname, severity) {worst_of(daemon, states)}"


def of_rules(name: str, selected: Sequence[str], **more: str) -> str:
    """`ALERTS` or `ALERTS_FOR_STATE` of xenwatch's rules that have any of the selected labels.

    `more` are labels that all of them have, by their names with regular expressions.
    """
    ending = "".join(f',{label}=~"{value}"' for label, value in more.items())
    return " or ".join(f'{name}{{{labels},alertname=~"Xenwatch.+"{ending}}}' for labels in selected)


def worst_of(found: Callable[[str, str], str], states: str, *about: str) -> str:
    """What `found` gives of each severity and these states, no warning where it is critical.

    `about` are the labels that say what an alert is about, if any.
    """
    on = f"on ({', '.join((HOST, 'alertname', *about))})"
    warning = f"{found(WARNING, states)} unless {on} {found(CRITICAL, FIRING)}"
    return f"({found(CRITICAL, states)} or ({warning}))"


def about(series: str) -> str:
    """Series of alerts with what they are about in one label, which begins with the VM's name."""
    return joined(series, "name", *alert_labels())


def joined(series: str, *labels: str) -> str:
    """Series of alerts with the values of labels in one label `about`."""
    names = ", ".join(f'"{label}"' for label in labels)
    found = f'label_join({series}, "about", " ", {names})'
    # Without the blanks of labels that are missing, so that the name of a limit is found.
    return f'label_replace({found}, "about", "$1", "about", " *(.*?) *")'


def firing(labels: str) -> str:
    """What fires by host, name and severity: what is drawn over the time."""
    by = f"{HOST}, alertname, severity"
    rules = f'max by ({by}) (ALERTS{{{labels},alertname=~"Xenwatch.+",alertstate="{FIRING}"}})'
    return f"({rules} or max by ({by}) ({_renamed(labels, FIRING)}))"


def runbook_of_the_row(style: Style) -> Link:
    """From an alert's name in a table to its runbook, which is called after it."""
    return Link("Runbook", style.runbook("${__value.raw}.md"))


def alerts_table(style: Style, subject: Subject, labels: str) -> table.Panel:
    """The alerts that are active, the worst first, each with its runbook."""
    since = about(of_rules("ALERTS_FOR_STATE", [labels]))
    by = f"{HOST}, alertname, severity, about"
    now = active(labels)
    rows = Rows(
        {
            "severity": Label("Severity", severity_words(), colored=True, width=100),
            "alertname": Label("Alert", link=runbook_of_the_row(style), width=320),
            "about": Label("About", limit_titles()),
            "alertstate": Label("State", width=100),
            "instance": Label("Host", hidden=True),
        },
        (
            Column("Active", now, hidden=True),
            lasting(by, since, now, width=110),
        ),
        sort=(("State", False), ("Severity", False)),
        first=("Severity", "Alert", "About", "State", "For"),
    )
    return draw(style, subject, rows)


def lasting(by: str, since: str, now: str, width: int) -> Column:
    """The column of how long alerts have been active, of those that are now."""
    seconds = f"time() - max by ({by}) ({since}) and on ({by}) ({now})"
    return Column("For", seconds, unit="s", decimals=0, width=width)
