"""The metrics of the host and its domains that are not limits."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.exposition.text_format import text
from xenwatch.metrics.base import Metric, Readings, Row, Rows, number_of, rows_of
from xenwatch.readings.devices import DISK_CLASSES, NETWORK_CLASSES
from xenwatch.readings.domains import Domain
from xenwatch.readings.host import Host
from xenwatch.readings.snapshot import Snapshot

UNKNOWN: Final = "unknown"
"""Label value of a state that could not be read, where the thing itself is counted."""


def _host(readings: Readings) -> Iterable[Row]:
    host = readings.snapshot.host
    if host is not None:
        yield _host_facts(host), 1


def _host_facts(host: Host) -> tuple[str, ...]:
    abi = (host.abi.name, host.abi.origin) if host.abi else ("", "")
    cgroup = "" if host.cgroup_version is None else str(host.cgroup_version)
    return (
        host.xen_version,
        host.kernel_release,
        host.platform,
        host.platform_version,
        host.machine,
        cgroup,
        *abi,
    )


_channel_rows = rows_of(lambda snapshot: snapshot.event_channels)


def _all_domains(snapshot: Snapshot) -> tuple[Domain, ...]:
    return snapshot.domains.domains if snapshot.domains else ()


def _domain_rows(value: Callable[[Domain], float | None]) -> Rows:
    return lambda readings: (
        ((str(domain.domid),), value(domain)) for domain in _all_domains(readings.snapshot)
    )


def _memory_owed(readings: Readings) -> Iterable[Row]:
    memory = readings.snapshot.host_memory
    owed = (memory.owed or {}) if memory is not None else {}
    return (((str(domid),), size) for domid, size in owed.items())


def _domain_counts(readings: Readings) -> Iterable[Row]:
    domains = _all_domains(readings.snapshot)
    return (((state,), n) for state, n in Counter(d.state or UNKNOWN for d in domains).items())


def _domain_facts(readings: Readings) -> Iterable[Row]:
    for domain in readings.snapshot.identities:
        name = text(readings.snapshot.name(domain) or b"")
        yield (str(domain.domid), name, domain.uuid, domain.type or ""), 1


def _stubdomains(readings: Readings) -> Iterable[Row]:
    xenstore = readings.snapshot.xenstore
    targets = xenstore.stubdomains if xenstore is not None else {}
    return [((str(domid), str(target)), 1) for (domid, _), target in targets.items()]


def _domain_states(readings: Readings) -> Iterable[Row]:
    for domain in _all_domains(readings.snapshot):
        if domain.state is not None:
            yield (str(domain.domid), domain.state), 1


def _device_counts(classes: frozenset[str]) -> Rows:
    return lambda readings: (
        ((str(domid),), count) for domid, count in readings.snapshot.device_counts(classes).items()
    )


def _backends(readings: Readings) -> Iterable[Row]:
    states = readings.snapshot.device_states()
    return Counter(
        (str(key.domid), key.cls, state, str(key.backend_domid)) for key, state in states.items()
    ).items()


def _backend_errors(readings: Readings) -> Iterable[Row]:
    devices = readings.snapshot.xenstore_devices
    errors = devices.errors if devices else ()
    return Counter(
        (
            str(error.device.domid),
            error.device.cls,
            errno.errorcode.get(error.errno, str(error.errno)),
            str(error.device.backend_domid),
        )
        for error in errors
    ).items()


def _tapdisks(readings: Readings) -> Iterable[Row]:
    blktap = readings.snapshot.blktap
    return [((), blktap.tapdisks)] if blktap else []


def _reserves(readings: Readings) -> Iterable[Row]:
    systems = readings.snapshot.file_systems
    by_mount_point = systems.by_mount_point if systems else {}
    return [((place,), fs.reserved) for place, fs in by_mount_point.items()]


_memory_rows = number_of(lambda snapshot: snapshot.memory)


def _daemons(readings: Readings) -> Iterable[Row]:
    daemons = readings.snapshot.daemons
    return [((r, d.comm), 1) for r, d in daemons.by_role.items()] if daemons else []


_HOST: Final = (
    Metric(
        "xenwatch_host_info",
        "info",
        "Platform, Xen and kernel of the host; a label is empty if unknown.",
        "/sys/hypervisor, uname(2), /etc/os-release, /etc/xensource-inventory, the kernel log",
        _host,
        (
            "xen",
            "kernel",
            "platform",
            "platform_version",
            "machine",
            "cgroup",
            "event_channel_abi",
            "abi_origin",
        ),
    ),
)

_EVTCHN: Final = "EVTCHNOP_status of every port, or lsevtchn"

_CHANNELS: Final = (
    Metric(
        "xenwatch_event_channels",
        "gauge",
        "Used event channels of dom0 by kind.",
        _EVTCHN,
        _channel_rows(lambda channels: (((kind,), n) for kind, n in channels.by_kind.items())),
        ("kind",),
    ),
    Metric(
        "xenwatch_domain_event_channels",
        "gauge",
        "Used event channels of dom0 by the domain at the other end.",
        _EVTCHN,
        _channel_rows(lambda channels: (((str(d),), n) for d, n in channels.by_domain.items())),
        ("domid",),
    ),
    Metric(
        "xenwatch_event_channel_slots",
        "gauge",
        "Slots Xen has allocated for event channels of dom0; a scan covers them all.",
        "EVTCHNOP_status, the first port that returns EINVAL",
        _channel_rows(lambda channels: [((), channels.slots)]),
    ),
    Metric(
        "xenwatch_event_channels_route_info",
        "info",
        "How the event channels were read.",
        _EVTCHN,
        _channel_rows(lambda channels: [((channels.route,), 1)]),
        ("route",),
    ),
)

_DOMINFO: Final = "XEN_SYSCTL_getdomaininfolist, or xenstore"
_DOMINFO_ONLY: Final = "XEN_SYSCTL_getdomaininfolist"

_DOMAINS: Final = (
    Metric(
        "xenwatch_domains",
        "gauge",
        "Domains by state, including dom0.",
        _DOMINFO_ONLY,
        _domain_counts,
        ("state",),
    ),
    Metric(
        "xenwatch_domain_info",
        "info",
        "Domains by name, UUID and type; invalid bytes in a name are escaped as in \\xff.",
        f"{_DOMINFO}; the name: /local/domain/DOMID/name in xenstore",
        _domain_facts,
        ("domid", "name", "uuid", "type"),
    ),
    Metric(
        "xenwatch_stubdomain_info",
        "info",
        "Stubdomains, each with the domid of the VM whose QEMU it runs: what QEMU takes, it takes.",
        "/local/domain/DOMID/target in xenstore",
        _stubdomains,
        ("domid", "target"),
    ),
    Metric(
        "xenwatch_domain_state",
        "gauge",
        "1 for the current state of the domain.",
        _DOMINFO_ONLY,
        _domain_states,
        ("domid", "state"),
    ),
    Metric(
        "xenwatch_domain_vcpus",
        "gauge",
        "Online virtual CPUs of the domain.",
        _DOMINFO,
        _domain_rows(lambda domain: domain.vcpus_online),
        ("domid",),
    ),
    Metric(
        "xenwatch_domain_vcpus_max",
        "gauge",
        "Max virtual CPUs of the domain.",
        _DOMINFO_ONLY,
        _domain_rows(lambda domain: domain.vcpus_max),
        ("domid",),
    ),
    Metric(
        "xenwatch_domain_memory_bytes",
        "gauge",
        "Memory of the domain.",
        _DOMINFO_ONLY,
        _domain_rows(lambda domain: domain.memory_bytes),
        ("domid",),
    ),
    Metric(
        "xenwatch_domain_memory_owed_bytes",
        "gauge",
        "Memory that an HVM or PVH domain takes to be its own and Xen does not have for it "
        "(populate on demand); when it touches that, Xen kills it.",
        "XENMEM_get_pod_target",
        _memory_owed,
        ("domid",),
    ),
    Metric(
        "xenwatch_domain_cpu_seconds_total",
        "counter",
        "CPU time of all virtual CPUs of the domain.",
        _DOMINFO_ONLY,
        _domain_rows(lambda domain: domain.cpu_seconds),
        ("domid",),
    ),
)

_DEVICES: Final = (
    "/sys/bus/xen-backend/devices, and xenstore where sysfs lacks the device or its state"
)

_BACKENDS: Final = (
    Metric(
        "xenwatch_domain_disks",
        "gauge",
        "Disks of the domain, whichever domain serves them.",
        _DEVICES,
        _device_counts(DISK_CLASSES),
        ("domid",),
    ),
    Metric(
        "xenwatch_domain_network_interfaces",
        "gauge",
        "Network interfaces of the domain, whichever domain serves them.",
        _DEVICES,
        _device_counts(NETWORK_CLASSES),
        ("domid",),
    ),
    Metric(
        "xenwatch_domain_backends",
        "gauge",
        "Backend devices by domain, class, XenbusState and the domain that serves them (0: dom0).",
        _DEVICES,
        _backends,
        ("domid", "class", "state", "backend_domid"),
    ),
    Metric(
        "xenwatch_domain_backend_errors",
        "gauge",
        "Error nodes in xenstore of the devices of running domains, by errno and the domain that "
        "serves the device (0: dom0).",
        "xenstore, error/backend of the domain that serves the device, error/device of its own",
        _backend_errors,
        ("domid", "class", "errno", "backend_domid"),
    ),
)

_MEMINFO: Final = "/proc/meminfo"
_BALLOON: Final = "/sys/devices/system/xen_memory/xen_memory0"

_DOM0: Final = (
    Metric(
        "xenwatch_tapdisks",
        "gauge",
        "Running tapdisk processes.",
        "ctlPID in /run/blktap-control, /proc/PID/comm",
        _tapdisks,
    ),
    Metric(
        "xenwatch_file_system_reserved_bytes",
        "gauge",
        "Free space of the file system that only root can use; it is not part of the max.",
        "statvfs: f_bfree less f_bavail",
        _reserves,
        ("mountpoint",),
    ),
    Metric(
        "xenwatch_dom0_slab_bytes",
        "gauge",
        "Kernel memory in slab caches.",
        f"{_MEMINFO}, Slab",
        _memory_rows(lambda memory: memory.slab),
    ),
    Metric(
        "xenwatch_dom0_slab_unreclaimable_bytes",
        "gauge",
        "Kernel memory in slab caches that cannot be reclaimed.",
        f"{_MEMINFO}, SUnreclaim",
        _memory_rows(lambda memory: memory.slab_unreclaimable),
    ),
    Metric(
        "xenwatch_dom0_balloon_target_bytes",
        "gauge",
        "Target memory of dom0's balloon driver.",
        f"{_BALLOON}/target_kb",
        _memory_rows(lambda memory: memory.balloon_target),
    ),
    Metric(
        "xenwatch_dom0_balloon_current_bytes",
        "gauge",
        "Current memory of dom0 according to its balloon driver.",
        f"{_BALLOON}/info/current_kb",
        _memory_rows(lambda memory: memory.balloon_current),
    ),
    Metric(
        "xenwatch_daemon_info",
        "info",
        "Running control-path daemons.",
        "/proc/PID/comm",
        _daemons,
        ("role", "comm"),
    ),
)

HOST_METRICS: Final = (*_HOST, *_CHANNELS, *_DOMAINS, *_BACKENDS, *_DOM0)
"""The metrics of the host and its domains."""
