"""The dashboard of one host: whether it is OK and why, room for VMs, limits, dom0's work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import common as common_models

from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import limits, parts, work
from xenwatch.generate.dashboards.board import board, hosts, ranked, variable
from xenwatch.generate.dashboards.panels import (
    RED,
    STATUS,
    AnyPanel,
    Query,
    Style,
    Subject,
    steps,
    words,
)
from xenwatch.generate.dashboards.queries import HOST, INSTANCE, rate, select
from xenwatch.generate.dashboards.remaining import choice, history, remaining
from xenwatch.generate.dashboards.states import (
    MEANING,
    alerts_table,
    firing,
    host_state,
    runbook_of_the_row,
    state_words,
)
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw

UID: Final = "xenwatch-host"
PROBE: Final = ("probe",)


def state(style: Style) -> stat.Panel:
    """Whether the host is OK, in one word."""
    subject = Subject("State", MEANING, [STATUS], "No reading in the time shown")
    panel = style.number(subject, [Query(host_state(INSTANCE), "{{instance}}")])
    return panel.mappings(state_words()).text_mode(common_models.BigValueTextMode.VALUE)


def source(style: Style) -> stat.Panel:
    """Whether the readings are of a live host: red where they are not."""
    subject = Subject(
        "Source",
        "SYNTHETIC: there is no such host, xenwatch simulates it. CAPTURE: a host as it was then.",
        [STATUS],
        "A live host",
        runbooks=False,
    )
    marked = select("xenwatch_source_info", f'{INSTANCE},mark!=""')
    panel = style.number(subject, [Query(f"max by ({HOST}, mark) ({marked})", "{{mark}}")])
    panel.thresholds(steps((None, RED)))
    return panel.text_mode(common_models.BigValueTextMode.NAME)


def _first(style: Style) -> Sequence[AnyPanel]:
    alerts = Subject(
        "Active alerts",
        "Why: the alerts that fire, are about to fire (pending), or cannot be judged (unknown), "
        "the worst first, with what they are about where Prometheus has the rules. A click on an "
        "alert opens its runbook.",
        [STATUS],
        "No alert is active",
        runbooks=False,
    )
    return [
        state(style).span(4).height(3),
        alerts_table(style, alerts, INSTANCE).span(20).height(6),
        source(style).span(4).height(3),
        limits.room(style).span(13).height(6),
        limits.next_full(style).span(11).height(6),
    ]


def _messages(style: Style) -> table.Panel:
    """Messages of trouble in the logs of the kernel and of Xen."""
    subject = Subject(
        "Messages of trouble",
        "Messages of dom0's kernel and of Xen in the last 15 minutes that say that something is "
        "wrong, by kind, the most frequent first.",
        [STATUS],
        "No message of trouble in the last 15 minutes",
        runbooks=False,
    )
    recent = select("xenwatch_log_recent_messages", INSTANCE)
    rows = Rows(
        {
            "log": Label("Log", width=80),
            "kind": Label("Message"),
            "runbook": Label("Runbook", link=runbook_of_the_row(style)),
            "instance": Label("Host", hidden=True),
        },
        (Column("Times", f"topk(15, max by ({HOST}, log, kind, runbook) ({recent}))", width=80),),
        sort=(("Times", True),),
    )
    return draw(style, subject, rows)


def _probes(style: Style) -> table.Panel:
    """What xenwatch reads, what of it fails, and what it costs."""
    by = f"{HOST}, probe"
    read = select("xenwatch_probe_reading_timestamp_seconds", INSTANCE)
    subject = Subject(
        "Probes",
        "What xenwatch reads of the host: what fails first, then the slowest. A probe that is not "
        "in the list does not apply to this host.",
        [STATUS],
    )
    found = words([("0", "fails", "red"), ("1", "ok", "green")])
    rows = Rows(
        {"probe": Label("Probe"), "instance": Label("Host", hidden=True)},
        (
            Column("State", _probe("xenwatch_probe_success"), words=found, width=80),
            Column("Time", _probe("xenwatch_probe_duration_seconds"), unit="s", width=90),
            Column("CPU time", _probe("xenwatch_probe_cpu_seconds"), unit="s", width=90),
            Column("Last read", f"time() - max by ({by}) ({read})", unit="s", decimals=0, width=80),
            Column(
                "Skipped",
                f"max by ({by}) ({rate('xenwatch_probe_overruns_total', INSTANCE)})",
                unit="cps",
                width=80,
            ),
        ),
        sort=(("State", False), ("Time", True)),
        first=("State", "Probe", "Time", "CPU time", "Last read", "Skipped"),
    )
    return draw(style, subject, rows)


def _probe(name: str) -> str:
    applicable = f"{select('xenwatch_probe_applicable', INSTANCE)} == 1"
    return f"max by ({HOST}, probe) ({select(name, INSTANCE)} and {applicable})"


def _facts(style: Style) -> table.Panel:
    """Which platform, Xen and xenwatch this is."""
    labels = {
        "platform": Label("Platform", width=90),
        "platform_version": Label("Version", width=80),
        "xen": Label("Xen", width=110),
        "kernel": Label("Kernel"),
        "machine": Label("Machine", width=85),
        "cgroup": Label("cgroup", width=80),
        "event_channel_abi": Label("Event channels", width=130),
        "version": Label("xenwatch", width=90),
        "pythonversion": Label("Python", width=80),
    }
    own = ("version", "pythonversion")
    others = [label for label in labels if label not in own]
    host = f"max by ({HOST}, {', '.join(others)}) ({select('xenwatch_host_info', INSTANCE)})"
    build = f"max by ({HOST}, {', '.join(own)}) ({select('xenwatch_build_info', INSTANCE)})"
    subject = Subject(
        "This dom0",
        "Platform, Xen and kernel of the host, and the version of xenwatch; CPUs and NUMA nodes "
        "of the host; weight and cap (in CPUs, 0: none) of dom0 in Xen's scheduler, and how many "
        "of its vCPUs are pinned. Empty where unknown.",
        [STATUS],
        runbooks=False,
    )
    figures = {
        "CPUs": "xenwatch_host_cpus",
        "NUMA": "xenwatch_host_numa_nodes",
        "Weight": "xenwatch_dom0_scheduler_weight",
        "Cap": "xenwatch_dom0_scheduler_cap_cpus",
        "Pinned": "xenwatch_dom0_vcpus_pinned",
    }
    scheduler = select("xenwatch_dom0_scheduler_info", INSTANCE)
    rows = Rows(
        {
            **labels,
            "scheduler": Label("Scheduler", width=95),
            "instance": Label("Host", hidden=True),
        },
        (
            Column("host", host, hidden=True),
            Column("build", build, hidden=True),
            Column("by", f"max by ({HOST}, scheduler) ({scheduler})", hidden=True),
            *(
                Column(title, f"max by ({HOST}) ({select(name, INSTANCE)})", width=75)
                for title, name in figures.items()
            ),
        ),
    )
    return draw(style, subject, rows)


def _rows(style: Style) -> list[tuple[str, list[AnyPanel]]]:
    """Every row but the last."""
    return [
        ("This host", list(_first(style))),
        (
            "Limits",
            [
                limits.ranked(style).span(14).height(23),
                limits.over_time(style).span(10).height(9),
                limits.room_over_time(style).span(10).height(6),
                limits.detail(style).span(10).height(8),
                limits.instances(style).span(24).height(5),
            ],
        ),
        ("Control path", [*work.control_path(style), *work.waiting(style)]),
        (
            "VMs",
            [
                *(panel.span(6).height(9) for panel in work.domains(style)),
                limits.of_domains(style).span(24).height(8),
            ],
        ),
        ("dom0", [panel.span(12) for panel in work.dom0(style)]),
        ("Network and storage", list(work.network_and_disks(style))),
        (
            "Parts, probes, logs, facts",
            [
                parts.parts(style).span(13).height(9),
                _probes(style).span(11).height(9),
                _messages(style).span(24).height(5),
                _facts(style).span(24).height(4),
            ],
        ),
    ]


def host_dashboard(policy: Policy) -> Dashboard:
    """Everything of one host."""
    style = Style(UID, policy)
    rows = _rows(style)
    shown = [panel for _, panels in rows for panel in panels]
    others = remaining(style, shown, INSTANCE, of_domains=False).span(24).height(12)
    rows.append(("Other metrics", [history(style, INSTANCE, of_domains=False).span(24), others]))
    fullest = f"sort_desc(max by (limit) ({select(limits.RATIO, INSTANCE)}))"
    return board(
        UID,
        "xenwatch: host",
        "Whether one dom0 is OK and why not, how many more VMs fit, its limits and its work.",
        [
            variable("instance", "Host", hosts()),
            ranked(variable("limit", "Limit", ""), fullest, '/limit="([^"]+)"/'),
            choice(INSTANCE),
        ],
        rows,
        policy=policy,
        alerts=firing(INSTANCE),
    )
