"""The domains, as rows of the status of a host."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from xenwatch.assessment.vif_faults import vif_faults
from xenwatch.exposition.text_format import text
from xenwatch.readings.devices import DISK_CLASSES, NETWORK_CLASSES, OUT_OF_SERVICE, DeviceKey
from xenwatch.readings.domains import STOPPED, Domain
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status import driver_domains
from xenwatch.status.driver_domains import server
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain, its name as in the metrics' labels, and what it uses of dom0.

    `broken` names devices with an error, or out of service in a running domain; `None`: unknown.
    `served_by` are the domids of the driver domains that serve its devices, beside dom0.
    """

    domid: int
    uuid: str
    name: str | None
    type: str | None
    state: str | None
    vcpus_online: int | None
    vcpus_max: int | None
    memory_bytes: int | None
    cpu_seconds: float | None
    disks: int | None
    vifs: int | None
    event_channels: int | None
    broken: tuple[str, ...] | None
    served_by: tuple[int, ...] = ()


def domain_rows(snapshot: Snapshot) -> tuple[DomainRow, ...] | None:
    """The rows in the order of the reading; `None` where the domains were not read."""
    if snapshot.domains is None:
        return None
    channels = snapshot.event_channels
    disks, vifs = map(snapshot.device_counts, (DISK_CLASSES, NETWORK_CLASSES))
    broken = _broken_devices(snapshot)
    served_by = driver_domains.served_by(snapshot)
    return tuple(
        DomainRow(
            **_facts(snapshot, domain),
            disks=disks.get(domain.domid),
            vifs=vifs.get(domain.domid),
            event_channels=channels.by_domain.get(domain.domid, 0) if channels else None,
            # Where its devices are counted, all of them are known.
            broken=broken.get(domain.domid, () if domain.domid in vifs and domain.state else None),
            served_by=served_by.get(domain.domid, ()),
        )
        for domain in snapshot.domains.domains
    )


def _facts(snapshot: Snapshot, domain: Domain) -> dict[str, Any]:
    name = snapshot.name(domain)
    return {**dataclasses.asdict(domain), "name": None if name is None else text(name)}


def _broken_devices(snapshot: Snapshot) -> Mapping[int, tuple[str, ...]]:
    """By domain: devices with an error, and those of running domains that are out of service.

    Out of service is a closed backend, or an interface to which dom0's switches give no network.
    """
    found: defaultdict[int, dict[DeviceKey, str]] = defaultdict(dict)
    for key, fault in vif_faults(snapshot).items():
        found[key.domid][key] = fault
    if snapshot.domains is not None:
        running = {
            domain.domid
            for domain in snapshot.domains.domains
            if domain.state is not None and domain.state not in STOPPED
        }
        for key, state in snapshot.device_states().items():
            if state in OUT_OF_SERVICE and key.domid in running:
                found[key.domid][key] = state
    if snapshot.xenstore_devices is not None:
        for error in snapshot.xenstore_devices.errors:
            found[error.device.domid][error.device] = error.text
    known = driver_domains.names(snapshot)
    return {
        domid: tuple(
            f"{key.cls} {key.devid}: {what}{server(key, known)}"
            for key, what in sorted(devices.items())
        )
        for domid, devices in found.items()
    }
