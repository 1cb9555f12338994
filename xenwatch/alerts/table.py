"""The one table of alerts.

From it come the daemon's states and messages, the configuration keys, the rules for Prometheus and
the inhibitions for Alertmanager; each alert has its runbook and its tests by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from xenwatch.alerts.conditions import Condition, Selector
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Thresholds
from xenwatch.probes import PROBES

WARNING: Final = "warning"
CRITICAL: Final = "critical"
SEVERITIES: Final = (WARNING, CRITICAL)

NEAR_LIMIT: Final = "near_limit"
"""The section of the configuration that all alerts of limits share."""

PERCENT: Final = "percent"
DURATION: Final = "duration"
NUMBER: Final = "number"


def alert_name(name: str) -> str:
    """The name of an alert as Prometheus shows it: `XenwatchProbeFailing`."""
    return "Xenwatch" + "".join(part.capitalize() for part in name.split("_"))


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    `conditions` has when it is active by severity; `labels` are those its series have, `seconds`
    how long a condition must hold (a default). `summary` and `description` may hold `{value}` and
    `{LABEL}`; `shown` says how the value is written: percent, duration or number. `probe` is the
    probe without which nothing is known, empty where there is none; `probes` are those by value of
    the first label, where each series has its own; `sparse` whether no series at all means that all
    is well. `causes` are names of alerts that explain this one, where its labels have a value of
    those in `explained`. `thresholds` are the defaults of thresholds that are set for the alert
    itself, `section` its name in the configuration.
    """

    name: str
    summary: str
    description: str
    conditions: Mapping[str, Condition]
    seconds: float
    labels: tuple[str, ...] = ()
    shown: str = NUMBER
    probe: str = ""
    probes: Mapping[str, str] = field(default_factory=dict)
    sparse: bool = True
    causes: tuple[str, ...] = ()
    explained: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    thresholds: Thresholds | None = None
    section: str = ""

    @property
    def title(self) -> str:
        """The name other programs see, and that of the runbook."""
        return alert_name(self.name)


@dataclass(frozen=True, slots=True)
class Watch:
    """An alert for Prometheus alone: about xenwatch itself, many hosts, or the past.

    `expression` is PromQL; the rest is as in `Alert`.
    """

    name: str
    summary: str
    description: str
    expression: str
    seconds: float
    severity: str = WARNING
    labels: tuple[str, ...] = ("job", "instance")
    shown: str = NUMBER
    causes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """See `Alert.title`."""
        return alert_name(self.name)


def own_threshold(name: str, severity: str) -> Selector:
    """The series that is the threshold of an alert that has one of its own."""
    only = {"alert": (alert_name(name),), "severity": (severity,)}
    return Selector("xenwatch_alert_threshold", only)


def _near(limit: Limit, severity: str) -> Condition:
    only = {"limit": (limit.name,), "severity": (severity,)}
    return Condition(
        Selector(limit.used_metric),
        ">=",
        Selector("xenwatch_limit_threshold_ratio", only),
        over=Selector(limit.max_metric),
    )


def near_limit(limit: Limit) -> Alert:
    """The alert of a limit: warning and critical at its thresholds."""
    of = f" ({limit.label} {{{limit.label}}})" if limit.label else ""
    return Alert(
        name=f"{limit.name}_near_limit",
        summary=f"{limit.title}{of}: {{value}} used",
        description=f"{{value}} of the limit is used: {limit.title}{of}. "
        f"What its end looks like: {limit.symptom}.",
        conditions={severity: _near(limit, severity) for severity in SEVERITIES},
        seconds=60,
        labels=(limit.label,) if limit.label else (),
        shown=PERCENT,
        probe=limit.probe,
        sparse=False,
        section=NEAR_LIMIT,
    )


_NO_MORE_CHANNELS: Final = ("event_channels_near_limit", "irqs_near_limit")
STOPPED: Final = ("dying", "shutdown", "crashed")
"""States of a domain in which its devices may well be closed."""
_DOMAINS: Final = "xenwatch_domain_state"

_DECLARED: Final = (
    Alert(
        name="limit_full_soon",
        summary="{limit} is full in {value}",
        description="If its use goes on rising as in the last hours, the limit {limit} is full in "
        "{value}. A steady rise without new VMs is a leak.",
        conditions={
            severity: Condition(
                Selector("xenwatch_limit_seconds_to_full"),
                "<",
                own_threshold("limit_full_soon", severity),
            )
            for severity in SEVERITIES
        },
        seconds=600,
        labels=("limit",),
        shown=DURATION,
        probes={limit.name: limit.probe for limit in LIMITS if limit.scarce},
        thresholds=Thresholds(6 * 3600.0, 3600.0),
    ),
    Alert(
        name="probe_failing",
        summary="xenwatch cannot read {probe}",
        description="The probe {probe} fails, so nothing is known of what it reads, and its other "
        "alerts are silent. `xenwatch doctor` says why.",
        conditions={WARNING: Condition(Selector("xenwatch_probe_success"), "==", 0)},
        seconds=300,
        labels=("probe",),
        causes=("xenstored_fds_near_limit",),
        explained={"probe": tuple(it.name for it in PROBES if "xenstored" in it.asks)},
    ),
    Alert(
        name="backend_errors",
        summary="Domain {domid} runs without a device: {class} ({errno})",
        description="{value} error nodes of class {class} with {errno} for the living domain "
        "{domid}: it was started, but a disk or network interface did not connect.",
        conditions={
            WARNING: Condition(
                Selector("xenwatch_domain_backend_errors"),
                ">",
                0,
                among=("domid", Selector(_DOMAINS, never={"state": ("dying",)})),
            )
        },
        seconds=120,
        labels=("domid", "class", "errno"),
        probe="xenstore_devices",
        causes=(*_NO_MORE_CHANNELS, "grant_frames_near_limit"),
    ),
    Alert(
        name="backends_closed",
        summary="Domain {domid} lives, but its {class} is {state}",
        description="{value} backends of class {class} of domain {domid} are {state} though the "
        "domain runs: it has lost a disk or network interface, or never had it.",
        conditions={
            WARNING: Condition(
                Selector("xenwatch_domain_backends", {"state": ("Closing", "Closed")}),
                ">",
                0,
                among=("domid", Selector(_DOMAINS, never={"state": STOPPED})),
            )
        },
        seconds=300,
        labels=("domid", "class", "state"),
        probe="backends",
        causes=("backend_errors", *_NO_MORE_CHANNELS),
    ),
    Alert(
        name="zombie_domain",
        summary="Domain {domid} does not die",
        description="Domain {domid} is dying and not gone: something still holds its memory or "
        "event channels, and it holds those of dom0.",
        conditions={WARNING: Condition(Selector(_DOMAINS, {"state": ("dying",)}), "==", 1)},
        seconds=600,
        labels=("domid", "state"),
        probe="domains",
        causes=_NO_MORE_CHANNELS,
    ),
    Alert(
        name="control_path_starved",
        summary="{slice} is sure of {value} of dom0's CPU time",
        description="When dom0's CPUs are busy, the toolstack's daemons get {value} of them and "
        "time out: other slices, or processes beside them, weigh more than they should.",
        conditions={
            severity: Condition(
                Selector(
                    "xenwatch_slice_share_under_contention_ratio", {"slice": ("control.slice",)}
                ),
                "<",
                own_threshold("control_path_starved", severity),
            )
            for severity in SEVERITIES
        },
        seconds=600,
        labels=("slice",),
        shown=PERCENT,
        probe="slices",
        sparse=False,
        thresholds=Thresholds(0.3, 0.1),
    ),
    Alert(
        name="misplaced_processes",
        summary="{value} {comm} in {cgroup}",
        description="{value} processes {comm} run in the control group {cgroup}, where they take "
        "CPU time that is meant for others, or get too little.",
        conditions={WARNING: Condition(Selector("xenwatch_misplaced_processes"), ">", 0)},
        seconds=600,
        labels=("comm", "cgroup"),
        probe="slices",
    ),
)

ALERTS: Final[tuple[Alert, ...]] = (*(near_limit(limit) for limit in LIMITS), *_DECLARED)
"""Every alert the daemon evaluates, and Prometheus too."""

WATCHES: Final[tuple[Watch, ...]] = (
    Watch(
        "down",
        "xenwatch on {instance} cannot be scraped",
        "Prometheus gets no page from {instance}: nothing warns of this host's limits.",
        'up{job="xenwatch"} == 0',
        300,
        CRITICAL,
    ),
    Watch(
        "absent",
        "No xenwatch is scraped at all",
        "There is no series of any xenwatch: the target is gone from Prometheus's configuration, "
        "or every host is down.",
        'absent(xenwatch_build_info{job="xenwatch"})',
        600,
        CRITICAL,
        ("job",),
        causes=("down",),
    ),
    Watch(
        "stale",
        "xenwatch on {instance} serves old readings",
        "The newest reading of {instance} is {value} old. The daemon answers, but its probes "
        "stand still.",
        "time() - xenwatch_snapshot_timestamp_seconds > 120",
        120,
        CRITICAL,
        shown=DURATION,
    ),
    Watch(
        "limit_filling_up",
        "{limit} of {instance} fills up within a day",
        "The limit {limit} is more than half used, and the line through its last six hours "
        "reaches {value} in a day.",
        "(\n  predict_linear(xenwatch_limit_used_ratio[6h], 86400) >= 1\n"
        "and\n  xenwatch_limit_used_ratio > 0.5\n)",
        3600,
        WARNING,
        ("job", "instance", "limit"),
        PERCENT,
        causes=("limit_full_soon",),
    ),
    Watch(
        "qemu_wakeups",
        "QEMUs on {instance} wake {value} times a second",
        "The QEMUs of this host are woken {value} times a second, which costs about a CPU of dom0 "
        "for each ten thousand. Idle VMs need next to none.",
        "round(sum by (job, instance) (rate(xenwatch_qemu_wakeups_total[10m]))) > 10000",
        3600,
    ),
    Watch(
        "pool_full",
        "No host has room for a VM of shape {shape}",
        "The host with the most room has room for {value} more VMs of shape {shape}.",
        "max by (job, shape) (xenwatch_vm_headroom) < 1",
        600,
        WARNING,
        ("job", "shape"),
    ),
)
"""Every alert for Prometheus alone."""
