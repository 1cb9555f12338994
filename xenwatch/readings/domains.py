"""Readings: the domains."""

from __future__ import annotations

from typing import Final, NamedTuple

from xenwatch.values import dataclass

STOPPED: Final = ("dying", "shutdown", "crashed")
"""States of a domain that runs no more: its devices close, and it asks for no memory."""


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain. `name` is its last known one (`Snapshot.name` has the present one).

    `type` is pv, pvh, hvm or `None`;
    `state` is running, blocked, paused, shutdown, crashed or dying. `uuid` is canonical text.
    """

    domid: int
    uuid: str
    name: bytes | None
    type: str | None
    state: str | None
    vcpus_online: int | None
    vcpus_max: int | None
    memory_bytes: int | None
    cpu_seconds: float | None

    @property
    def alive(self) -> bool:
        """Whether the domain runs or may run; a dying one only holds resources."""
        return self.state != "dying"


class Identity(NamedTuple):
    """What of a domain stays as long as it lives, its last known name but for a renaming.

    A tuple, since thousands are made and compared in a pass.
    """

    domid: int
    uuid: str
    name: bytes | None
    type: str | None


@dataclass(frozen=True, slots=True)
class Restarted:
    """A VM that came back as a new domain so often in the last half hour; its last known name."""

    uuid: str
    name: bytes | None
    count: int


@dataclass(frozen=True, slots=True)
class Domains:
    """All domains, dom0 included, by rising domid. `route` is `hypercall` or `xenstore`.

    `fallback` is why they are not from Xen itself, empty where they are. `restarts` is how often
    a VM came back as a new domain since xenwatch was started, `restarted` which did of late.
    """

    domains: tuple[Domain, ...]
    route: str
    fallback: str = ""
    restarts: int = 0
    restarted: tuple[Restarted, ...] = ()
