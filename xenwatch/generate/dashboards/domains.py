"""The dashboard of one VM: what it takes of every limit and of dom0, and what to change."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, table
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from xenwatch.advice.qemu_wakeups import KEPT_FOR, REMEDIES
from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import limits, serving
from xenwatch.generate.dashboards.board import all_of, board, hosts, ranked, variable
from xenwatch.generate.dashboards.panels import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    AnyPanel,
    Query,
    Style,
    Subject,
    words,
)
from xenwatch.generate.dashboards.queries import DOMAIN, HOST, INSTANCE, rate, select
from xenwatch.generate.dashboards.remaining import choice, history, remaining
from xenwatch.generate.dashboards.serving import GONE, LINKS
from xenwatch.generate.dashboards.states import (
    FIRING,
    alert_labels,
    joined,
    lasting,
    of_rules,
    runbook_of_the_row,
    severity_words,
    worst_of,
)
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw

UID: Final = "xenwatch-domains"
ON: Final = f"on ({HOST}, domid)"
STATES: Final = {
    "running": (0, GREEN),
    "blocked": (1, GREEN),
    "paused": (2, ORANGE),
    "shutdown": (3, ORANGE),
    "crashed": (4, RED),
    "dying": (5, RED),
}
"""The states of a domain. A blocked one waits for an event: its vCPUs are idle."""
SHARES: Final = {
    "event_channels": "xenwatch_domain_event_channels",
    "host_memory": "xenwatch_domain_memory_bytes",
    "tasks": "xenwatch_qemu_threads",
}
"""What a domain takes of limits that all domains share."""
OWN: Final = (f'{INSTANCE},uuid="$vm"', DOMAIN)
"""Alerts about the VM have its UUID, those about a domain that is dying its domid."""


def _state(style: Style) -> stat.Panel:
    """What the domain does, in one word."""
    numbers = " or ".join(
        f"max({select('xenwatch_domain_state', DOMAIN, state=name)} == 1) * 0 + {number}"
        for name, (number, _) in STATES.items()
    )
    subject = Subject(
        "State of the VM",
        "Running or blocked (waiting for an event, as an idle one is): fine. Paused, shutdown: "
        "does nothing. Crashed, dying: a dying domain holds what it has until it is gone.",
        LINKS,
        GONE,
    )
    panel = style.number(subject, [Query(f"max({numbers})", "state")])
    found = ((str(number), name, color) for name, (number, color) in STATES.items())
    return panel.mappings(words(found)).text_mode(common_models.BigValueTextMode.VALUE)


def _facts(style: Style) -> table.Panel:
    """Name, UUID, domid and size."""
    by = f"{HOST}, domid"
    info = f"max by ({by}, name, uuid, type) ({select('xenwatch_domain_info', DOMAIN)})"
    figures = {
        "vCPUs": "xenwatch_domain_vcpus",
        "Memory": "xenwatch_domain_memory_bytes",
        "Disks": "xenwatch_domain_disks",
        "Interfaces": "xenwatch_domain_network_interfaces",
    }
    subject = Subject("This VM", "What Xen knows of the VM.", LINKS, GONE)
    rows = Rows(
        {
            "name": Label("Name"),
            "uuid": Label("UUID", width=320),
            "domid": Label("domid", width=70),
            "type": Label("Type", width=70),
            "instance": Label("Host", hidden=True),
        },
        (
            Column("known", info, hidden=True),
            *(
                Column(
                    title,
                    f"max by ({by}) ({select(name, DOMAIN)})",
                    unit="bytes" if name.endswith("_bytes") else "short",
                    width=90,
                )
                for title, name in figures.items()
            ),
        ),
        first=("Name", "UUID", "domid", "Type", *figures),
    )
    return draw(style, subject, rows)


def _alerts(style: Style) -> table.Panel:
    """The alerts that Prometheus has about the VM."""
    by = f"{HOST}, alertname, severity"

    def said(severity: str, state: str) -> str:
        series = of_rules("ALERTS", OWN, severity=severity, alertstate=state)
        return f"max by ({by}, alertstate, about) ({joined(series, *alert_labels())})"

    since = joined(of_rules("ALERTS_FOR_STATE", OWN), *alert_labels())
    active = worst_of(said, "firing|pending", "about")
    subject = Subject(
        "Alerts about this VM",
        "Alerts of Prometheus's rules that name this VM. A click on one leads to its runbook.",
        LINKS,
        "No alert is about this VM, or Prometheus does not have the rules",
        runbooks=False,
    )
    rows = Rows(
        {
            "severity": Label("Severity", severity_words(), colored=True, width=100),
            "alertname": Label("Alert", link=runbook_of_the_row(style), width=300),
            "alertstate": Label("State", width=80),
            "about": Label("About"),
            "instance": Label("Host", hidden=True),
        },
        (
            Column("Active", active, hidden=True),
            lasting(f"{by}, about", since, active, width=100),
        ),
        sort=(("State", False), ("Severity", False)),
        first=("Severity", "Alert", "State", "About", "For"),
    )
    return draw(style, subject, rows)


def _share(style: Style) -> bargauge.Panel:
    """What the domain takes of its own limits and of those that all share."""
    own = f"max by ({HOST}, limit) ({limits.ratios(DOMAIN)})"
    shared = " or ".join(
        f"label_replace(max by ({HOST}) ({select(used, DOMAIN)}) / {select(most, INSTANCE)}, "
        f'"limit", "{name}", "", "")'
        for name, used in SHARES.items()
        for most in (limits.max_of(name),)
    )
    asked = [
        *(Query(q.expression, "{{limit}}", q.color) for q in limits.split(own, INSTANCE)),
        Query(f"sort_desc({shared})", "{{limit}} (of all)", BLUE),
    ]
    subject = Subject(
        "Share of every limit",
        "The used part of the limits that the VM has of its own, in the colours of their "
        "thresholds, the fullest first. Blue: its part of limits that all VMs share.",
        LINKS,
        GONE,
        runbooks=False,
    )
    panel = style.bars(subject, "percentunit", asked).max(1).decimals(1)
    for name, properties in limits.full_names(" (of all)").items():
        panel.override_by_name(name, list(properties))
    return panel


def _advice(style: Style) -> table.Panel:
    """Devices that `xenwatch advise` recommends disabling."""
    devices = "|".join(REMEDIES)
    emulated = "xenwatch_qemu_emulated_device"
    asked = select(emulated, f'{DOMAIN},device=~"{devices}"')
    for device, other in KEPT_FOR.items():
        kept, reason = (select(emulated, DOMAIN, device=name) for name in (device, other))
        asked += f" unless ({kept} and {ON} {reason})"
    woken = f"({asked}) * {ON} group_left () {rate('xenwatch_qemu_wakeups_total', DOMAIN)}"
    costs = [(remedy.device, remedy.cost, None) for remedy in REMEDIES.values()]
    subject = Subject(
        "Advice: emulated devices to disable",
        "Emulated devices that wake up the VM's QEMU and can be disabled, what that costs, and "
        "how often all of them together wake it up. To disable one: xenwatch advise on the host.",
        LINKS,
        "No emulated device that could be disabled",
    )
    by = f"{HOST}, device"
    copied = f'label_replace({woken}, "cost", "$1", "device", "(.*)")'
    rows = Rows(
        {
            "device": Label("Device", width=95),
            "cost": Label("What it costs", words(costs)),
            "instance": Label("Host", hidden=True),
        },
        (Column("All wakeups", f"max by ({by}, cost) ({copied})", unit="cps", width=110),),
        sort=(("Device", False),),
    )
    return draw(style, subject, rows)


def _devices(style: Style) -> table.Panel:
    """The state of its devices' backends, and errors."""
    by = f"{HOST}, class, state, errno, backend_domid"
    states = f"max by ({by}) ({select('xenwatch_domain_backends', DOMAIN)})"
    errors = f"max by ({by}) ({select('xenwatch_domain_backend_errors', DOMAIN)})"
    subject = Subject(
        "Devices of the VM",
        "Backends by class, state in xenstore and the domain that serves them (0: dom0), and "
        "error nodes in xenstore with their errno. Connected is the usual state.",
        LINKS,
        "This VM has no device with a backend",
    )
    colors = {"Connected": GREEN, "Closed": RED, "Closing": ORANGE}
    rows = Rows(
        {
            "class": Label("Class", width=90),
            "state": Label(
                "State",
                words((name, name, color) for name, color in colors.items()),
                colored=True,
                width=110,
            ),
            "errno": Label("Error"),
            "backend_domid": Label("Served by", width=90),
            "instance": Label("Host", hidden=True),
        },
        (Column("Devices", f"{states} or {errors}", width=90),),
        sort=(("Class", False),),
        first=("Class", "State", "Error", "Served by", "Devices"),
    )
    return draw(style, subject, rows)


def domains_dashboard(policy: Policy) -> Dashboard:
    """Everything that has the label `domid`, of one VM."""
    style = Style(UID, policy)
    rows: list[tuple[str, list[AnyPanel]]] = [
        (
            "This VM",
            [
                _state(style).span(4).height(5),
                _facts(style).span(20).height(5),
                _share(style).span(10).height(9),
                _alerts(style).span(14).height(9),
            ],
        ),
        (
            "Work of dom0 for this VM",
            [
                *serving.work(style),
                _advice(style).span(17),
                _devices(style).span(7),
            ],
        ),
        (
            "Disks and network",
            [
                *(panel.span(8) for panel in serving.disks(style)),
                *(panel.span(12) for panel in serving.network(style)),
            ],
        ),
    ]
    shown = [panel for _, panels in rows for panel in panels]
    others = remaining(style, shown, DOMAIN, of_domains=True).span(24).height(12)
    rows.append(("Other metrics", [history(style, DOMAIN, of_domains=True).span(24), others]))
    info = select("xenwatch_domain_info", INSTANCE)
    # A name can have quotes and ends of lines.
    chosen = r'/name="(?<text>[\s\S]*?)",[\s\S]*uuid="(?<value>[^"]+)"/'
    found = ranked(variable("vm", "VM", ""), info, chosen)
    found.sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    domid = variable(
        "domid",
        "domid",
        f"label_values({select('xenwatch_domain_info', INSTANCE, uuid='$vm')}, domid)",
    )
    fires = of_rules("ALERTS", OWN, alertstate=FIRING)
    return board(
        UID,
        "xenwatch: VM",
        "What one VM takes of every limit and of dom0, how its disks and networks do, and what "
        "to change.",
        [
            variable("instance", "Host", hosts()),
            found,
            all_of(domid).hide(models.VariableHide.HIDE_VARIABLE),
            choice(DOMAIN),
        ],
        rows,
        policy=policy,
        alerts=f"max by ({HOST}, alertname, severity) ({fires})",
    )
