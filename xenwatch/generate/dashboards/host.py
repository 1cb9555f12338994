"""The dashboard of one host: its limits, headroom for VMs, alerts and probes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from xenwatch.alerts.names import SEVERITIES
from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards.panels import (
    COLORS,
    GREEN,
    AnyPanel,
    Query,
    Style,
    board,
    fixed,
    steps,
    variable,
)
from xenwatch.generate.dashboards.queries import (
    INSTANCE,
    expression,
    legend,
    named,
    select,
    title,
)
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit
from xenwatch.metrics import Metric
from xenwatch.metrics.alerts import ALERT_METRICS, ALERT_STATE
from xenwatch.metrics.host import HOST_METRICS
from xenwatch.metrics.log_messages import LOG_METRICS
from xenwatch.metrics.outlook import LEARNT_METRICS
from xenwatch.metrics.own import OWN_METRICS
from xenwatch.metrics.restarts import RESTART_METRICS
from xenwatch.metrics.upkeep import UPKEEP_METRICS

UID: Final = "xenwatch-host"
_OF_HOST: Final = (*HOST_METRICS, *RESTART_METRICS, *UPKEEP_METRICS)
MOST: Final = 20
"""Instances of a limit shown, the fullest."""

RATIO: Final = named("xenwatch_limit_used_ratio")
THRESHOLD: Final = named("xenwatch_limit_threshold_ratio")
TO_FULL: Final = named("xenwatch_limit_seconds_to_full")
HEADROOM: Final = named("xenwatch_vm_headroom")
LIMIT_HEADROOM: Final = named("xenwatch_limit_vm_headroom")
SUCCESS: Final = named("xenwatch_probe_success")
ON: Final = "on (job, instance)"


def hosts() -> str:
    """The query for the known hosts."""
    return f"label_values({named('xenwatch_build_info').name}, instance)"


def _limit_panel(style: Style, limit: Limit) -> timeseries.Panel:
    """Used, max and thresholds; of a limit with instances, the used part of the fullest."""
    used, most = (named(name) for name in (limit.used_metric, limit.max_metric))
    threshold = select(THRESHOLD, f'{INSTANCE},limit="{limit.name}"')
    if limit.label:
        ratio = f"{select(used, INSTANCE)} / {select(most, INSTANCE)}"
        asked = [
            Query(f"topk({MOST}, {ratio})", legend([limit.label]), "used"),
            Query(threshold, "{{severity}}", "threshold"),
        ]
    else:
        maximum = select(most, INSTANCE)
        asked = [
            Query(select(used, INSTANCE), "used", "used"),
            Query(maximum, "max", "limit"),
            Query(f"{threshold} * {ON} group_left () {maximum}", "{{severity}}", "threshold"),
        ]
    unit = "percentunit" if limit.label else limit.unit or "short"
    text = f"Symptom when exhausted: {limit.symptom}. {limit.caveat}".rstrip()
    panel = style.series(f"limit/{limit.name}", limit.title, text, unit, asked)
    for severity, color in COLORS.items():
        dashes = DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 8]})
        panel.override_by_name(severity, [fixed(color), dashes])
    return panel


def _overview(style: Style) -> table.Panel:
    """All limits as they are now, coloured by the thresholds the daemon exports."""
    ratio = select(RATIO, INSTANCE)
    asked = [
        Query(f"max by (limit) ({ratio})", "used", "used"),
        *(
            Query(
                f"max by (limit) ({ratio} / on (job, instance, limit) "
                + select(THRESHOLD, f'{INSTANCE},severity="{severity}"')
                + ")",
                f"of {severity} threshold",
                severity,
            )
            for severity in SEVERITIES
        ),
        Query(f"min by (limit) ({select(TO_FULL, INSTANCE)})", "exhausted in", "full"),
    ]
    text = "The fullest instance of each limit, as a ratio of its max and of its thresholds."
    panel = style.table("limits", "Limits", text, asked).unit("percentunit").decimals(1)
    for severity in SEVERITIES:
        panel.override_by_name(
            f"of {severity} threshold",
            [
                DynamicConfigValue(
                    "thresholds", steps((None, GREEN), (1.0, COLORS[severity])).build()
                ),
                DynamicConfigValue(
                    "custom.cellOptions", {"type": "color-background", "mode": "basic"}
                ),
            ],
        )
    return panel.override_by_name("exhausted in", [DynamicConfigValue("unit", "s")])


def _headroom(style: Style) -> Iterator[AnyPanel]:
    """Headroom for VMs, the binding limit, time until exhausted."""
    left = select(HEADROOM, INSTANCE)
    yield style.bars(HEADROOM.name, "VM headroom", HEADROOM.help, "short", Query(left, "{{shape}}"))
    binding = (
        f"{select(LIMIT_HEADROOM, INSTANCE)} == on (job, instance, shape) group_left () {left}"
    )
    yield style.bars(
        "binds",
        "Binding limit",
        "The limits with the least headroom for VMs of the shape.",
        "short",
        Query(binding, "{{shape}}: {{limit}}"),
    )
    yield style.bars(
        TO_FULL.name,
        "Time until exhausted",
        TO_FULL.help,
        "s",
        Query(select(TO_FULL, INSTANCE), "{{limit}}"),
    )
    for metric in (HEADROOM, LIMIT_HEADROOM):
        asked = Query(expression(metric, INSTANCE), legend(metric.labels))
        yield style.of_metric(metric, asked, f"{metric.name}/history")
    for metric in LEARNT_METRICS:
        yield style.of_metric(metric, Query(expression(metric, INSTANCE), legend(metric.labels)))
    yield style.of_metric(RATIO, Query(select(RATIO, INSTANCE), "{{limit}}"))


def _alerts(style: Style) -> Iterator[AnyPanel]:
    """Alerts that are not ok, and their thresholds."""
    active = select(ALERT_STATE, f'{INSTANCE},state!="ok"')
    asked = [Query(active, "active")]
    yield style.table("alerts", "Alerts not ok", ALERT_STATE.help, asked, ("Value",))
    for metric in ALERT_METRICS:
        if metric is not ALERT_STATE:
            yield _label_table(style, metric)


def _label_table(style: Style, metric: Metric) -> table.Panel:
    """The labels of a metric as a table, without its values if it is an info metric."""
    hide = ("Value",) if metric.kind == "info" else ()
    asked = [Query(select(metric, INSTANCE))]
    return style.table(metric.name, title(metric.name), metric.help, asked, hide).height(6)


def _probes(style: Style) -> Iterator[AnyPanel]:
    """What xenwatch cannot read, and the cost of its readings."""
    series = select(SUCCESS, INSTANCE)
    failing = f"count by (instance) ({series}) - sum by (instance) ({series})"
    yield style.number("failing", "Failed probes", SUCCESS.help, Query(failing, "failing"))
    for metric in OWN_METRICS:
        if metric not in {RATIO, THRESHOLD} and metric.kind != "info":
            asked = Query(expression(metric, INSTANCE), legend(metric.labels))
            yield style.of_metric(metric, asked)


def _figures(style: Style, metrics: Iterable[Metric]) -> Iterator[AnyPanel]:
    """Metrics of the host that are not limits."""
    for metric in metrics:
        if "domid" not in metric.labels and metric.kind != "info":
            yield style.of_metric(
                metric, Query(expression(metric, INSTANCE), legend(metric.labels))
            )


def host_dashboard(policy: Policy) -> Dashboard:
    """Everything of one host."""
    style = Style(UID, policy)
    facts = [
        _label_table(style, metric)
        for metric in (*HOST_METRICS, *UPKEEP_METRICS, *OWN_METRICS)
        if metric.kind == "info" and "domid" not in metric.labels
    ]
    return board(
        UID,
        "xenwatch: host",
        "The limits of one dom0 and its headroom for VMs.",
        [variable("instance", "Host", hosts(), many=False)],
        [
            ("Headroom for VMs", list(_headroom(style))),
            ("Limits: current", [_overview(style)]),
            ("Limits", [_limit_panel(style, limit) for limit in LIMITS]),
            ("Alerts", list(_alerts(style))),
            ("Host", list(_figures(style, _OF_HOST))),
            ("Logs", list(_figures(style, LOG_METRICS))),
            ("Probes", list(_probes(style))),
            ("Facts", facts),
        ],
    )
