"""What the tests' dom0 can be: make test-xen SUITE=trixie, make test-xen ARCH=arm64."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture by Debian's word and by the kernel's, with what an image of it differs in.

    `host` are the packages this machine needs for it, `dom0` those of dom0, `loads` modules of
    dom0's initramfs. `guest` is the type of guest that starts soonest, and `extra` what a guest's
    kernel is told.
    """

    name: str
    machine: str
    host: tuple[str, ...]
    dom0: tuple[str, ...]
    loads: tuple[str, ...]
    guest: str
    extra: str = ""

    @property
    def cached(self) -> str:
        """What names in the cache begin with: none is the beginning of another."""
        return "" if self == AMD64 else f"{self.name}-"


AMD64: Final = Architecture(
    name="amd64",
    machine="x86_64",
    host=("qemu-system-x86",),
    dom0=("qemu-system-xen", "seabios", "ipxe-qemu"),
    loads=("virtio_pci",),
    guest="pv",
)
ARM64: Final = Architecture(
    name="arm64",
    machine="aarch64",
    # Packages are set up by programs of arm64, which qemu-user runs.
    host=("qemu-system-arm", "qemu-user-static", "binfmt-support", "arch-test"),
    dom0=(),
    loads=("virtio_mmio",),
    # Xen on Arm has no other.
    guest="pvh",
    # Debian's kernel for arm64 would keep 64 MiB of a small guest for devices it has not.
    extra="cma=0",
)
ARCHITECTURES: Final = {each.name: each for each in (AMD64, ARM64)}


@dataclass(frozen=True, slots=True)
class Suite:
    """A release by its code name, with what differs: versions of Xen, Python and glibc 2."""

    name: str
    debian: int
    xen: str
    python: str
    glibc: int
    architecture: Architecture = AMD64

    @property
    def host(self) -> str:
        """The name of its captured host."""
        name = f"debian-{self.debian}-xen-{self.xen}"
        return name if self.architecture == AMD64 else f"{name}-{self.architecture.name}"

    @property
    def tools(self) -> str:
        """The directory of Xen's own tools."""
        return f"/usr/lib/xen-{self.xen}/bin"


SUITES: Final = {
    suite.name: suite
    for suite in (
        Suite("bookworm", 12, "4.17", "3.11", 36),
        Suite("trixie", 13, "4.20", "3.13", 41),
    )
}
DEFAULT: Final = SUITES["bookworm"]
"""The one that all tests run in."""
SUITE: Final = replace(
    SUITES[os.environ.get("SUITE", DEFAULT.name)],
    architecture=ARCHITECTURES[os.environ.get("ARCH", AMD64.name)],
)
"""The one this run is about."""
