"""Readings: the physical interfaces by which VMs reach the network."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Nic:
    """A physical interface behind a bridge that carries interfaces of VMs.

    `bond` is the bond it is a member of, empty without one. `working` is whether it is up and has a
    signal, and in a bond of Linux whether that finds so too; `was_up` whether it ever had a signal
    since it was made, `None` where the kernel does not tell. `speed_bytes` is a second's, the
    errors are packets; `None` is unknown.
    """

    bond: str
    working: bool
    was_up: bool | None
    speed_bytes: int | None
    rx_errors: int | None
    tx_errors: int | None


@dataclass(frozen=True, slots=True)
class Uplinks:
    """Physical interfaces by name."""

    nics: Mapping[str, Nic]

    def bonds(self) -> Mapping[str, tuple[Nic, ...]]:
        """The members of each bond."""
        found: dict[str, tuple[Nic, ...]] = {}
        for nic in self.nics.values():
            if nic.bond:
                found[nic.bond] = (*found.get(nic.bond, ()), nic)
        return found

    def lost(self) -> Mapping[str, bool]:
        """Whether a way out that once worked is lost: an interface, or a bond with all members.

        One of which that is not known is omitted.
        """
        ways = {name: (nic,) for name, nic in self.nics.items() if not nic.bond}
        return {
            name: not any(nic.working for nic in nics)
            for name, nics in {**ways, **self.bonds()}.items()
            if any(nic.working or nic.was_up for nic in nics)
        }
