"""What kind of host this is: versions, platform, cgroups and the event-channel ABI."""

from __future__ import annotations

from dataclasses import dataclass

from xenwatch.parse import xenversion
from xenwatch.parse.kernel_log import KernelLog, parse_kernel_log
from xenwatch.parse.text import assignments, number, uname, version_pair, word
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import (
    CAPABILITIES,
    HYPERVISOR_TYPE,
    list_optional,
    read_optional,
)
from xenwatch.readings.host import Abi, Host
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

KERNEL_LOG = "/dev/kmsg"
NETBACK_QUEUES = "/sys/module/xen_netback/parameters/max_queues"
"""Since Linux 3.16; by default dom0's vCPUs, from Linux 4.11 on 8 at most (netback_init)."""
FIFO_PORTS = 1 << 17
"""EVTCHN_FIFO_NR_CHANNELS (xen/include/public/event_channel.h)."""
_FIFO_SINCE = (3, 14)
UNREAD = KernelLog(None, None, complete=False)
_FIFO_OFF = tuple(f"xen.fifo_events={value}" for value in ("0", "n", "N", "off", "false"))


def read(source: Source, previous: Snapshot) -> Host:
    """The host's facts. Few of them change while it runs, the kernel log's lines only vanish.

    So that log, which is long where guests come and go, is read until it has told what it can.
    """
    _, release, _, machine = uname(source.uname())
    xen, version, xen_command_line = _xen(source)
    kernel = version_pair(release) or (0, 0)
    command_line = word(read_optional(source, "/proc/cmdline") or b"")
    platform, platform_version = _platform(source)
    known: Host | None = previous.last("host")
    told = known is not None and known.abi is not None and known.nr_irqs is not None
    log = UNREAD if told else _kernel_log(source)
    capabilities = read_optional(source, CAPABILITIES) or b""
    abi = None
    if xen is not None:
        place = (platform, platform_version)
        abi = _abi(_Boot(log, xen, kernel, machine, command_line, place))
        if known is not None and log.fifo is None and not log.complete:
            abi = known.abi or abi
    return Host(
        xen=xen,
        xen_version=version,
        xen_command_line=xen_command_line,
        kernel=kernel,
        kernel_release=release,
        machine=machine,
        kernel_command_line=command_line,
        platform=platform,
        platform_version=platform_version,
        cgroup_version=_cgroup_version(source),
        is_dom0=b"control_d" in capabilities,
        abi=abi,
        nr_irqs=log.nr_irqs or (known.nr_irqs if known is not None else None),
        netback_queues=_netback_queues(source),
    )


def _xen(source: Source) -> tuple[tuple[int, int] | None, str, str]:
    """Xen's version as pair and text, and its command line, by hypercall or from sysfs."""
    hypervisor = read_optional(source, HYPERVISOR_TYPE)
    if hypervisor is None or word(hypervisor) != "xen":
        return None, "", ""
    base = "/sys/hypervisor/version/"
    major, minor, extra = (word(source.read(base + part)) for part in ("major", "minor", "extra"))
    version = f"{major}.{minor}{extra}"
    try:
        reply = source.hypercall(xenversion.commandline_call())
        command_line = xenversion.parse_text(reply.block) if reply.result >= 0 else ""
    except SourceError:
        command_line = ""
    return version_pair(version), version, command_line


def _platform(source: Source) -> tuple[str, str]:
    """(xenserver, xcp-ng, debian, ... , its version); XenServer's own inventory goes first."""
    inventory = read_optional(source, "/etc/xensource-inventory")
    if inventory is not None:
        facts = assignments(inventory)
        brand = facts.get("PRODUCT_BRAND", "XenServer")
        return brand.lower(), facts.get("PRODUCT_VERSION", "")
    release = read_optional(source, "/etc/os-release")
    facts = assignments(release or b"")
    return facts.get("ID", ""), facts.get("VERSION_ID", "")


def _cgroup_version(source: Source) -> int | None:
    """2 on the unified hierarchy, 1 where controllers have their own, `None` without cgroups."""
    names = list_optional(source, "/sys/fs/cgroup")
    if not names:
        return None
    return 2 if "cgroup.controllers" in names else 1


def _netback_queues(source: Source) -> int | None:
    """Most queues of a network interface; not known where it cannot be read."""
    try:
        return number(NETBACK_QUEUES, source.read(NETBACK_QUEUES))
    except SourceError:
        return None


def _kernel_log(source: Source) -> KernelLog:
    """The boot's messages; a log that cannot be read tells nothing and is no failure."""
    try:
        return parse_kernel_log(source.read(KERNEL_LOG))
    except SourceError:
        return UNREAD


@dataclass(frozen=True, slots=True)
class _Boot:
    """What tells the event-channel ABI."""

    log: KernelLog
    xen: tuple[int, int]
    kernel: tuple[int, int]
    machine: str
    command_line: str
    platform: tuple[str, str]


def _abi(boot: _Boot) -> Abi:
    """The ABI, by the best evidence there is.

    The kernel's own message, else its parameter (drivers/xen/events/events_base.c: FIFO is tried
    by default since Linux 3.14, and Xen has it since 4.4), else those versions.
    """
    reason = None if boot.log.fifo else _two_level(boot)
    if reason is None:
        origin = "default of Linux 3.14 and Xen 4.4 or later, not confirmed"
        if boot.kernel < _FIFO_SINCE:
            origin = "XenServer's own addition to its Linux 3.10, not confirmed"
        if boot.log.fifo:
            origin = "kernel log: Using FIFO-based ABI"
        return Abi("fifo", FIFO_PORTS, origin)
    if boot.machine == "x86_64":
        return Abi("2-level-64", 64 * 64, reason)
    if boot.platform[0] == "xenserver" and boot.platform[1].startswith("6.2"):
        return Abi("2-level-32", 4096, "XenServer 6.2 gives its 32-bit dom0 4,096 channels")
    return Abi("2-level-32", 32 * 32, reason)


def _added(boot: _Boot) -> bool:
    """Whether this kernel may have the FIFO ABI though its version had none: XenServer's 3.10."""
    return boot.platform[0] == "xenserver" and boot.kernel >= (3, 10)


def _two_level(boot: _Boot) -> str | None:
    """Why dom0 must be using the 2-level ABI when no log says FIFO, or `None`."""
    if boot.log.fifo is False:
        return "kernel log: Using 2-level ABI"
    if any(switch in boot.command_line.split() for switch in _FIFO_OFF):
        return "kernel command line: xen.fifo_events=0"
    if boot.kernel < _FIFO_SINCE and not _added(boot):
        return f"Linux {boot.kernel[0]}.{boot.kernel[1]} has no FIFO ABI"
    if boot.xen < (4, 4):
        return f"Xen {boot.xen[0]}.{boot.xen[1]} has no FIFO ABI"
    if boot.log.complete:  # kernels that fall back to 2-level need not say so
        return "kernel log: no FIFO-based ABI since its first line"
    return None


HOST = Probe(
    name="host",
    reads="uname, /sys/hypervisor, /etc/os-release, /etc/xensource-inventory, /dev/kmsg, "
    f"{NETBACK_QUEUES}",
    advice="run as root; mount sysfs",
    read=read,
    interval=300.0,
    deadline=30.0,
)
