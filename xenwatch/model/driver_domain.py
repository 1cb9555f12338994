"""Devices that a driver domain serves: they take of that domain what others take of dom0."""

from __future__ import annotations

from typing import Final

from xenwatch.model.lease import CONNECTED, Lease
from xenwatch.model.platform import XL
from xenwatch.model.refusal import Refused, worded
from xenwatch.model.state import QUEUE_ENTRIES
from xenwatch.values import dataclass

_MOST_CHANNELS: Final = {XL: 1023}
"""Channels of a domain by toolstack, where it sets a max (tools/libs/light/libxl_create.c)."""


@dataclass(frozen=True, slots=True)
class ServedVif:
    """A network interface that netback of the domain `server` serves."""

    handle: int
    queues: int
    server: int

    def start(self, lease: Lease) -> None:
        """Two event channels between guest and driver domain for each queue; none of dom0's."""
        lease.server = self.server
        guest = lease.guest
        for _ in range(self.queues):
            with worded("{errno} creating queues"):
                lease.grant(QUEUE_ENTRIES)
            tx, rx, port = guest.entries - QUEUE_ENTRIES, guest.entries - 1, guest.channels.next
            ports = f"tx {port} rx {port + 1}"
            with worded(f"{{errno}} mapping shared-frames {tx}/{rx} port {ports}"):
                _channels(lease, 2)
        lease.backend("vif", self.handle, CONNECTED)


def _channels(lease: Lease, count: int) -> None:
    """Event channels between the guest and the driver domain. Raises `Refused`."""
    server = lease.dom0.domains[lease.server]
    most = _MOST_CHANNELS.get(lease.dom0.platform.toolstack)
    for _ in range(count):
        if most is not None and len(server.channels.channels) >= most:
            raise Refused("channels")
        lease.served_channel(server)
