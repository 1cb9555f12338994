"""The one table of hard limits.

Metrics, alerts, rules, dashboards, documents, planner and configuration keys are loops over
`LIMITS`: nothing about a limit is written down a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from xenwatch import ceilings, costs
from xenwatch.ceilings import Ceiling, Ceilings, Used
from xenwatch.costs import Cost, Costs

__all__ = ["LIMITS", "Ceiling", "Cost", "Limit", "Thresholds"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Used ratios at which a limit warns and is critical; `None` means never."""

    warning: float | None
    critical: float | None


@dataclass(frozen=True, slots=True)
class Limit:
    """One finite resource.

    `unit` is empty for countable things or `bytes`. `label` names the instances of a limit that
    has several (`domid`, `bridge`, `mountpoint`), else it is `None` and the only instance is "".
    `used` and `ceiling` map instance to value; what could not be read is not in the mapping.
    `probe` is the probe that must have succeeded. `source` says where the kernel or Xen keeps the
    numbers, `symptom` how its exhaustion shows, `caveat` what the numbers do not say, `reference`
    where the facts are published. `costs` is the cost of a VM by regime and domain type.
    """

    name: str
    title: str
    probe: str
    used: Used
    ceiling: Ceilings
    thresholds: Thresholds
    source: str
    symptom: str
    reference: str
    caveat: str = ""
    unit: str = ""
    label: str | None = None
    costs: Costs = field(default_factory=dict)

    @property
    def used_metric(self) -> str:
        """Name of the metric of used units: `xenwatch_event_channels_used`."""
        return f"xenwatch_{self.name}_used" + (f"_{self.unit}" if self.unit else "")

    @property
    def scarce(self) -> bool:
        """Whether its end is to be feared: one that may be full has no critical threshold."""
        return self.thresholds.critical is not None

    @property
    def max_metric(self) -> str:
        """Name of the metric of the ceiling: `xenwatch_event_channels_max`."""
        return f"xenwatch_{self.name}_max" + (f"_{self.unit}" if self.unit else "")


_EARLY = Thresholds(0.8, 0.9)
"""Room for an operator to act: a boot storm takes the last tenth in minutes."""
_LATE = Thresholds(0.9, 0.95)
"""For what is meant to be nearly full in ordinary use."""
_NEVER = Thresholds(None, None)
_DENSITY: Final = "xenserver.org, How did we increase VM density in XenServer 6.2?"

LIMITS: Final[tuple[Limit, ...]] = (
    Limit(
        name="event_channels",
        title="dom0 event channels",
        probe="event_channels",
        used=ceilings.event_channels_used,
        ceiling=ceilings.event_channels_ceiling,
        thresholds=_EARLY,
        source="EVTCHNOP_status of domain 0",
        symptom="error 28 mapping ring-refs and evtchn; a guest starts without disk or network",
        reference=_DENSITY,
        costs=costs.EVENT_CHANNELS,
    ),
    Limit(
        name="irqs",
        title="Linux interrupt descriptors of dom0",
        probe="irqs",
        used=ceilings.irqs_used,
        ceiling=ceilings.irqs_ceiling,
        thresholds=_EARLY,
        source="/sys/kernel/irq",
        symptom="ENOMEM when dom0 binds an event channel, before the event channels are used up",
        reference="Linux, kernel/irq/internals.h: IRQ_BITMAP_BITS",
        caveat="On kernels for 64 CPUs (XCP-ng) this ends far below the FIFO event channels.",
        costs=costs.IRQS,
    ),
    Limit(
        name="grant_frames",
        title="grant-table frames of a domain",
        probe="grants",
        used=ceilings.grant_frames_used,
        ceiling=ceilings.grant_frames_ceiling,
        thresholds=Thresholds(0.8, 0.95),
        source="GNTTABOP_query_size",
        symptom="max_grant_frames reached in the guest's log; devices that do not connect",
        reference="xen-command-line: gnttab_max_frames; xl.cfg: max_grant_frames",
        caveat="A high-water mark: a table that has grown never shrinks. On XenServer 6.1 the "
        "receive-side copy of a Windows vif takes 22 references of dom0's, 256 to a frame.",
        label="domid",
        costs=costs.GRANT_FRAMES,
    ),
    Limit(
        name="maptrack_frames",
        title="maptrack frames of dom0",
        probe="maptrack",
        used=ceilings.maptrack_used,
        ceiling=ceilings.maptrack_ceiling,
        thresholds=_EARLY,
        source="debug key g",
        symptom="I/O errors inside guests and nothing in dom0",
        reference="xen-command-line: gnttab_max_maptrack_frames",
        caveat="Frames, not entries: a frame that is there may be full or empty.",
    ),
    Limit(
        name="blktap_minors",
        title="blktap minors or tapdisk ids",
        probe="blktap",
        used=ceilings.blktap_used,
        ceiling=ceilings.blktap_ceiling,
        thresholds=_EARLY,
        source="/sys/class/blktap2 or /run/blktap-control/tapdisk",
        symptom="ENOMEM from BLKTAP_IOCTL_ALLOC_TAP; with blktap 4 minor -1 and no message",
        reference=_DENSITY,
        costs=costs.BLKTAP_MINORS,
    ),
    Limit(
        name="aio_requests",
        title="aio requests",
        probe="aio",
        used=ceilings.aio_used,
        ceiling=ceilings.aio_ceiling,
        thresholds=_EARLY,
        source="/proc/sys/fs/aio-nr and aio-max-nr",
        symptom="Couldn't setup AIO context",
        reference=_DENSITY,
        costs=costs.AIO_REQUESTS,
    ),
    Limit(
        name="xenstored_fds",
        title="file descriptors of xenstored",
        probe="daemons",
        used=ceilings.fds_used("xenstored"),
        ceiling=ceilings.fds_ceiling("xenstored"),
        thresholds=_EARLY,
        source="/proc/PID/fd and limits of xenstored",
        symptom="every new client of xenstored hangs: xl, xapi, the start of a VM",
        reference=_DENSITY,
        costs=costs.XENSTORED_FDS,
    ),
    Limit(
        name="xenconsoled_fds",
        title="file descriptors of xenconsoled",
        probe="daemons",
        used=ceilings.fds_used("xenconsoled"),
        ceiling=ceilings.fds_ceiling("xenconsoled"),
        thresholds=_EARLY,
        source="/proc/PID/fd and limits of xenconsoled",
        symptom="Unable to increase fd limit; a guest without console",
        reference=_DENSITY,
        caveat="Where consoles are logged each guest takes one more; under xl that is counted.",
        costs=costs.XENCONSOLED_FDS,
    ),
    Limit(
        name="xapi_fds",
        title="file descriptors of xapi",
        probe="daemons",
        used=ceilings.fds_used("xapi"),
        ceiling=ceilings.fds_ceiling("xapi"),
        thresholds=_EARLY,
        source="/proc/PID/fd and limits of xapi",
        symptom='Unix.Unix_error(Unix.EMFILE, "accept", "")',
        reference="select(2): FD_SETSIZE",
    ),
    Limit(
        name="ptys",
        title="pseudo-terminals",
        probe="ptys",
        used=ceilings.ptys_used,
        ceiling=ceilings.ptys_ceiling,
        thresholds=_EARLY,
        source="/proc/sys/kernel/pty/nr and max",
        symptom="No space left on device from /dev/ptmx; a guest without console",
        reference="pty(7), Linux drivers/tty/pty.c",
        costs=costs.PTYS,
    ),
    Limit(
        name="host_memory",
        title="memory of the host",
        probe="host_memory",
        used=ceilings.host_memory_used,
        ceiling=ceilings.host_memory_ceiling,
        thresholds=_NEVER,
        source="XEN_SYSCTL_physinfo",
        symptom="can't allocate low memory for domain: Out of memory",
        reference="xl(1): info, free_memory",
        caveat="A full host may be meant. A VM's paging pool and Xen's own records of it come on "
        "top of the memory it has; the most of that is counted for a VM that states its memory.",
        unit="bytes",
        costs=costs.HOST_MEMORY,
    ),
    Limit(
        name="dom0_memory",
        title="memory of dom0",
        probe="memory",
        used=ceilings.memory_used,
        ceiling=ceilings.memory_ceiling,
        thresholds=_LATE,
        source="/proc/meminfo: MemTotal less MemAvailable",
        symptom="page allocation failures, the OOM killer in dom0",
        reference="proc(5): MemAvailable",
        unit="bytes",
        costs=costs.DOM0_MEMORY,
    ),
    Limit(
        name="dom0_low_memory",
        title="low memory of a 32-bit dom0",
        probe="memory",
        used=ceilings.low_memory_used,
        ceiling=ceilings.low_memory_ceiling,
        thresholds=_LATE,
        source="/proc/meminfo: LowTotal less LowFree",
        symptom="page allocation failures although there is free memory",
        reference=_DENSITY,
        unit="bytes",
        costs=costs.DOM0_LOW_MEMORY,
    ),
    Limit(
        name="dom0_swap",
        title="swap of dom0",
        probe="memory",
        used=ceilings.swap_used,
        ceiling=ceilings.swap_ceiling,
        thresholds=Thresholds(0.5, 0.8),
        source="/proc/meminfo: SwapTotal less SwapFree",
        symptom="a dom0 that answers slowly, then the OOM killer",
        reference="proc(5): SwapTotal",
        unit="bytes",
    ),
    Limit(
        name="tasks",
        title="processes and threads of dom0",
        probe="pids",
        used=ceilings.tasks_used,
        ceiling=ceilings.tasks_ceiling,
        thresholds=_EARLY,
        source="/proc/loadavg, kernel.pid_max, kernel.threads-max",
        symptom="fork: Resource temporarily unavailable; a QEMU or tapdisk that does not start",
        reference="proc(5): threads-max",
        caveat="A unit's TasksMax may end sooner.",
        costs=costs.TASKS,
    ),
    Limit(
        name="bridge_ports",
        title="ports of a bridge",
        probe="bridges",
        used=ceilings.bridge_ports_used,
        ceiling=ceilings.bridge_ports_ceiling,
        thresholds=_EARLY,
        source="RTM_GETLINK dump",
        symptom="exchange full when a vif is added to the bridge; hotplug scripts fail",
        reference="Linux, net/bridge/br_private.h: BR_PORT_BITS",
        label="bridge",
        costs=costs.BRIDGE_PORTS,
    ),
    Limit(
        name="loop_devices",
        title="loop devices",
        probe="loops",
        used=ceilings.loops_used,
        ceiling=ceilings.loops_ceiling,
        thresholds=_EARLY,
        source="/proc/partitions",
        symptom="losetup: cannot find an unused loop device",
        reference="Linux, drivers/block/loop.c",
        costs=costs.LOOP_DEVICES,
    ),
    Limit(
        name="domids",
        title="highest domain id",
        probe="domains",
        used=ceilings.domids_used,
        ceiling=ceilings.domids_ceiling,
        thresholds=_NEVER,
        source="XEN_SYSCTL_getdomaininfolist",
        symptom="none: ids begin again at 1",
        reference="Xen, xen/include/public/xen.h: DOMID_FIRST_RESERVED",
        caveat="Ids are given out in turn and used again: a high one is no shortage.",
    ),
    Limit(
        name="file_system",
        title="root and log file systems of dom0",
        probe="file_systems",
        used=ceilings.file_systems_used,
        ceiling=ceilings.file_systems_ceiling,
        thresholds=_LATE,
        source="statvfs",
        symptom="No space left on device; xapi's database and logs stop",
        reference="xenserver.org, Dundee: dom0 disk layout",
        unit="bytes",
        label="mountpoint",
    ),
)
