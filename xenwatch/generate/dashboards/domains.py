"""The dashboard of one VM: what it takes of every limit and of dom0, and what to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, table
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from xenwatch.advice.qemu_wakeups import KEPT_FOR, REMEDIES
from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import limits
from xenwatch.generate.dashboards.board import all_of, board, hosts, ranked, variable
from xenwatch.generate.dashboards.panels import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    AnyPanel,
    Link,
    Query,
    Style,
    Subject,
    to_host,
    words,
)
from xenwatch.generate.dashboards.queries import DOMAIN, HOST, INSTANCE, rate, select
from xenwatch.generate.dashboards.remaining import history, remaining
from xenwatch.generate.dashboards.states import about, runbook_of_the_row, severity_words
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw

UID: Final = "xenwatch-domains"
ON: Final = f"on ({HOST}, domid)"
PAGE: Final = Link("This VM on the status page", "http://${instance:raw}/#domains")
BACK: Final = Link("Its host", to_host("${instance:raw}").url)
LINKS: Final = (PAGE, BACK)
GONE: Final = "This VM is not on this host now"
NO_QEMU: Final = "This VM has no QEMU"
NO_DISK: Final = "No disk of this VM is served by dom0"
NO_VIF: Final = "No network interface of this VM is served by dom0"
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
            "uuid": Label("UUID", width=300),
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
    """The alerts that Prometheus has about the domain."""
    found = f'{DOMAIN},alertname=~"Xenwatch.+"'
    subject = Subject(
        "Alerts about this VM",
        "Alerts of Prometheus's rules that name this VM. A click on one leads to its runbook.",
        LINKS,
        "No alert is about this VM, or Prometheus has not the rules",
        runbooks=False,
    )
    by = f"{HOST}, alertname, severity"
    rows = Rows(
        {
            "severity": Label("Severity", severity_words(), colored=True, width=100),
            "alertname": Label("Alert", link=runbook_of_the_row(style)),
            "alertstate": Label("State", width=90),
            "about": Label("About"),
            "instance": Label("Host", hidden=True),
        },
        (
            Column(
                "Active",
                f"max by ({by}, alertstate, about) ({about(f'ALERTS{{{found}}}')})",
                hidden=True,
            ),
            Column(
                "For",
                f"time() - max by ({by}, about) ({about(f'ALERTS_FOR_STATE{{{found}}}')})",
                unit="s",
                decimals=0,
                width=100,
            ),
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
            "device": Label("Device", width=110),
            "cost": Label("What it costs", words(costs)),
            "instance": Label("Host", hidden=True),
        },
        (Column("Wakeups", f"max by ({by}, cost) ({copied})", unit="cps", width=100),),
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


def _work(style: Style) -> Iterator[AnyPanel]:
    """What dom0 does for the VM."""
    yield style.series(
        Subject(
            "Wakeups of its QEMU",
            "How often a second the threads of its QEMU wake up, and what wakes them (timer, io) "
            "where causes are counted.",
            LINKS,
            NO_QEMU,
        ),
        "cps",
        [
            Query(rate("xenwatch_qemu_wakeups_total", DOMAIN), "all"),
            Query(rate("xenwatch_qemu_wakeups_by_cause_total", DOMAIN), "{{cause}}"),
        ],
    )
    yield style.series(
        Subject(
            "CPU",
            "CPUs that the VM itself uses, those of dom0 that its backends and its QEMU use, and "
            "what its QEMU waits for a CPU: 100 % is one CPU.",
            LINKS,
            GONE,
        ),
        "percentunit",
        [
            Query(rate("xenwatch_domain_cpu_seconds_total", DOMAIN), "the VM"),
            Query(rate("xenwatch_datapath_cpu_seconds_total", DOMAIN), "dom0: {{kind}}"),
            Query(rate("xenwatch_qemu_cpu_seconds_total", DOMAIN), "dom0: QEMU"),
            Query(rate("xenwatch_qemu_wait_seconds_total", DOMAIN), "QEMU waits"),
        ],
    )


def _disks(style: Style) -> Iterator[AnyPanel]:
    waited = rate("xenwatch_disk_wait_seconds_total", DOMAIN)
    requests = rate("xenwatch_disk_requests_total", DOMAIN)
    yield style.series(
        Subject(
            "Disks: time of a request",
            "Mean time of a request by disk and operation, and for how long a disk with requests "
            "in flight has had no answer.",
            LINKS,
            NO_DISK,
        ),
        "s",
        [
            Query(f"{waited} / {requests}", "{{device}} {{operation}}"),
            Query(select("xenwatch_disk_stalled_seconds", DOMAIN), "{{device}} no answer for"),
        ],
    )
    yield style.series(
        Subject("Disks: requests", "Requests a second by disk and operation.", LINKS, NO_DISK),
        "reqps",
        [Query(requests, "{{device}} {{operation}}")],
    )
    yield style.series(
        Subject("Disks: throughput", "Bytes a second by disk and operation.", LINKS, NO_DISK),
        "Bps",
        [Query(rate("xenwatch_disk_bytes_total", DOMAIN), "{{device}} {{operation}}")],
    )


def _network(style: Style) -> Iterator[AnyPanel]:
    yield style.series(
        Subject(
            "Network: packets dropped",
            "Packets dropped in a second: rx from the guest, tx to it.",
            LINKS,
            NO_VIF,
        ),
        "pps",
        [Query(rate("xenwatch_vif_dropped_packets_total", DOMAIN), "{{device}} {{direction}}")],
    )
    yield style.series(
        Subject(
            "Network: interfaces that are not well",
            "Interfaces in no bridge or switch, and interfaces whose backend is not connected; "
            "queues to the guest that are full and stopped.",
            LINKS,
            NO_VIF,
        ),
        "short",
        [
            Query(select("xenwatch_vifs_unattached", DOMAIN), "in no network"),
            Query(select("xenwatch_vifs_unconnected", DOMAIN), "not connected"),
            Query(select("xenwatch_vif_stopped_queues", DOMAIN), "{{device}} stopped queues"),
        ],
    )


def domains_dashboard(policy: Policy) -> Dashboard:
    """Everything that has the label `domid`, of one VM."""
    style = Style(UID, policy)
    rows: list[tuple[str, list[AnyPanel]]] = [
        (
            "This VM",
            [
                _state(style).span(4).height(5),
                _facts(style).span(20).height(5),
                _share(style).span(12).height(9),
                _alerts(style).span(12).height(9),
            ],
        ),
        (
            "Work of dom0 for it",
            [
                *(panel.span(12) for panel in _work(style)),
                _advice(style).span(12),
                _devices(style).span(12),
            ],
        ),
        (
            "Disks and network",
            [
                *(panel.span(8) for panel in _disks(style)),
                *(panel.span(12) for panel in _network(style)),
            ],
        ),
    ]
    shown = [panel for _, panels in rows for panel in panels]
    others = remaining(style, shown, DOMAIN, of_domains=True).span(24).height(12)
    rows.append(("Other metrics", [history(style, DOMAIN).span(24), others]))
    info = select("xenwatch_domain_info", INSTANCE)
    found = ranked(
        variable("vm", "VM", ""), info, '/name="(?<text>.*?)",.*uuid="(?<value>[^"]+)"/'
    ).sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    domid = variable(
        "domid",
        "domid",
        f"label_values({select('xenwatch_domain_info', INSTANCE, uuid='$vm')}, domid)",
    )
    metrics = f'label_values({{__name__=~"xenwatch_.+",{DOMAIN}}}, __name__)'
    named = f'ALERTS{{{DOMAIN},alertname=~"Xenwatch.+",alertstate="firing"}}'
    return board(
        UID,
        "xenwatch: VM",
        "What one VM takes of every limit and of dom0, how its disks and networks do, and what "
        "to change.",
        [
            variable("instance", "Host", hosts()),
            found,
            all_of(domid).hide(models.VariableHide.HIDE_VARIABLE),
            variable("metric", "Metric", metrics),
        ],
        rows,
        policy=policy,
        alerts=f"max by ({HOST}, alertname, severity) ({named})",
    )
