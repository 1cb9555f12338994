"""Panels about how dom0 serves one VM: CPU and memory of dom0, disks, networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xenwatch.generate.dashboards.panels import (
    DAEMON,
    AnyPanel,
    Lines,
    Link,
    Query,
    Style,
    Subject,
    to_host,
)
from xenwatch.generate.dashboards.queries import DOMAIN, rate, select

PAGE: Final = Link("This VM on the status page", f"{DAEMON}instance:raw}}/#domains")
BACK: Final = Link("Its host", to_host("${instance:raw}").url)
LINKS: Final = (PAGE, BACK)
GONE: Final = "This VM is not on this host now"
NO_QEMU: Final = "This VM has no QEMU"
NO_DISK: Final = "No disk of this VM is served by dom0"
NO_VIF: Final = "No network interface of this VM is served by dom0"


def work(style: Style) -> Iterator[AnyPanel]:
    """What dom0 does for the VM."""
    yield style.series(
        Subject(
            "Wakeups of its QEMU",
            "How often per second the threads of its QEMU wake up, and what wakes them (timer, io) "
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
            "CPUs that the VM itself uses, those of dom0 that its backends, its QEMU and its other "
            "helpers use, and what its QEMU waits for a CPU: 100 % is one CPU.",
            LINKS,
            GONE,
        ),
        "percentunit",
        [
            Query(rate("xenwatch_domain_cpu_seconds_total", DOMAIN), "the VM"),
            Query(rate("xenwatch_datapath_cpu_seconds_total", DOMAIN), "dom0: {{kind}}"),
            Query(rate("xenwatch_qemu_cpu_seconds_total", DOMAIN), "dom0: QEMU"),
            Query(rate("xenwatch_qemu_wait_seconds_total", DOMAIN), "QEMU waits"),
            Query(rate("xenwatch_vm_helper_cpu_seconds_total", DOMAIN), "dom0: {{program}}"),
        ],
    )
    memory = select("xenwatch_vm_process_memory_bytes", DOMAIN)
    yield style.series(
        Subject(
            "Memory of dom0",
            "Private memory, in dom0, of the processes that serve this VM, by program.",
            LINKS,
            "No process of dom0 serves this VM",
        ),
        "bytes",
        [Query(memory, "{{program}}")],
        Lines(stacked=True),
    )


def disks(style: Style) -> Iterator[AnyPanel]:
    """What its disks do, and how long they take."""
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


def network(style: Style) -> Iterator[AnyPanel]:
    """What its network interfaces lose."""
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
            "Network: faulty interfaces",
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
