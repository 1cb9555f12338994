"""The dashboard of a host's domains: what each uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from xenwatch.advice.qemu_wakeups import KEPT_FOR, REMEDIES
from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import host
from xenwatch.generate.dashboards.panels import AnyPanel, Query, Style, board, variable
from xenwatch.generate.dashboards.queries import (
    DOMAINS,
    INSTANCE,
    expression,
    legend,
    named,
    select,
    title,
    unit,
)
from xenwatch.metrics import METRICS

UID: Final = "xenwatch-domains"
INFO: Final = named("xenwatch_domain_info")
EMULATED: Final = named("xenwatch_qemu_emulated_device")
WAKEUPS: Final = named("xenwatch_qemu_wakeups_total")
ON: Final = "on (job, instance, domid)"
MOST: Final = 20
"""Series shown in a panel, the greatest."""
OF_DOMAINS: Final = tuple(
    metric for metric in METRICS if "domid" in metric.labels and metric is not INFO
)


def _with_names(series: str) -> str:
    """Series with the domain's name where it is known; those of domains that are gone have none."""
    return f"({series} * {ON} group_left (name) {select(INFO, DOMAINS)}) or {ON} {series}"


def _all(style: Style) -> table.Panel:
    """A row for each domain, a column for each metric that has one value for it."""
    found = [metric for metric in OF_DOMAINS if metric.labels == ("domid",)]
    names = f"max by (domid, name, type) ({select(INFO, DOMAINS)})"
    asked = [
        Query(names, INFO.name, INFO.name),
        *(
            Query(
                f"max by (domid) ({expression(metric, DOMAINS)})", title(metric.name), metric.name
            )
            for metric in found
        ),
    ]
    panel = style.table("all", "Domains", INFO.help, asked, (f"Value #{INFO.name}",))
    for metric in found:
        panel.override_by_name(title(metric.name), [DynamicConfigValue("unit", unit(metric))])
    return panel.height(16)


def _advice(style: Style) -> table.Panel:
    """Devices that `xenwatch advise` recommends disabling, by wakeups of the domain's QEMU."""
    devices = "|".join(REMEDIES)
    asked = select(EMULATED, f'{DOMAINS},device=~"{devices}"')
    for device, other in KEPT_FOR.items():
        kept, reason = (select(EMULATED, f'{DOMAINS},device="{name}"') for name in (device, other))
        asked += f" unless ({kept} and {ON} {reason})"
    woken = f"({asked}) * {ON} group_left () {expression(WAKEUPS, DOMAINS)}"
    costs = [f"{remedy.device}: {remedy.cost}" for remedy in REMEDIES.values()]
    text = (
        "Emulated devices that cause QEMU wakeups and can be disabled, the QEMU with the most "
        "wakeups first. To disable them, run xenwatch advise on the host. Consequences:"
    )
    query = Query(f"sort_desc({_with_names(f'({woken})')})", "QEMU wakeups")
    return style.table("advice", "Devices to disable", "  \n".join([text, *costs]), [query]).unit(
        unit(WAKEUPS)
    )


def _each(style: Style) -> Iterator[AnyPanel]:
    for metric in OF_DOMAINS:
        others = [label for label in metric.labels if label != "domid"]
        series = f"topk({MOST}, {expression(metric, DOMAINS)})"
        asked = Query(_with_names(series), legend(("domid", "name", *others)))
        yield style.of_metric(metric, asked)


def domains_dashboard(policy: Policy) -> Dashboard:
    """Everything that has the label `domid`."""
    style = Style(UID, policy)
    ids = f"label_values({INFO.name}{{{INSTANCE}}}, domid)"
    return board(
        UID,
        "xenwatch: domains",
        "Use of dom0's event channels, grant frames, CPUs and devices by domain.",
        [
            variable("instance", "Host", host.hosts(), many=False),
            variable("domid", "Domain", ids, many=True),
        ],
        [
            ("All", [_all(style)]),
            ("Advice", [_advice(style)]),
            ("By domain", list(_each(style))),
        ],
    )
