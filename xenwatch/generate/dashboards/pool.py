"""The dashboard of many hosts: headroom, limits and alerts of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import host
from xenwatch.generate.dashboards.panels import ANY, AnyPanel, Query, Style, board, variable
from xenwatch.generate.dashboards.queries import INSTANCES, labels_of, named, select, title
from xenwatch.generate.rules import RECORDS
from xenwatch.metrics.alerts import ALERT_STATE

UID: Final = "xenwatch-pool"


def _matrix(
    style: Style, key: str, text: str, *, unit: str, columns: str, what: str
) -> table.Panel:
    """A row for each host, a column for each value of a label."""
    panel = style.table(key, text, named(key).help, [Query(what)])
    options = {"rowField": "instance", "columnField": columns, "valueField": "Value"}
    panel.transformations([DataTransformerConfig(id_val="groupingToMatrix", options=options)])
    return panel.unit(unit)


def _headroom(style: Style) -> Iterator[AnyPanel]:
    by_shape = f"max by (instance, shape) ({select(host.HEADROOM, INSTANCES)})"
    yield _matrix(
        style,
        host.HEADROOM.name,
        "VM headroom by host",
        unit="short",
        columns="shape",
        what=by_shape,
    )
    for name, text in RECORDS.items():
        yield style.of_record(name, text, INSTANCES if "instance" in labels_of(text) else "")


def _hosts(style: Style) -> Iterator[AnyPanel]:
    ratios = f"max by (instance, limit) ({select(host.RATIO, INSTANCES)})"
    yield _matrix(
        style, host.RATIO.name, "Limits by host", unit="percentunit", columns="limit", what=ratios
    )
    firing = select(ALERT_STATE, f'{INSTANCES},state="firing"')
    asked = Query(f"count by (instance, severity) ({firing} == 1)", "{{instance}} {{severity}}")
    yield style.number("firing", "Alerts firing", ALERT_STATE.help, asked)
    success = select(host.SUCCESS, INSTANCES)
    failing = f"count by (instance) ({success}) - sum by (instance) ({success})"
    failures = Query(failing, "{{instance}}")
    yield style.number("failing", "Failed probes", host.SUCCESS.help, failures)
    reached = Query(f'up{{job="xenwatch",{INSTANCES}}}', "{{instance}}")
    yield style.series(
        "up", "Scrape success", "1 if the last scrape succeeded.", "short", [reached]
    )
    newest = named("xenwatch_snapshot_timestamp_seconds")
    age = Query(f"time() - {select(newest, INSTANCES)}", "{{instance}}")
    yield style.of_metric(newest, age)
    version = named("xenwatch_build_info")
    labels = [Query(select(version, INSTANCES))]
    yield style.table(version.name, title(version.name), version.help, labels, ("Value",))


def _any(policy: Policy) -> Iterator[QueryVariable]:
    """The daemon that serves the runbooks, unless they are elsewhere."""
    if not policy.runbooks:
        yield variable(ANY, "Runbooks from", host.hosts(), many=False)


def pool_dashboard(policy: Policy) -> Dashboard:
    """All hosts side by side."""
    style = Style(UID, policy, pool=True)
    return board(
        UID,
        "xenwatch: pool",
        "Headroom, limits and alerts of all hosts.",
        [variable("instance", "Hosts", host.hosts(), many=True), *_any(policy)],
        [("Headroom for VMs", list(_headroom(style))), ("Hosts", list(_hosts(style)))],
    )
