"""What makes more room in a limit: commands with their numbers, by limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from xenwatch.limits import ceilings, costs
from xenwatch.limits.states import LimitState
from xenwatch.parse.rtnl import BRIDGE_KIND
from xenwatch.readings.host import Host
from xenwatch.readings.snapshot import Snapshot

Remedy = Callable[[LimitState, Snapshot, int], tuple[str, ...]]
"""From a limit's state, the snapshot and the ceiling to aim at to commands and advice."""

_FEWER_QUEUES: Final = (
    "echo 1 > /sys/module/xen_netback/parameters/max_queues, for VMs of several vCPUs started "
    "from now on: two event channels and interrupts for each network interface"
)
_MAX_FRAMES: Final = (4, 5)
"""The first Xen with gnttab_max_frames; before, gnttab_max_nr_frames (common/grant_table.c)."""
_NR_OPEN: Final = 1 << 20
"""The kernel's default of fs.nr_open, above which no process may go."""


def of(state: LimitState, snapshot: Snapshot, needed: int) -> tuple[str, ...]:
    """Commands and advice that raise a limit to `needed` units, or double it where that is less.

    A limit without a remedy in the table has none.
    """
    ceiling = state.ceiling.value if state.ceiling is not None else 0
    target = needed if needed > ceiling else 2 * ceiling
    remedy = REMEDIES.get(state.limit.name)
    return () if remedy is None else remedy(state, snapshot, target)


def _xen_option(snapshot: Snapshot, option: str) -> str:
    """How an option gets on Xen's command line here."""
    if costs.regime(snapshot) == "xl":
        return (
            f"add {option} to GRUB_CMDLINE_XEN_DEFAULT in /etc/default/grub, run update-grub, "
            "then reboot the host"
        )
    return f"/opt/xensource/libexec/xen-cmdline --set-xen {option}, then reboot the host"


def _event_channels(_state: LimitState, snapshot: Snapshot, _target: int) -> tuple[str, ...]:
    host = snapshot.host
    if host is not None and host.abi is not None and host.abi.ports < ceilings.FIFO_PORTS:
        return _older_abi(host)
    return (*_fewer_queues(snapshot), "131,071 event channels are all there are: use another host")


def _older_abi(host: Host) -> tuple[str, ...]:
    if host.kernel >= (3, 14) and host.xen is not None and host.xen >= (4, 4):
        text = "take xen.fifo_events=0 off dom0's kernel command line and reboot the host"
        return (f"{text}: the FIFO ABI has 131,071 event channels",)
    return ("update the host: XenServer 6.2 has 4,095, Xen 4.4 with Linux 3.14 has 131,071",)


def _fewer_queues(snapshot: Snapshot) -> tuple[str, ...]:
    host = snapshot.host
    return () if host is not None and host.netback_queues == 1 else (_FEWER_QUEUES,)


def _irqs(_state: LimitState, snapshot: Snapshot, _target: int) -> tuple[str, ...]:
    return (
        *_fewer_queues(snapshot),
        "run a dom0 kernel of Linux 6.5 or later, or one built for more CPUs",
    )


def _grant_frames(_state: LimitState, snapshot: Snapshot, target: int) -> tuple[str, ...]:
    host = snapshot.host
    old = host is not None and host.xen is not None and host.xen < _MAX_FRAMES
    return (_xen_option(snapshot, f"gnttab_max_{'nr_' if old else ''}frames={target}"),)


def _blktap(state: LimitState, _snapshot: Snapshot, _target: int) -> tuple[str, ...]:
    advice = "detach disks and empty DVD drives that no VM needs"
    if state.ceiling is not None and state.ceiling.value < 16384:
        return ("update the host: XenServer 6.5 and later have 16,384 minors", advice)
    return (advice,)


def _aio(_state: LimitState, snapshot: Snapshot, target: int) -> tuple[str, ...]:
    doubled = snapshot.host is not None and ceilings.aio_doubled(snapshot.host)
    return _sysctl(snapshot, "fs.aio-max-nr", -(-target // 2) if doubled else target)


def _sysctl(snapshot: Snapshot, key: str, value: int) -> tuple[str, ...]:
    """The init scripts of CentOS 5, which XenServer 6 is made from, know no /etc/sysctl.d."""
    old = (costs.regime(snapshot) or "").startswith("xenserver-6")
    file = "> /etc/sysctl.conf" if old else f" /etc/sysctl.d/99-{key}.conf"
    return (
        f"sysctl -w {key}={value}",
        f"echo '{key} = {value}' >{file}, to keep it over a reboot",
    )


def _open_files(role: str) -> Remedy:
    """The remedy for descriptors of the daemon in a role."""

    def remedy(_state: LimitState, snapshot: Snapshot, target: int) -> tuple[str, ...]:
        process = snapshot.daemons.by_role.get(role) if snapshot.daemons is not None else None
        if process is None:
            return ()
        if ceilings.selects(role, process.comm, snapshot.host):
            return (f"update the host: from Xen 4.5 on, {role} is not bound to 1,024 descriptors",)
        regime = costs.regime(snapshot) or ""
        if regime.startswith("xenserver-6"):
            return (f"write ulimit -n {target} into the script that starts {role}",)
        unit = "xen" if regime == "xl" else role
        raised = (f"sysctl -w fs.nr_open={target}",) if target > _NR_OPEN else ()
        return (
            *raised,
            f"prlimit --pid {process.pid} --nofile={target}:{target}",
            f"systemctl edit {unit}.service: [Service] LimitNOFILE={target}, over a reboot",
        )

    return remedy


def _host_memory(_state: LimitState, snapshot: Snapshot, _target: int) -> tuple[str, ...]:
    give = "xl mem-set DOMAIN MIB" if costs.regime(snapshot) == "xl" else "xe vm-memory-target-set"
    return (f"take memory from VMs that do not need it: {give}", "use another host")


def _dom0_memory(_state: LimitState, snapshot: Snapshot, target: int) -> tuple[str, ...]:
    mib = -(-target >> 20)
    return (_xen_option(snapshot, f"dom0_mem={mib}M,max:{mib}M"),)


def _tasks(_state: LimitState, snapshot: Snapshot, target: int) -> tuple[str, ...]:
    pids = snapshot.pids
    limits = {} if pids is None else {"threads-max": pids.threads_max, "pid_max": pids.pid_max}
    return tuple(
        text
        for name, limit in limits.items()
        if limit < target
        for text in _sysctl(snapshot, f"kernel.{name}", target)
    )


def _ptys(_state: LimitState, snapshot: Snapshot, target: int) -> tuple[str, ...]:
    return _sysctl(snapshot, "kernel.pty.max", target)


def _low_memory(_state: LimitState, _snapshot: Snapshot, _target: int) -> tuple[str, ...]:
    return ("update the host: XenServer 6.5 and later have a 64-bit dom0 without low memory",)


def _bridge_ports(state: LimitState, snapshot: Snapshot, _target: int) -> tuple[str, ...]:
    if costs.regime(snapshot) == "xl":
        return ("ip link add name xenbr-more type bridge, and name it in the vif= of new VMs",)
    command = "xe network-create name-label=more, and give new VMs a VIF in it"
    kinds = snapshot.bridges.kinds if snapshot.bridges is not None else {}
    if kinds.get(state.instance) == BRIDGE_KIND:
        return (command, "xe-switch-network-backend openvswitch, then reboot the host")
    return (command,)


def _loops(_state: LimitState, _snapshot: Snapshot, _target: int) -> tuple[str, ...]:
    return ("give VMs logical volumes in place of files: xen-blkback needs no loop device",)


REMEDIES: Final[Mapping[str, Remedy]] = {
    "event_channels": _event_channels,
    "irqs": _irqs,
    "grant_frames": _grant_frames,
    "blktap_minors": _blktap,
    "aio_requests": _aio,
    "xenstored_fds": _open_files("xenstored"),
    "xenconsoled_fds": _open_files("xenconsoled"),
    "host_memory": _host_memory,
    "dom0_memory": _dom0_memory,
    "tasks": _tasks,
    "ptys": _ptys,
    "dom0_low_memory": _low_memory,
    "bridge_ports": _bridge_ports,
    "loop_devices": _loops,
}
"""The remedy of every limit that VMs take of, by name."""
