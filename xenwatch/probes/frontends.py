"""Devices that another domain serves: dom0 learns of them from their frontends alone.

The frontend's nodes are the guest's own, which may write anything into them: what is none of a
toolstack's is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Final

from xenwatch.probes.domains import list_uuids, xenstore_directory
from xenwatch.probes.xenstore import read_key, rotation
from xenwatch.readings.devices import DISK_CLASSES, NETWORK_CLASSES, DeviceKey
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import NotCaptured, Source
from xenwatch.values import dataclass

AGAIN: Final = 16
"""Known domains listed again in one pass, two requests each: devices are seldom plugged in."""
DEVICES_MAX: Final = 256
"""Most devices of a class that a domain is believed to have; xl allows fewer."""
_CLASSES: Final[Mapping[str, frozenset[str]]] = {"vif": NETWORK_CLASSES, "vbd": DISK_CLASSES}
"""The classes of backends by that of the frontend."""
_DEVID = re.compile(r"[0-9]{1,10}\Z")
_DOMID = re.compile(rb"[0-9]{1,5}\Z")
_BACKEND = re.compile(rb"/local/domain/[0-9]{1,5}/backend/([a-z0-9]{1,16})/")


@dataclass(frozen=True, slots=True)
class Guest:
    """The devices of a domain that another one serves; `None` where a capture has none of it."""

    uuid: str
    devices: frozenset[DeviceKey] | None


@dataclass(frozen=True, slots=True)
class Listed:
    """What was listed by domid, which domains were new then, and the position of the next slice."""

    guests: Mapping[int, Guest] = field(default_factory=dict)
    new: frozenset[int] = frozenset()
    cursor: int = 0

    @property
    def devices(self) -> frozenset[DeviceKey]:
        """All devices that another domain serves."""
        return frozenset[DeviceKey]().union(*(g.devices for g in self.guests.values() if g.devices))

    @property
    def unlisted(self) -> frozenset[int]:
        """Domains whose devices a capture lacks; none where it has those of no domain."""
        lacking = {domid for domid, guest in self.guests.items() if guest.devices is None}
        return frozenset() if len(lacking) == len(self.guests) else frozenset(lacking)


NOTHING: Final = Listed()


def list_frontends(
    source: Source, context: Snapshot, served: Collection[DeviceKey], last: Listed
) -> Listed:
    """The devices that another domain serves. Raises `SourceError` and `ParseError`.

    `served` are those of dom0. A new domain is listed at once and in the next pass again, as its
    toolstack may still have been plugging in devices, the others in slices.
    """
    uuids = _uuids(source, context)
    known = {domid: guest for domid, guest in last.guests.items() if uuids.get(domid) == guest.uuid}
    new = uuids.keys() - known.keys()
    again, cursor = rotation(sorted(known), last.cursor, AGAIN)
    here = {(frontend_class(key.cls), key.domid, key.devid) for key in served}
    for domid in sorted({*new, *again, *(last.new & known.keys())}):
        known[domid] = Guest(uuids[domid], _devices(source, domid, here))
    return Listed(known, frozenset(new), cursor)


def _uuids(source: Source, context: Snapshot) -> dict[int, str]:
    """UUIDs of the domains that are not dying, by domid."""
    if context.domains is None:
        return list_uuids(source, context)
    return {domain.domid: domain.uuid for domain in context.domains.domains if domain.alive}


def frontend_class(cls: str) -> str:
    """The class of the frontend of a backend: xl and xapi have several backends for disks."""
    return next((front for front, backends in _CLASSES.items() if cls in backends), cls)


def _devices(
    source: Source, domid: int, here: Collection[tuple[str, int, int]]
) -> frozenset[DeviceKey] | None:
    """The domain's devices that dom0 does not serve; `None` where a capture has none of it.

    Where a capture lacks the list of interfaces, the first one is asked for.
    """
    found: set[DeviceKey] = set()
    captured = False
    for cls in _CLASSES:
        try:
            names = xenstore_directory(source, f"/local/domain/{domid}/device/{cls}")
            captured = True
        except NotCaptured:
            names = ("0",) if cls in NETWORK_CLASSES else ()
        devids = [int(name) for name in names[:DEVICES_MAX] if _DEVID.match(name)]
        for devid in devids:
            if (cls, domid, devid) in here:
                continue
            try:
                found |= _device(source, cls, domid, devid)
                captured = True
            except NotCaptured:
                continue
    return frozenset(found) if captured else None


def _device(source: Source, cls: str, domid: int, devid: int) -> frozenset[DeviceKey]:
    """The device by what its frontend says of its backend; none where that is in dom0."""
    home = f"/local/domain/{domid}/device/{cls}/{devid}"
    value = read_key(source, f"{home}/backend-id") or b""
    if not _DOMID.match(value) or not int(value):
        return frozenset()
    if cls not in NETWORK_CLASSES:
        match = _BACKEND.match(read_key(source, f"{home}/backend") or b"")
        named = match[1].decode() if match else ""
        cls = named if named in _CLASSES[cls] else cls
    return frozenset({DeviceKey(cls, domid, devid, int(value))})
