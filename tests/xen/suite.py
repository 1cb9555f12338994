"""The releases of Debian that the tests' dom0 can be: make test-xen SUITE=trixie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Suite:
    """A release by its code name, with what differs: versions of Xen, Python and glibc 2."""

    name: str
    debian: int
    xen: str
    python: str
    glibc: int

    @property
    def host(self) -> str:
        """The name of its captured host."""
        return f"debian-{self.debian}-xen-{self.xen}"

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
SUITE: Final = SUITES[os.environ.get("SUITE", DEFAULT.name)]
"""The one this run is about."""
