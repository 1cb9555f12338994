"""What only xenstored has: names of domains, states of user-space backends, error nodes.

Named keys only, never a walk: a walk over 50 guests kept xenstored busy for 45 s. Known keys are
read again in slices, one slice per pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from xenwatch.parse import xenstore
from xenwatch.probes.base import DOMAIN, DOMAIN_SETTLED, Probe
from xenwatch.probes.devices import bus_id, identity, list_devices
from xenwatch.probes.domains import list_uuids
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.devices import (
    CONNECTED,
    INITIALISING,
    DeviceError,
    DeviceKey,
    XenstoreDevices,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.xenstore import Xenstore
from xenwatch.sources.base import Source, SourceError

SLICE: Final = 64
"""Known keys read again in one pass: xenstored serves one request at a time."""
XENBUS_STATES: Final = (
    "Unknown",
    INITIALISING,
    "InitWait",
    "Initialised",
    CONNECTED,
    "Closing",
    "Closed",
    "Reconfiguring",
    "Reconfigured",
)
"""enum xenbus_state (xen/include/public/io/xenbus.h) in the names sysfs gives them."""
STATELESS: Final = frozenset({"console"})
"""Classes whose backend never changes its state, such as xenconsoled."""

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class _Names:
    """The names last read, and the position of the next slice."""

    last: Xenstore
    cursor: int


@dataclass(frozen=True, slots=True)
class _Devices:
    """The states and errors last read, of which devices, and the position of the next slice."""

    last: XenstoreDevices
    cursor: int
    made: Mapping[DeviceKey, bytes | None] = field(default_factory=dict)


NO_NAMES: Final = _Names(Xenstore({}), 0)
NO_DEVICES: Final = _Devices(XenstoreDevices({}, ()), 0)


def read_names(source: Source, context: Snapshot, memory: _Names) -> tuple[Xenstore, _Names]:
    """Names of all domains. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    uuids = list_uuids(source, context)
    if context.xenstore is None:  # after a failure read everything again
        memory = NO_NAMES
    last = memory.last.names
    names = {domid: last[domid, uuid] for domid, uuid in uuids.items() if (domid, uuid) in last}
    unknown = [domid for domid in uuids if domid not in names]
    again, cursor = rotation(sorted(names), memory.cursor)
    for domid in {0, *unknown, *again}:
        name = read_key(source, f"/local/domain/{domid}/name")
        names.pop(domid, None)
        if name is not None:
            names[domid] = name
    found = Xenstore({(domid, uuids.get(domid, "")): name for domid, name in names.items()})
    return found, _Names(found, cursor)


def read_devices(
    source: Source, context: Snapshot, memory: _Devices
) -> tuple[XenstoreDevices, _Devices]:
    """States and errors of devices. Raises `NotApplicable`, `SourceError` and `ParseError`.

    Only devices that sysfs does not show as connected are read. A new one is read at once, also
    where it has the name of an old one, the others in slices: Windows without drivers leaves
    several unconnected in every VM.
    """
    require_dom0(source)
    devices = list_devices(source)
    if context.xenstore_devices is None:  # as `read_names`
        memory = NO_DEVICES
    last = memory.last
    alive = _alive(context)
    suspects = sorted(
        key
        for key, state in devices.items()
        if state != CONNECTED and key.cls not in STATELESS
        if alive is None or key.domid in alive
    )
    made = {key: identity(source, bus_id(key)) for key in suspects}
    seen = [key for key in suspects if key in last.states and memory.made.get(key) == made[key]]
    again, cursor = rotation(seen, memory.cursor)
    due = {*again, *set(suspects).difference(seen)}
    states = {key: last.states[key] for key in seen if key not in due}
    errors = [error for error in last.errors if error.device in states]
    for key in due:
        state = devices[key]
        if state == INITIALISING:
            state = _state(source, key)
        states[key] = state
        if state != CONNECTED:
            errors += _errors(source, key)
    found = XenstoreDevices(states, tuple(sorted(errors, key=_place)))
    return found, _Devices(found, cursor, made)


def read_key(source: Source, path: str) -> bytes | None:
    """A key's value, `None` where it does not exist. Raises `SourceError` on any other error."""
    reply = source.xenstore(xenstore.READ, xenstore.path_payload(path))
    error_name = xenstore.refusal(reply)
    if error_name == "ENOENT":
        return None
    if error_name is not None:
        raise SourceError(f"xenstore {path}", error_name)
    return reply.payload


def rotation(items: Sequence[_Item], cursor: int, size: int = SLICE) -> tuple[Sequence[_Item], int]:
    """The next `size` of `items` from `cursor` on, and the cursor after them."""
    if len(items) <= size:
        return items, 0
    start = cursor % len(items)
    turned = (*items[start:], *items[:start])[:size]
    return turned, (start + size) % len(items)


def _alive(context: Snapshot) -> set[int] | None:
    """Domids of the domains that are not dying; `None` where the domains are unknown."""
    if context.domains is None:
        return None
    return {domain.domid for domain in context.domains.domains if domain.alive}


def _path(key: DeviceKey) -> str:
    return f"{key.cls}/{key.domid}/{key.devid}"


def _place(error: DeviceError) -> tuple[DeviceKey, str]:
    return error.device, error.side


def _state(source: Source, key: DeviceKey) -> str:
    """The backend's state; Unknown where its key is missing or invalid, as in Linux.

    drivers/xen/xenbus/xenbus_client.c, xenbus_read_driver_state.
    """
    value = read_key(source, f"/local/domain/0/backend/{_path(key)}/state") or b""
    if value.isdigit() and len(value) == 1 and int(value) < len(XENBUS_STATES):
        return XENBUS_STATES[int(value)]
    return XENBUS_STATES[0]


def _errors(source: Source, key: DeviceKey) -> list[DeviceError]:
    """The error nodes of a device.

    xenbus writes them below the domain whose side failed, and they outlive the guest
    (drivers/xen/xenbus/xenbus_client.c).
    """
    places = {
        "backend": f"/local/domain/0/error/backend/{_path(key)}/error",
        "frontend": f"/local/domain/{key.domid}/error/device/{key.cls}/{key.devid}/error",
    }
    values = {side: read_key(source, path) for side, path in places.items()}
    return [
        DeviceError(key, side, *xenstore.parse_device_error(value))
        for side, value in values.items()
        if value is not None
    ]


XENSTORE = Probe(
    name="xenstore",
    reads="the name of every domain from xenstored's socket or /dev/xen/xenbus",
    advice="check that xenstored answers: xenstore-read domid; its descriptors may be exhausted",
    read=read_names,
    memory=NO_NAMES,
    events=frozenset({DOMAIN, DOMAIN_SETTLED}),
    asks=frozenset({"xenstored"}),
)

XENSTORE_DEVICES = Probe(
    name="xenstore_devices",
    reads="states of user-space backends and error nodes of devices that are not connected",
    advice="check that xenstored answers: xenstore-read domid; its descriptors may be exhausted",
    read=read_devices,
    memory=NO_DEVICES,
    events=frozenset({DOMAIN_SETTLED}),
    asks=frozenset({"xenstored"}),
)
