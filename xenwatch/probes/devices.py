"""Backend devices as the kernel's xen-backend bus has them."""

from __future__ import annotations

import re

from xenwatch.parse import xenstore
from xenwatch.parse.text import number, word
from xenwatch.probes.base import DEVICE, DOMAIN_SETTLED, LINK, NotApplicable, Probe, stateless
from xenwatch.probes.xen import list_optional, require_dom0
from xenwatch.readings.devices import Backends, DeviceKey
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError, read_ahead

DIRECTORY = "/sys/bus/xen-backend/devices"
_BUS_ID = re.compile(r"([a-z0-9_-]+)-(\d+)-(\d+)\Z")
"""`%s-%i-%s` of type, domid and device id (drivers/xen/xenbus/xenbus_probe_backend.c)."""


def read(source: Source, context: Snapshot) -> Backends:
    """States of all devices. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    return Backends(list_devices(source, own_domid(source, context)))


def own_domid(source: Source, context: Snapshot) -> int:
    """0 in dom0, and the domid of a driver domain, which is a guest with backends.

    Raises `NotApplicable` elsewhere, `SourceError` and `ParseError`.
    """
    try:
        require_dom0(source, context)
    except NotApplicable:
        if not list_optional(source, DIRECTORY):
            raise
    else:
        return 0
    reply = source.xenstore(xenstore.READ, xenstore.path_payload("domid"))
    error_name = xenstore.refusal(reply)
    if error_name is not None:
        raise SourceError("xenstore domid", error_name)
    return number("xenstore domid", reply.payload)


def list_devices(source: Source, own: int = 0) -> dict[DeviceKey, str]:
    """State by device, served by the domain `own`. One removed between the two reads is skipped.

    dom0's kernel always has the directory, even if empty: a missing one is a failure
    (drivers/xen/xenbus/xenbus_probe_backend.c).
    """
    found: dict[DeviceKey, str] = {}
    names = source.listdir(DIRECTORY)
    read_ahead(source, "read", (f"{DIRECTORY}/{name}/state" for name in names))
    for name in names:
        match = _BUS_ID.match(name)
        if not match:
            continue
        try:
            state = word(source.read(f"{DIRECTORY}/{name}/state"))
        except SourceError as error:
            if error.missing:
                continue
            raise
        found[DeviceKey(match[1], int(match[2]), int(match[3]), own)] = state
    return found


def bus_id(key: DeviceKey) -> str:
    """A device's name on the bus."""
    return f"{key.cls}-{key.domid}-{key.devid}"


def identity(source: Source, name: str) -> bytes | None:
    """What tells a device on the bus from a later one of its name; `None` where it is unknown.

    sysfs makes an inode with the present time for each directory (fs/kernfs/inode.c,
    kernfs_init_inode). One that the kernel dropped from its cache looks like a new device.
    """
    try:
        return source.stat(f"{DIRECTORY}/{name}")
    except SourceError:
        return None


BACKENDS = Probe(
    name="backends",
    reads=f"{DIRECTORY}/*/state",
    advice="mount sysfs; in a container, below --path.rootfs",
    read=stateless(read),
    # An interface that connects has its carrier (drivers/net/xen-netback/xenbus.c).
    # The kernel tells the state of each in xenstore (drivers/xen/xenbus/xenbus_client.c,
    # xenbus_switch_state).
    events=frozenset({DOMAIN_SETTLED, DEVICE, LINK}),
    quiet=60.0,
)
