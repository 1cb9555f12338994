"""What only xenstored has of devices: states of user-space backends, driver domains, error nodes.

Named keys and short lists only, never a walk, as `xenwatch.probes.xenstore` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from xenwatch.parse import xenstore
from xenwatch.probes.base import DOMAIN_SETTLED, Probe
from xenwatch.probes.devices import bus_id, identity, list_devices, own_domid
from xenwatch.probes.frontends import NOTHING, Listed, frontend_class, list_frontends
from xenwatch.probes.xenstore import read_key, rotation
from xenwatch.readings.devices import (
    CONNECTED,
    INITIALISING,
    UNKNOWN,
    DeviceError,
    DeviceKey,
    XenstoreDevices,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source
from xenwatch.values import dataclass

XENBUS_STATES: Final = (
    UNKNOWN,
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


@dataclass(frozen=True, slots=True)
class _Devices:
    """The states and errors last read, of which devices, and the position of the next slice."""

    last: XenstoreDevices
    cursor: int
    made: Mapping[DeviceKey, bytes | None] = field(default_factory=dict)
    listed: Listed = NOTHING


NO_DEVICES: Final = _Devices(XenstoreDevices({}, ()), 0)


def read(source: Source, context: Snapshot, memory: _Devices) -> tuple[XenstoreDevices, _Devices]:
    """States and errors of devices. Raises `NotApplicable`, `SourceError` and `ParseError`.

    Only devices that sysfs does not show as connected are read. A new one is read at once, also
    where it has the name of an old one, the others in slices: Windows without drivers leaves
    several unconnected in every VM.
    """
    own = own_domid(source, context)
    backends = context.backends
    devices = list_devices(source, own) if backends is None else backends.states
    if context.xenstore_devices is None:  # after a failure read everything again
        memory = NO_DEVICES
    listed = NOTHING if own else list_frontends(source, context, devices, memory.listed)
    made = _suspects(source, context, devices, listed)
    last = memory.last
    seen = [key for key in made if key in last.states and memory.made.get(key) == made[key]]
    again, cursor = rotation(seen, memory.cursor)
    due = {*again, *made.keys() - set(seen)}
    states = {key: last.states[key] for key in seen if key not in due}
    errors = [error for error in last.errors if error.device in states]
    for key in due:
        state = devices.get(key, INITIALISING)
        if state == INITIALISING:
            state = _state(source, key)
        states[key] = state
        if state != CONNECTED:
            errors += _errors(source, key, own)
    ordered = tuple(sorted(errors, key=_place))
    found = XenstoreDevices(states, ordered, listed.devices, listed.unlisted)
    return found, _Devices(found, cursor, made, listed)


def _suspects(
    source: Source, context: Snapshot, devices: Mapping[DeviceKey, str], listed: Listed
) -> Mapping[DeviceKey, bytes | None]:
    """The devices to read, in order, each with what tells it from a later one of its name."""
    alive = _alive(context)
    made = {
        key: identity(source, bus_id(key))
        for key, state in sorted(devices.items())
        if state != CONNECTED and key.cls not in STATELESS
        if alive is None or key.domid in alive
    }
    for key in sorted(listed.devices):
        made[key] = listed.guests[key.domid].uuid.encode()
    return made


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

    drivers/xen/xenbus/xenbus_client.c, xenbus_read_driver_state. Of a driver domain that is gone
    every key is missing.
    """
    home = f"/local/domain/{key.backend_domid}/backend"
    value = read_key(source, f"{home}/{_path(key)}/state") or b""
    if value.isdigit() and len(value) == 1 and int(value) < len(XENBUS_STATES):
        return XENBUS_STATES[int(value)]
    return UNKNOWN


def _errors(source: Source, key: DeviceKey, own: int) -> list[DeviceError]:
    """The error nodes of a device.

    xenbus writes them below the domain whose side failed, and they outlive the guest
    (drivers/xen/xenbus/xenbus_client.c). A driver domain may not read those of its guests.
    """
    places = {"backend": f"/local/domain/{key.backend_domid}/error/backend/{_path(key)}/error"}
    if not own:
        frontend = f"{frontend_class(key.cls)}/{key.devid}"
        places["frontend"] = f"/local/domain/{key.domid}/error/device/{frontend}/error"
    values = {side: read_key(source, path) for side, path in places.items()}
    return [
        DeviceError(key, side, *xenstore.parse_device_error(value))
        for side, value in values.items()
        if value is not None
    ]


XENSTORE_DEVICES = Probe(
    name="xenstore_devices",
    reads="states of user-space backends, devices that driver domains serve, and error nodes of "
    "devices that are not connected",
    advice="check that xenstored answers: xenstore-read domid; its descriptors may be exhausted",
    read=read,
    memory=NO_DEVICES,
    deadline=30.0,
    events=frozenset({DOMAIN_SETTLED}),
    asks=frozenset({"xenstored"}),
)
