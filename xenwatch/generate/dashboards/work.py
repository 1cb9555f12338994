"""Panels about dom0's work: its control path, CPUs, memory, networks and disks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from grafana_foundation_sdk.builders import bargauge

from xenwatch.alerts.declared.control_path_slow import ALERT as SLOW
from xenwatch.alerts.declared.xenstored_unresponsive import ALERT as UNRESPONSIVE
from xenwatch.generate.dashboards.panels import (
    BLUE,
    DASHED,
    STATUS,
    AnyPanel,
    Lines,
    Link,
    Query,
    Style,
    Subject,
    to_domain,
)
from xenwatch.generate.dashboards.queries import (
    HOST,
    INSTANCE,
    most,
    rate,
    select,
    slowest,
    with_names,
)

MOST: Final = 10
"""Lines or bars of VMs, the greatest."""
FEW: Final = 4
"""Lines of panels whose legend has to be read at once."""
VMS: Final = Link("VMs of this host", to_domain("").url.replace("var-vm=&", ""))
VCPUS: Final = f"on ({HOST}) group_left () {select('xenwatch_dom0_vcpus', INSTANCE)}"


def _gauge(name: str) -> str:
    return select(name, INSTANCE)


def _rate(name: str) -> str:
    return rate(name, INSTANCE)


def control_path(style: Style) -> Iterator[AnyPanel]:
    """Whether the toolstack's daemons answer, and what they wait for."""
    yield style.series(
        Subject(
            "Control path: time of a request",
            "Median of the last six requests to xenstored and xapi, and what 99 % of the requests "
            "stayed below. Dashed: the thresholds of XenwatchControlPathSlow. Requests that "
            "failed have no time.",
            [STATUS],
        ),
        "s",
        [
            Query(_gauge("xenwatch_control_path_median_round_trip_seconds"), "{{target}} median"),
            Query(slowest("xenwatch_control_path_round_trip_seconds", INSTANCE), "{{target}} 99 %"),
        ],
        Lines(alert=SLOW),
    )
    yield style.series(
        Subject(
            "Control path: requests that failed",
            "Share of the last six requests to xenstored and xapi that failed or timed out after "
            "2 s. Dashed: the threshold of XenwatchXenstoredUnresponsive.",
            [STATUS],
        ),
        "percentunit",
        [Query(_gauge("xenwatch_control_path_failed_ratio"), "{{target}}")],
        Lines(alert=UNRESPONSIVE, most=1),
    )
    yield style.series(
        Subject(
            "Waiting for CPU or memory",
            "Share of the time in which the threads of a daemon of the control path were runnable "
            "but waited for a CPU of dom0 (the sum of its threads), in which tasks of a slice or "
            "of all of dom0 waited (PSI, on kernels that have it), and in which dom0's CPUs waited "
            "for Xen over five minutes (steal).",
            [STATUS],
        ),
        "percentunit",
        [
            Query(_rate("xenwatch_daemon_wait_seconds_total"), "{{role}}"),
            Query(_rate("xenwatch_slice_pressure_seconds_total"), "{{slice}}: {{kind}}"),
            Query(_gauge("xenwatch_dom0_memory_pressure_ratio"), "memory: {{kind}}"),
            Query(_gauge("xenwatch_dom0_cpu_steal_ratio"), "steal"),
        ],
    )


def waiting(style: Style) -> Sequence[AnyPanel]:
    """What the control path uses of dom0's CPUs, and the VMs that it starts."""
    cpu = style.series(
        Subject(
            "CPU of the control path",
            "CPUs of dom0 that each daemon of the control path and each slice uses: 100 % is one.",
            [STATUS],
        ),
        "percentunit",
        [
            Query(_rate("xenwatch_daemon_cpu_seconds_total"), "{{role}}"),
            Query(_rate("xenwatch_slice_cpu_seconds_total"), "{{slice}}"),
        ],
    )
    starts = style.series(
        Subject(
            "VM starts",
            "VMs that are starting: introduced, and not all of their devices connected yet. Those "
            "that started or failed since the point before.",
            [VMS],
        ),
        "short",
        [
            Query(_gauge("xenwatch_vm_starts_in_progress"), "starting"),
            Query(_increase("xenwatch_vm_start_seconds", "_count"), "started"),
            Query(_increase("xenwatch_vm_starts_failed_total"), "failed"),
        ],
    )
    return [cpu.span(12), starts.span(12)]


def _increase(name: str, suffix: str = "") -> str:
    series = select(name, INSTANCE).replace("{", suffix + "{", 1)
    return f"round(increase({series}[$__rate_interval]))"


def dom0(style: Style) -> Iterator[AnyPanel]:
    """How busy dom0 is, and with what."""
    busy = rate("xenwatch_dom0_cpu_seconds_total", f'{INSTANCE},mode!="idle"')
    yield style.series(
        Subject(
            "dom0's CPUs",
            "Share of dom0's CPU time by what it was used for; the rest was idle. Steal is time "
            "that Xen gave to other domains.",
            [STATUS],
        ),
        "percentunit",
        [Query(f"sum by ({HOST}, mode) ({busy}) / {VCPUS}", "{{mode}}")],
        Lines(stacked=True, most=1),
    )
    kinds = f"sum by (kind) ({_rate('xenwatch_datapath_cpu_seconds_total')})"
    qemus, helpers = (
        f"sum({_rate(name)})"
        for name in ("xenwatch_qemu_cpu_seconds_total", "xenwatch_vm_helper_cpu_seconds_total")
    )
    yield style.series(
        Subject(
            "CPU of dom0 for the VMs' devices",
            "CPUs of dom0 that backends of the VMs' devices, QEMUs and other helpers of VMs use, "
            "such as swtpm: 100 % is one.",
            [VMS],
        ),
        "percentunit",
        [Query(kinds, "{{kind}}"), Query(qemus, "QEMU"), Query(helpers, "other helpers")],
        Lines(stacked=True),
    )
    yield from _load_and_memory(style)


def _load_and_memory(style: Style) -> Iterator[AnyPanel]:
    yield style.series(
        Subject(
            "dom0's load",
            "Load average over a minute, tasks that are running or waiting for a CPU, tasks that "
            "wait for storage, and the number of dom0's CPUs.",
            [STATUS],
        ),
        "short",
        [
            Query(select("xenwatch_dom0_load", INSTANCE, minutes="1"), "load over a minute"),
            Query(_gauge("xenwatch_dom0_runnable_tasks"), "runnable"),
            Query(_gauge("xenwatch_dom0_blocked_tasks"), "waiting for storage"),
            Query(_gauge("xenwatch_dom0_vcpus"), "vCPUs"),
        ],
        Lines(overrides={"vCPUs": DASHED}),
    )
    yield style.series(
        Subject(
            "dom0's memory",
            "Memory of dom0: used and max, what the kernel's slabs take of it, and swap in use.",
            [STATUS],
        ),
        "bytes",
        [
            Query(_gauge("xenwatch_dom0_memory_used_bytes"), "used"),
            Query(_gauge("xenwatch_dom0_memory_max_bytes"), "max"),
            Query(_gauge("xenwatch_dom0_slab_bytes"), "slabs"),
            Query(_gauge("xenwatch_dom0_swap_used_bytes"), "swap"),
        ],
        Lines(overrides={"max": DASHED}),
    )


def network_and_disks(style: Style) -> Iterator[AnyPanel]:
    """Packets that are lost, and how long disks take."""
    by = f"{HOST}, domid, direction"
    errors = most(FEW, _rate("xenwatch_uplink_errors_total"), ["device", "direction"])
    dropped = f"sum by ({by}) ({_rate('xenwatch_vif_dropped_packets_total')})"
    drops = most(FEW, dropped, by.split(", "))
    yield style.series(
        Subject(
            "Packets dropped, errors of uplinks",
            f"Packets of VMs that were dropped, the {FEW} with most: rx from the guest, tx to it. "
            "Errors of the physical interfaces behind bridges with VMs.",
            [VMS],
        ),
        "pps",
        [
            Query(with_names(drops, INSTANCE), "{{name}} {{direction}}"),
            Query(errors, "errors of {{device}} {{direction}}"),
        ],
    )
    info = select("xenwatch_disk_info", INSTANCE)
    on = f"on ({HOST}, domid, device) group_left (storage) {info}"

    def by_storage(name: str) -> str:
        return f"sum by (storage, operation) ({_rate(name)} * {on})"

    waited = by_storage("xenwatch_disk_wait_seconds_total")
    requests = by_storage("xenwatch_disk_requests_total")
    stalled = f"max by (storage) ({_gauge('xenwatch_disk_stalled_seconds')} * {on})"
    yield style.series(
        Subject(
            "Storage: time of a request",
            "Mean time of the requests to the VMs' disks by storage and operation, and for how "
            "long a disk with requests in flight has had no answer.",
            [VMS],
        ),
        "s",
        [
            Query(f"{waited} / {requests}", "{{storage}} {{operation}}"),
            Query(stalled, "{{storage}} no answer for"),
        ],
    )
    yield style.series(
        Subject(
            "Storage: throughput",
            "Bytes that the VMs' disks read and write by storage.",
            [VMS],
        ),
        "Bps",
        [Query(by_storage("xenwatch_disk_bytes_total"), "{{storage}} {{operation}}")],
    )


def _top(style: Style, subject: Subject, unit: str, series: str) -> bargauge.Panel:
    """The VMs with most of something, each with a link to its dashboard."""
    greatest = f"sort_desc(topk({MOST}, {with_names(series, INSTANCE)}))"
    panel = style.bars(subject, unit, [Query(greatest, "{{name}}", BLUE)])
    return panel.data_links([style.data_link(to_domain("${__field.labels.uuid:percentencode}"))])


def domains(style: Style) -> Sequence[AnyPanel]:
    """The VMs that take most of dom0."""
    by = f"{HOST}, domid"
    cpu = " + ".join(
        f"sum by ({by}) ({_rate(name)})"
        for name in ("xenwatch_datapath_cpu_seconds_total", "xenwatch_qemu_cpu_seconds_total")
    )
    alone = f"sum by ({by}) ({_rate('xenwatch_datapath_cpu_seconds_total')})"
    return [
        _top(
            style,
            Subject(
                "Most CPU of dom0",
                "CPUs of dom0 that the backends of a VM's devices and its QEMU use: 100 % is one.",
                [VMS],
            ),
            "percentunit",
            f"{cpu} or {alone}",
        ),
        _top(
            style,
            Subject(
                "Most QEMU wakeups",
                "How often a second the threads of a VM's QEMU wake up; its dashboard says which "
                "emulated devices cause it and can be disabled.",
                [VMS],
            ),
            "cps",
            _rate("xenwatch_qemu_wakeups_total"),
        ),
        _top(
            style,
            Subject(
                "Most event channels",
                "Event channels of dom0 by the VM at the other end.",
                [VMS],
            ),
            "short",
            select("xenwatch_domain_event_channels", f'{INSTANCE},domid!="0"'),
        ),
        _top(
            style,
            Subject(
                "Most disk throughput",
                "Bytes that the disks of a VM read and write in a second.",
                [VMS],
            ),
            "Bps",
            f"sum by ({by}) ({_rate('xenwatch_disk_bytes_total')})",
        ),
    ]
