"""What kind of host this is: versions, platform, cgroups and the event-channel ABI."""

from __future__ import annotations

from dataclasses import replace

from xenwatch.parse import xenversion
from xenwatch.parse.evtchn import FIFO_PORTS
from xenwatch.parse.kernel_log import KernelLog, parse_kernel_log
from xenwatch.parse.text import number, uname, version_pair, word
from xenwatch.probes.base import SYSLOG, Probe
from xenwatch.probes.xen import (
    HYPERVISOR_TYPE,
    is_dom0,
    list_optional,
    read_optional,
    xen_version,
)
from xenwatch.readings.host import Abi, Host
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release import names
from xenwatch.release.linux import UNREAD as UNREAD_VERSION
from xenwatch.release.release import Release, resolve
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

INVENTORY = "/etc/xensource-inventory"
OS_RELEASE = "/etc/os-release"
KERNEL_LOG = "/dev/kmsg"
NETBACK_QUEUES = "/sys/module/xen_netback/parameters/max_queues"
"""Since Linux 3.16; by default dom0's vCPUs, from Linux 4.11 on 8 at most (netback_init)."""
UNREAD = KernelLog(None, None, complete=False)
_FIFO_OFF = tuple(f"xen.fifo_events={value}" for value in ("0", "n", "N", "off", "false"))


@dataclass(frozen=True, slots=True)
class _Memory:
    """Facts from the kernel log, read before its first lines were overwritten."""

    abi: Abi | None
    nr_irqs: int | None


def read(source: Source, _context: Snapshot, memory: _Memory) -> tuple[Host, _Memory]:
    """The host's facts. Raises `SourceError` and `ParseError`.

    The kernel log is long where guests come and go, and is read only until its facts are known.
    """
    _, release, _, machine = uname(source.uname())
    xen, version, xen_command_line = _xen(source)
    inventory = read_optional(source, INVENTORY)
    os_release = read_optional(source, OS_RELEASE) if inventory is None else None
    platform, platform_version = names.platform(inventory, os_release)
    complete = memory.abi is not None and memory.nr_irqs is not None
    log = UNREAD if complete else _kernel_log(source)
    host = Host(
        xen=xen,
        xen_version=version,
        xen_command_line=xen_command_line,
        kernel=version_pair(release) or UNREAD_VERSION,
        kernel_release=release,
        machine=machine,
        kernel_command_line=word(read_optional(source, "/proc/cmdline") or b""),
        platform=platform,
        platform_version=platform_version,
        cgroup_version=_cgroup_version(source),
        is_dom0=is_dom0(source),
        abi=None,
        nr_irqs=log.nr_irqs or memory.nr_irqs,
        netback_queues=_netback_queues(source),
    )
    if xen is not None:
        abi = memory.abi if log.fifo is None and not log.complete else None
        host = replace(host, abi=abi or _abi(host, log))
    return host, _Memory(host.abi, host.nr_irqs)


def _xen(source: Source) -> tuple[tuple[int, int] | None, str, str]:
    """Xen's version as pair and text, and its command line, by hypercall or from sysfs."""
    hypervisor = read_optional(source, HYPERVISOR_TYPE)
    if hypervisor is None or word(hypervisor) != "xen":
        return None, "", ""
    version = xen_version(source)
    try:
        reply = source.hypercall(xenversion.commandline_call())
        command_line = xenversion.parse_text(reply.block) if reply.result >= 0 else ""
    except SourceError:
        command_line = ""
    return version_pair(version), version, command_line


def _cgroup_version(source: Source) -> int | None:
    """2 on the unified hierarchy, 1 with one per controller, `None` without control groups."""
    names = list_optional(source, "/sys/fs/cgroup")
    if not names:
        return None
    return 2 if "cgroup.controllers" in names else 1


def _netback_queues(source: Source) -> int | None:
    """Most queues of a network interface; `None` where it cannot be read."""
    try:
        return number(NETBACK_QUEUES, source.read(NETBACK_QUEUES))
    except SourceError:
        return None


def _kernel_log(source: Source) -> KernelLog:
    """Facts from the boot messages; all unknown where the log cannot be read."""
    try:
        return parse_kernel_log(source.read(KERNEL_LOG))
    except SourceError:
        return UNREAD


def _abi(host: Host, log: KernelLog) -> Abi | None:
    """The ABI, by the best evidence available; `None` where it is unknown.

    The kernel's own message, else its parameter (drivers/xen/events/events_base.c: FIFO is tried
    by default), else what this release can have.
    """
    if log.fifo:
        return Abi("fifo", FIFO_PORTS, "kernel log: Using FIFO-based ABI")
    release = resolve(host)
    reason = _two_level(host, log, release)
    if reason is None:
        origin = f"{release.fifo_reason}, not confirmed"
        return Abi("fifo", FIFO_PORTS, origin) if release.fifo else None
    found = release.architecture
    if found is None:
        return None
    channels = release.channels
    if channels is not None:
        reason = f"{release.name} gives its 32-bit dom0 {channels:,} channels"
    return Abi(f"2-level-{found.word}", channels or found.two_level_ports, reason)


def _two_level(host: Host, log: KernelLog, release: Release) -> str | None:
    """Why dom0 must be using the 2-level ABI when no log says FIFO, or `None`."""
    if log.fifo is False:
        return "kernel log: Using 2-level ABI"
    if any(switch in host.kernel_command_line.split() for switch in _FIFO_OFF):
        return "kernel command line: xen.fifo_events=0"
    if release.fifo is False:
        return release.fifo_reason
    if log.complete:  # kernels that fall back to 2-level need not say so
        return "kernel log: complete, FIFO-based ABI not mentioned"
    return None


HOST = Probe(
    name="host",
    reads=f"uname, /sys/hypervisor, {OS_RELEASE}, {INVENTORY}, {KERNEL_LOG}, {NETBACK_QUEUES}",
    advice="run as root; mount sysfs",
    read=read,
    memory=_Memory(None, None),
    interval=300.0,
    deadline=30.0,
    capabilities=SYSLOG,
)
