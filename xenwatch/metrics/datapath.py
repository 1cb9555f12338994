"""The metrics of the datapath and of dom0's virtual CPUs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from xenwatch.assessment.vif_faults import FAULTS, vif_faults
from xenwatch.exposition.text_format import text
from xenwatch.metrics.base import Metric, Readings, Row, rows_of
from xenwatch.readings.datapath import Datapath
from xenwatch.readings.devices import CONNECTED

_cpu_rows = rows_of(lambda snapshot: snapshot.dom0_cpus)


_datapath_rows = rows_of(lambda snapshot: snapshot.datapath)


def _drops(datapath: Datapath) -> Iterable[Row]:
    for name, vif in datapath.vifs.items():
        yield (str(vif.domid), name, "rx"), vif.rx_dropped
        yield (str(vif.domid), name, "tx"), vif.tx_dropped


def _queues(readings: Readings) -> Iterable[Row]:
    """Queues of connected interfaces: before, sysfs has as many as there can be.

    netback allocates the device for `max_queues` and sets the agreed number when the frontend
    connects (drivers/net/xen-netback/interface.c, xenvif_alloc; xenbus.c, connect).
    """
    snapshot = readings.snapshot
    connected = {
        (key.domid, key.devid)
        for key, state in snapshot.device_states().items()
        if state == CONNECTED and key.cls == "vif" and key.backend_domid == 0
    }
    for name, vif in snapshot.datapath.vifs.items() if snapshot.datapath else ():
        if (vif.domid, int(name.rpartition(".")[2])) in connected:
            yield (str(vif.domid), name), vif.queues


def _unattached(readings: Readings) -> Iterable[Row]:
    """By running domain, how many of its interfaces are in no bridge, where it is known of all."""
    snapshot = readings.snapshot
    vifs = snapshot.datapath.vifs.values() if snapshot.datapath else ()
    unknown = {vif.domid for vif in vifs if vif.attached is None}
    known = snapshot.running - unknown
    counts = Counter[int]()
    for vif in vifs:
        if vif.domid in known:
            counts[vif.domid] += not vif.attached
    return [((str(domid),), count) for domid, count in counts.items()]


def _faults(readings: Readings) -> Iterable[Row]:
    snapshot = readings.snapshot
    faults = vif_faults(snapshot)
    broken = {key.domid for key in faults}
    domains = snapshot.identities if broken else ()
    its = {domain.domid: domain for domain in domains if domain.domid in broken}
    for key, fault in faults.items():
        domain = its.get(key.domid)
        name, uuid = (text(snapshot.name(domain) or b""), domain.uuid) if domain else ("", "")
        yield (str(key.domid), name, uuid, f"vif{key.domid}.{key.devid}", fault), 1


def _unconnected(readings: Readings) -> Iterable[Row]:
    """By running domain, how many of its interfaces have no connected backend."""
    snapshot = readings.snapshot
    alive = snapshot.running
    counts = Counter[int]()
    for key, state in snapshot.device_states().items():
        if key.cls == "vif" and key.domid in alive:
            counts[key.domid] += state != CONNECTED
    return [((str(domid),), count) for domid, count in counts.items()]


_STAT: Final = "/proc/stat"

_CPUS: Final = (
    Metric(
        "xenwatch_dom0_vcpus",
        "gauge",
        "Online virtual CPUs of dom0.",
        _STAT,
        _cpu_rows(lambda cpus: [((), len(cpus.seconds))]),
    ),
    Metric(
        "xenwatch_dom0_cpu_seconds_total",
        "counter",
        "Time of dom0's virtual CPUs by mode; steal is time Xen gave to other domains.",
        _STAT,
        _cpu_rows(
            lambda cpus: (
                ((cpu, mode), seconds)
                for cpu, modes in cpus.seconds.items()
                for mode, seconds in modes.items()
            )
        ),
        ("cpu", "mode"),
    ),
    Metric(
        "xenwatch_dom0_cpu_steal_ratio",
        "gauge",
        "Fraction of dom0's vCPU time over the last five minutes in which a vCPU had something to "
        "run, but Xen ran other domains or a cap held it back.",
        _STAT,
        _cpu_rows(lambda cpus: [((), cpus.steal_ratio)]),
    ),
    Metric(
        "xenwatch_dom0_load",
        "gauge",
        "Load average of dom0 over 1, 5 and 15 minutes.",
        "/proc/loadavg",
        _cpu_rows(lambda cpus: zip((("1",), ("5",), ("15",)), cpus.load, strict=True)),
        ("minutes",),
    ),
    Metric(
        "xenwatch_dom0_runnable_tasks",
        "gauge",
        "Tasks of dom0 that are running or waiting for a CPU.",
        f"{_STAT}, procs_running",
        _cpu_rows(lambda cpus: [((), cpus.runnable)]),
    ),
    Metric(
        "xenwatch_dom0_blocked_tasks",
        "gauge",
        "Tasks of dom0 that are blocked on I/O.",
        f"{_STAT}, procs_blocked",
        _cpu_rows(lambda cpus: [((), cpus.blocked)]),
    ),
    Metric(
        "xenwatch_dom0_softirqs_total",
        "counter",
        "Software interrupts of dom0 by type.",
        f"{_STAT}, softirq",
        _cpu_rows(lambda cpus: (((kind,), count) for kind, count in cpus.softirqs.items())),
        ("type",),
    ),
)

_VIFS: Final = "rtnetlink, /sys/class/net/vif*/queues, /proc/net/dev"

DATAPATH_METRICS: Final = (
    *_CPUS,
    Metric(
        "xenwatch_datapath_cpu_seconds_total",
        "counter",
        "CPU time of dom0 spent on the domain's devices, by kind of backend.",
        "taskstats or /proc/PID/stat of kernel threads, tapdisks and QEMUs",
        _datapath_rows(
            lambda datapath: (
                ((str(domid), kind), seconds)
                for (domid, kind), seconds in datapath.cpu_seconds.items()
            )
        ),
        ("domid", "kind"),
    ),
    Metric(
        "xenwatch_vif_queues",
        "gauge",
        "Queues of the connected network interface; each has a netback thread.",
        _VIFS,
        _queues,
        ("domid", "device"),
    ),
    Metric(
        "xenwatch_vif_dropped_packets_total",
        "counter",
        "Dropped packets of the network interface: rx from the guest, tx to it.",
        _VIFS,
        _datapath_rows(_drops),
        ("domid", "device", "direction"),
    ),
    Metric(
        "xenwatch_vifs_unattached",
        "gauge",
        "Network interfaces of the running domain that are in no bridge or switch.",
        "rtnetlink",
        _unattached,
        ("domid",),
    ),
    Metric(
        "xenwatch_vif_fault",
        "gauge",
        "1 for a network interface of a running domain that dom0's switches give no network; fault "
        f"is one of: {', '.join(FAULTS)}. Interfaces without a fault have no series.",
        "rtnetlink, the database of Open vSwitch, the script in xenstore",
        _faults,
        ("domid", "name", "uuid", "device", "fault"),
    ),
    Metric(
        "xenwatch_vifs_unconnected",
        "gauge",
        "Network interfaces of the running domain whose backend is not connected.",
        "/sys/bus/xen-backend/devices, and xenstore for those of driver domains",
        _unconnected,
        ("domid",),
    ),
)
"""The metrics of the probes `dom0_cpus` and `datapath`."""
