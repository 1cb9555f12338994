"""The architecture of a host, from the machine that uname(2) names."""

from __future__ import annotations

from typing import Final

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Architecture:
    """What differs between the architectures that Xen runs on.

    `name` is that of Xen's public headers, x86 or arm: records of hypercalls are the same for dom0
    of 32 and of 64 bits. `word` is the bits of its xen_ulong_t (public/arch-x86/xen.h and
    public/arch-arm.h), `legacy_irqs` the interrupt descriptors that Linux has in any case
    (NR_IRQS_LEGACY of arch/x86 and arch/arm; nr_legacy_irqs() of arch/arm64).
    """

    name: str
    word: int
    legacy_irqs: int

    @property
    def two_level_ports(self) -> int:
        """Event channels of the 2-level ABI: EVTCHN_2L_NR_CHANNELS (public/event_channel.h)."""
        return self.word * self.word


X86: Final = "x86"
ARM: Final = "arm"
_ARCHITECTURES: Final = {
    "x86_64": Architecture(X86, 64, 16),
    **dict.fromkeys(("i386", "i486", "i586", "i686"), Architecture(X86, 32, 16)),
    "aarch64": Architecture(ARM, 64, 0),
    "armv7l": Architecture(ARM, 64, 16),  # xen_ulong_t has 64 bits there too
}
"""Architectures by machine; Xen on Arm needs ARMv7 with virtualization."""


def architecture(machine: str) -> Architecture | None:
    """The architecture of a machine; `None` for one that is unknown."""
    return _ARCHITECTURES.get(machine)
