"""The list of questions that are answered: files, directories, links, programs, keys of xenstore.

It stands for itself, and is not made of the probes: what they ask must be on it, which a test
checks, so that a mistake in one of them asks for nothing else. Everything on it is read, but for
the three that docs/design.md names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from xenwatch.parse import liveset, multipathd, ovsdb, volume_groups
from xenwatch.sources.wire import XS_CONTROL, XS_GET_QUOTA, XS_READ

_PATH_MAX: Final = 4096
_CGROUP: Final = r"/sys/fs/cgroup(?:/[^/]+)*"
_BACKEND: Final = r"/sys/bus/xen-backend/devices/[^/]+"
_TRACING: Final = r"/sys/kernel/(?:debug/)?tracing/instances/xenwatch/events"
_UNITS: Final = (
    r"(?:/etc/systemd/system(?:\.control)?|/run/systemd/(?:system(?:\.control)?|transient)"
    r"|(?:/usr(?:/local)?)?/lib/systemd/system)/(?:control|vm|system|user)\.slice"
)
_TOOLS: Final = r"/usr/(?:libexec/xen|lib(?:64)?/xen|lib/xen-[^/]+)/bin"
_XL: Final = r"(?:/usr(?:/local)?)?/sbin"

READ: Final = (
    r"/proc/\d+/(?:task/\d+/)?(?:stat|schedstat|status)",
    r"/proc/\d+/(?:cgroup|cmdline|comm|limits|mounts|mountstats|statm)",
    r"/proc/(?:buddyinfo|cmdline|interrupts|key-users|loadavg|meminfo|mounts|partitions|stat)",
    r"/proc/(?:uptime|vmstat|zoneinfo|net/dev|pressure/memory|self/mountstats|xen/capabilities)",
    r"/proc/net/stat/(?:arp|ndisc)_cache",
    r"/proc/sys/fs/(?:aio-nr|aio-max-nr|file-nr)",
    r"/proc/sys/kernel/(?:pid_max|threads-max|pty/nr|pty/max|random/boot_id)",
    r"/proc/sys/net/(?:ipv[46]/neigh/default/gc_thresh3|netfilter/nf_conntrack_(?:count|max))",
    rf"{_BACKEND}/(?:state|physical_device|statistics/(?:oo|rd|wr)_(?:req|sect))",
    r"/sys/block/[^/]+/(?:dm/(?:name|uuid)|device/state)",
    r"/sys/dev/block/\d+:\d+/stat",
    r"/sys/class/net/[^/]+/speed",
    r"/sys/class/iscsi_session/session\d+/(?:state|targetname)",
    r"/sys/class/iscsi_connection/connection\d+:\d+/persistent_(?:address|port)",
    r"/sys/devices/system/xen_memory/xen_memory0/(?:target_kb|info/current_kb)",
    r"/sys/hypervisor/(?:type|properties/features|version/(?:major|minor|extra))",
    r"/sys/kernel/debug/xen-netback/[^/]+/io_ring_q\d+",
    r"/sys/module/loop/parameters/max_(?:loop|part)",
    r"/sys/module/(?:nbd/parameters/nbds_max|xen_netback/parameters/max_queues)",
    rf"{_TRACING}/(?:sched/sched_switch|syscalls/sys_exit_ppoll)/hist",
    rf"{_CGROUP}/(?:cgroup\.(?:procs|events)|cpuacct\.usage)",
    rf"{_CGROUP}/cpu\.(?:shares|weight|cfs_quota_us|max|stat|pressure)",
    rf"{_UNITS}(?:\.d/[^/]+\.conf)?",
    r"/etc/systemd/system/[^/]+\.service\.d/slice\.conf",
    r"/(?:etc/os-release|etc/xensource-inventory)",
    r"(?:/var)?/run/(?:xen/)?(?:xenstored|xenconsoled|xapi|xenopsd|xenopsd-xc)\.pid",
    r"/run/(?:squeezed|message-switch|xapissl|openvswitch/(?:ovs-vswitchd|ovsdb-server))\.pid",
    r"/run/reboot-required(?:\.pkgs|\.hfxs)?",
    r"/var/run/nonpersistent/xapi/host-requires-reboot",
    r"/dev/kmsg",
    r"/dev/shm/vbd3-\d+-\d+/statistics",  # noqa: S108 - read there without following links
)
"""The files that are read, each as a regular expression of its whole path; the hot ones first."""

LISTDIR: Final = (
    r"/proc(?:/\d+/(?:fd|task))?",
    r"/boot",
    r"/dev(?:/shm(?:/td3-\d+)?)?",
    r"/sys/block(?:/[^/]+/slaves)?",
    r"/sys/bus/xen-backend/devices",
    r"/sys/class/(?:blktap2|iscsi_session)",
    r"/sys/class/net(?:/[^/]+(?:/brif|/queues)?)?",
    r"/sys/kernel/(?:irq|debug(?:/xen-netback(?:/[^/]+)?)?)",
    r"/sys/module/(?:dm_multipath|dm_thin_pool|openvswitch|openvswitch_mod)",
    _CGROUP,
    rf"{_UNITS}\.d",
    r"/etc/systemd/system",
    r"/usr/lib",
    _TOOLS,
    _XL,
    r"(?:/var)?/run/blktap-control",
    r"/run/blktap-control/tapdisk",
    r"/var/run/openvswitch",
)
READLINK: Final = (r"/proc/\d+/fd/\d+", r"/sys/dev/block/\d+:\d+", r"/boot/[^/]+")
STAT: Final = (_BACKEND, r"/boot/[^/]+")
STATVFS: Final = (r"/|/var|/var/log", r"(?:/var)?/run/sr-mount/.+")
CERTIFICATES: Final = (r"/etc/xensource/xapi-(?:ssl|pool-tls)\.pem",)

PATHS: Final[Mapping[str, re.Pattern[str]]] = {
    verb: re.compile("|".join(f"(?:{each})" for each in patterns), re.ASCII | re.DOTALL)
    for verb, patterns in {
        "read": READ,
        "listdir": LISTDIR,
        "readlink": READLINK,
        "stat": STAT,
        "statvfs": STATVFS,
        "certificates": CERTIFICATES,
    }.items()
}
"""By verb: the paths it answers."""

COMMANDS: Final = (
    ("/usr/bin/ovsdb-client", "transact", "unix:/var/run/openvswitch/db.sock",
     ovsdb.transaction()),
    liveset.COMMAND,
    ("/usr/sbin/dmsetup", "status", "--noflush", "--target", "thin-pool"),
    ("/usr/sbin/multipathd", "show", "paths", "format", multipathd.FORMAT),
    ("/usr/sbin/vgs", *volume_groups.ARGUMENTS),
)  # fmt: skip
"""The programs that are run, with all their arguments."""
_LSEVTCHN: Final = re.compile(rf"{_TOOLS}/lsevtchn", re.ASCII)
_XL_PATH: Final = re.compile(rf"{_XL}/xl", re.ASCII)
_XL_ARGUMENTS: Final = (("debug-keys", "g"), ("dmesg",))
_DOMID: Final = re.compile(r"\d{1,5}", re.ASCII)

_DIRECTORY: Final = 1
_DIRECTORY_PART: Final = 22
_DEVICE: Final = rb"[a-z0-9]{1,20}/\d{1,5}/\d{1,10}"
_KEYS: Final = re.compile(
    rb"domid|/local/domain/\d{1,5}/(?:name|target|vm|qemu-pid|image/device-model-pid"
    rb"|backend/" + _DEVICE + rb"/(?:state|params|script)|error/backend/" + _DEVICE + rb"/error"
    rb"|error/device/[a-z0-9]{1,20}/\d{1,10}/error"
    rb"|device/[a-z0-9]{1,20}/\d{1,10}/backend(?:-id)?)"
    rb"|/xapi/[0-9a-f-]{36}/private/vif/\d{1,10}/locking-mode"
)
_DIRECTORIES: Final = rb"/local/domain(?:/\d{1,5}/device/(?:vif|vbd))?\0"
XENSTORE: Final[Mapping[int, re.Pattern[bytes]]] = {
    XS_READ: re.compile(rb"(?:" + _KEYS.pattern + rb")\0"),
    _DIRECTORY: re.compile(_DIRECTORIES),
    _DIRECTORY_PART: re.compile(_DIRECTORIES + rb"\d{1,10}\0"),
}
"""By type of request: the payloads it may have."""
XENSTORE_CONTROL: Final[Mapping[int, re.Pattern[bytes]]] = {
    XS_CONTROL: re.compile(rb"quota\0(?:\d{1,5}\0)?"),
    XS_GET_QUOTA: re.compile(rb"\d{1,5}\0[a-z]{1,20}\0"),
}
"""The same of requests on a connection of their own. Of `quota` these forms show, and set none."""


def path_is_allowed(verb: str, path: str) -> bool:
    """Whether a verb answers for a path, which must be a normal one: none leads elsewhere."""
    return (
        len(path) <= _PATH_MAX
        and "\0" not in path
        and _is_name(path)
        and os.path.normpath(path) == path
        and PATHS[verb].fullmatch(path) is not None
    )


def _is_name(path: str) -> bool:
    """Whether the system can be asked about it: no other half of a character than of bytes."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def command_is_allowed(argv: Sequence[str]) -> bool:
    """Whether a program is run with these arguments."""
    match tuple(argv):
        case (path, domid) if _LSEVTCHN.fullmatch(path):
            return _DOMID.fullmatch(domid) is not None
        case (path, *arguments) if _XL_PATH.fullmatch(path):
            return tuple(arguments) in _XL_ARGUMENTS
    return tuple(argv) in COMMANDS


def request_is_allowed(
    table: Mapping[int, re.Pattern[bytes]], requests: Sequence[tuple[int, bytes]]
) -> bool:
    """Whether xenstored is sent all of these requests."""
    return all(
        kind in table and table[kind].fullmatch(payload) is not None for kind, payload in requests
    )
