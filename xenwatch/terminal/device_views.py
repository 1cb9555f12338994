"""The views of what serves the VMs: QEMUs, disks, networks, the control path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.display.text import printable
from xenwatch.readings.control_path import UNRESPONSIVE
from xenwatch.readings.disks import STALLED
from xenwatch.status.activity import DaemonRow, DiskRow, UplinkRow, VifRow
from xenwatch.terminal.figures import (
    CRITICAL,
    OK,
    WARNING,
    count,
    disk,
    milliseconds,
    percent,
    rate,
    size,
    span,
    speed,
    word,
)
from xenwatch.terminal.looks import Look, mode_rates, rates
from xenwatch.terminal.table import UNKNOWN, Cell, Column, Row, Table

DOMAIN: Final = "domain"
UPLINK: Final = "uplink"
DAEMON: Final = "daemon"
NO_ACTIVITY: Final = "unknown: the daemon is older than this xenwatch top and does not report it"
_DOMID: Final = Column("domid", "DOMID", keep=8, low=True)
_NAME: Final = Column("name", "NAME", keep=9, number=False, low=True)
_STATE: Final = Column("state", "STATE", keep=8, number=False, low=True)

QEMUS: Final = (
    _DOMID,
    _NAME,
    Column("pid", "PID", keep=4, low=True),
    Column("cpu_percent", "CPU%", keep=8),
    Column("wakeups_per_second", "WAKE/S", keep=8),
    Column("timer_per_second", "TIMER/S", keep=3),
    Column("io_per_second", "IO/S", keep=3),
    Column("wait_percent", "WAIT%", keep=6),
    Column("memory_bytes", "MEM", keep=6),
    Column("threads", "THREADS", keep=3),
    Column("fds", "FDS", keep=5),
    Column("fds_max", "FDS MAX", keep=2),
    Column("devices", "EMULATED DEVICES", keep=5, most=40, number=False, low=True),
)
DISKS: Final = (
    _DOMID,
    _NAME,
    Column("disk", "DISK", keep=9, number=False, low=True),
    _STATE,
    Column("reads_per_second", "RD/S", keep=7),
    Column("writes_per_second", "WR/S", keep=7),
    Column("read_bytes_per_second", "READ B/S", keep=5),
    Column("write_bytes_per_second", "WRITE B/S", keep=5),
    Column("read_milliseconds", "RD MS", keep=6),
    Column("write_milliseconds", "WR MS", keep=6),
    Column("in_flight", "QUEUE", keep=7),
    Column("stalled_seconds", "STALLED", keep=4),
    Column("out_of_requests_per_second", "FULL/S", keep=2),
    Column("backend", "BACKEND", keep=3, number=False, low=True),
    Column("storage", "STORAGE", keep=3, most=36, number=False, low=True),
)
NETWORKS: Final = (
    Column("device", "DEVICE", keep=9, number=False, low=True),
    _DOMID,
    _NAME,
    _STATE,
    Column("rx_dropped_per_second", "RX DROP/S", keep=7),
    Column("tx_dropped_per_second", "TX DROP/S", keep=7),
    Column("errors_per_second", "ERRORS/S", keep=4),
    Column("ring_percent", "RING%", keep=5),
    Column("queued_bytes", "QUEUED", keep=4),
    Column("queued_percent", "QUEUED%", keep=3),
    Column("queues", "QUEUES", keep=3),
    Column("stopped_queues", "STOPPED", keep=5),
    Column("speed_bytes_per_second", "SPEED B/S", keep=3),
    Column("bond", "BOND", keep=2, number=False, low=True),
)
CONTROL_PATH: Final = (
    Column("role", "DAEMON", keep=9, number=False, low=True),
    Column("state", "STATE", keep=8, number=False, low=True),
    Column("median_milliseconds", "MEDIAN MS", keep=8),
    Column("mean_milliseconds", "MEAN MS", keep=4),
    Column("answers_per_second", "ANSWERS/S", keep=3),
    Column("failed_percent", "FAILED%", keep=7),
    Column("failures", "FAILURES", keep=4),
    Column("cpu_percent", "CPU%", keep=7),
    Column("wait_percent", "WAIT%", keep=6),
    Column("waiting_percent", "WAITING%", keep=2),
    Column("fds", "FDS", keep=6),
    Column("fds_max", "FDS MAX", keep=5),
)


def why_not(look: Look, *probes: str) -> str:
    """Why there are no rows: what the first probe that did not succeed says, with its next step."""
    for name in probes:
        probe = look.status.probes.get(name)
        if probe is not None and probe.status != OK:
            said = ": ".join(part for part in (probe.status, probe.detail) if part)
            return printable(f"{name}: {said}" + (f"; {probe.advice}" if probe.advice else ""))
    if look.activity is None:
        return NO_ACTIVITY
    return "none"


def names(look: Look) -> Mapping[int, str]:
    """The names of the domains that have one, by domid."""
    return {row.domid: row.name for row in look.status.domains or () if row.name is not None}


def qemus(look: Look, _plain: bool) -> Table:
    """The QEMUs, those that use most CPU time first."""
    known = names(look)
    found = rates(
        look, "qemus", "qemus", ("domid", "pid"), ("cpu_seconds", "wakeups", "wait_seconds")
    )
    causes = rates(look, "qemu_wakeups_by_cause", "qemus", ("domid", "pid"), ("timer", "io"))
    every = look.activity.qemus if look.activity else None
    rows = []
    for row in every or ():
        risen, cause = found.get((row.domid, row.pid), {}), causes.get((row.domid, row.pid), {})
        rows.append(
            Row(
                (DOMAIN, str(row.domid)),
                str(row.pid),
                (
                    count(row.domid),
                    word(known.get(row.domid)),
                    Cell(str(row.pid), row.pid),
                    percent(risen.get("cpu_seconds")),
                    rate(risen.get("wakeups")),
                    rate(cause.get("timer")),
                    rate(cause.get("io")),
                    percent(risen.get("wait_seconds")),
                    size(row.memory_bytes),
                    count(row.threads),
                    count(row.fds),
                    count(row.fds_max),
                    word(", ".join(row.devices)),
                ),
            )
        )
    most = tuple(sorted(rows, key=lambda row: -_sum(row, 3)))
    why = why_not(look, "qemus")
    return Table(QEMUS, most, "CPU time", why=why, known=every is not None)


def disks(look: Look, _plain: bool) -> Table:
    """The disks: stalled ones first, then those with most requests."""
    known = names(look)
    counters = ("reads", "read_bytes", "read_seconds", "writes", "write_bytes", "write_seconds")
    found = rates(look, "disks", "disks", ("domid", "device"), (*counters, "out_of_requests"))
    every = look.activity.disks if look.activity else None
    rows = []
    for row in every or ():
        risen = found.get((row.domid, row.device), {})
        rows.append(
            Row(
                (DOMAIN, str(row.domid)),
                f"{row.domid} {row.device}",
                (
                    count(row.domid),
                    word(known.get(row.domid)),
                    word(disk(row.device)),
                    _disk_state(row),
                    rate(risen.get("reads")),
                    rate(risen.get("writes")),
                    speed(risen.get("read_bytes")),
                    speed(risen.get("write_bytes")),
                    milliseconds(_each(risen, "read_seconds", "reads")),
                    milliseconds(_each(risen, "write_seconds", "writes")),
                    count(row.in_flight),
                    span(row.stalled_seconds),
                    rate(risen.get("out_of_requests")),
                    word(row.backend),
                    word(row.storage),
                ),
            )
        )
    busy = sorted(rows, key=lambda row: -_sum(row, 4, 5))
    worst = sorted(busy, key=lambda row: (row.cells[3].value == "connected", -_sum(row, 11)))
    why = why_not(look, "disks")
    return Table(DISKS, tuple(worst), "trouble, then requests", why=why, known=every is not None)


def networks(look: Look, _plain: bool) -> Table:
    """Physical and virtual interfaces: those without a network first, then by dropped packets."""
    known = names(look)
    dropped = rates(look, "datapath", "vifs", ("device", "domid"), ("rx_dropped", "tx_dropped"))
    errors = rates(look, "uplinks", "uplinks", ("device",), ("rx_errors", "tx_errors"))
    found = look.activity
    vifs = [
        _vif(row, known.get(row.domid), dropped.get((row.device, row.domid), {}))
        for row in (found.vifs if found else None) or ()
    ]
    uplinks = [
        _uplink(row, errors.get((row.device,), {}))
        for row in (found.uplinks if found else None) or ()
    ]
    busy = sorted([*uplinks, *vifs], key=lambda row: -_sum(row, 4, 5, 6))
    worst = sorted(busy, key=lambda row: row.cells[3].style != CRITICAL)
    why = why_not(look, "datapath", "uplinks")
    is_known = found is not None and not (found.vifs is None and found.uplinks is None)
    return Table(NETWORKS, tuple(worst), "trouble, then drops", why=why, known=is_known)


def control_path(look: Look, _plain: bool) -> Table:
    """The daemons that VMs are started and stopped by, and how busy dom0 is."""
    found = look.activity
    counters = ("answers", "answer_seconds", "cpu_seconds", "wait_seconds")
    risen = rates(look, "control_path", "daemons", ("role",), counters)
    every = found.daemons if found else None
    rows = tuple(_daemon(row, risen.get((row.role,), {})) for row in every or ())
    why = why_not(look, "control_path", "daemons")
    return Table(CONTROL_PATH, rows, "role", _dom0(look), why, known=every is not None)


def _disk_state(row: DiskRow) -> Cell:
    if not row.connected:
        return word("not connected", WARNING)
    if row.stalled_seconds is not None and row.stalled_seconds >= STALLED:
        return word("stalled", CRITICAL)
    return word("connected")


def _vif(row: VifRow, name: str | None, dropped: Mapping[str, float]) -> Row:
    return Row(
        (DOMAIN, str(row.domid)),
        row.device,
        (
            word(row.device),
            count(row.domid),
            word(name),
            _vif_state(row),
            rate(dropped.get("rx_dropped")),
            rate(dropped.get("tx_dropped")),
            UNKNOWN,
            percent(_part(row.tx_requests, row.tx_slots)),
            size(row.queued_bytes),
            percent(_part(row.queued_bytes, row.queued_bytes_max)),
            count(row.queues),
            count(row.stopped_queues, WARNING if row.stopped_queues else ""),
            UNKNOWN,
            UNKNOWN,
        ),
    )


def _vif_state(row: VifRow) -> Cell:
    if row.fault:
        return word(row.fault, CRITICAL)
    if not row.up:
        return word("down")
    if row.attached is None:
        return word("up")
    return word("attached" if row.attached else "no port")


def _uplink(row: UplinkRow, errors: Mapping[str, float]) -> Row:
    both = [errors[name] for name in ("rx_errors", "tx_errors") if name in errors]
    return Row(
        (UPLINK, row.device),
        f"uplink {row.device}",
        (
            word(row.device),
            UNKNOWN,
            word("(uplink)"),
            word("link up") if row.working else word("no link", CRITICAL),
            UNKNOWN,
            UNKNOWN,
            rate(sum(both) if both else None),
            *[UNKNOWN] * 5,
            size(row.speed_bytes),
            word(row.bond or None),
        ),
    )


def _daemon(row: DaemonRow, risen: Mapping[str, float]) -> Row:
    return Row(
        (DAEMON, row.role),
        row.role,
        (
            word(row.role),
            _daemon_state(row),
            milliseconds(row.median_seconds),
            milliseconds(_each(risen, "answer_seconds", "answers")),
            rate(risen.get("answers")),
            percent(row.failed_ratio, WARNING if row.failed_ratio else ""),
            count(row.failures),
            percent(risen.get("cpu_seconds")),
            percent(risen.get("wait_seconds")),
            percent(row.waiting_ratio),
            count(row.fds),
            count(row.fds_max),
        ),
    )


def _daemon_state(row: DaemonRow) -> Cell:
    if row.failed_ratio is None:
        return UNKNOWN
    if row.failed_ratio >= UNRESPONSIVE:
        return word("no answer", CRITICAL)
    return word("answers", OK)


def _dom0(look: Look) -> tuple[str, ...]:
    dom0 = look.activity.dom0 if look.activity else None
    if dom0 is None:
        return (f"dom0's CPUs {why_not(look, 'dom0_cpus')}",)
    modes = mode_rates(look)
    used = " ".join(
        f"{mode} {modes[mode] / dom0.vcpus:.1%}"
        for mode in ("user", "nice", "system", "irq", "softirq", "iowait", "steal", "idle")
        if mode in modes and dom0.vcpus
    )
    load = " ".join(f"{each:.2f}" for each in dom0.load)
    tasks = f"runnable {count(dom0.runnable).text}, blocked {count(dom0.blocked).text}"
    return (f"dom0: {dom0.vcpus} vCPUs, load {load}, {tasks}", f"      {used or 'CPU -'}")


def _each(risen: Mapping[str, float], seconds: str, events: str) -> float | None:
    """Seconds of each event of late; unknown where there was none."""
    number = risen.get(events)
    return risen[seconds] / number if number and seconds in risen else None


def _part(used: int | None, most: int | None) -> float | None:
    return None if used is None or not most else used / most


def _sum(row: Row, *numbers: int) -> float:
    """The sum of what is known of some cells."""
    values = (row.cells[number].value for number in numbers)
    return sum(value for value in values if isinstance(value, int | float))
