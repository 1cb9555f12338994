"""The release of a host, resolved from its reading: the one place that compares versions."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Final

from xenwatch.parse.architecture import X86, Architecture, architecture
from xenwatch.readings.host import Host
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.release.linux import FIFO_SINCE, Linux, linux
from xenwatch.release.linux import UNKNOWN as UNKNOWN_LINUX
from xenwatch.release.table import DISTRIBUTION, PRODUCTS, ROWS, UNKNOWN, XAPI, XL, Facts
from xenwatch.values import dataclass

_FIFO_XEN: Final = (4, 4)
_FRAMES_XEN: Final = (4, 5)
"""The first Xen with gnttab_max_frames; before, gnttab_max_nr_frames (common/grant_table.c)."""
_OWN_QUOTAS_XEN: Final = (4, 22)
"""The first Xen whose C xenstored has a quota for each domain (docs/misc/xenstore.txt)."""
_SELECTS_BEFORE: Final = {"oxenstored": (4, 5), "xenstored": (4, 3), "xenconsoled": (4, 3)}
"""The first Xen whose daemon waits with poll (tools/ocaml/xenstored, tools/xenstore,
tools/console). A daemon is of the Xen it was built with, and dom0 has that one."""


@dataclass(frozen=True, slots=True)
class Release:
    """A host's release and the facts that depend on it. An unknown fact is `None`.

    A release in the table is that of x86: its kernel on another architecture is configured anew.
    `name` is for display ("XCP-ng 8.3"), empty where the platform is unknown. `facts` are those of
    the release, `linux` those of the running kernel, which may differ from the release's.
    """

    name: str = ""
    facts: Facts = UNKNOWN
    linux: Linux = UNKNOWN_LINUX
    kernel: tuple[int, int] | None = None
    xen: tuple[int, int] | None = None
    architecture: Architecture | None = None

    @property
    def regime(self) -> str | None:
        """A key of `REGIMES`; `None` without Xen too."""
        return None if self.xen is None else self.facts.regime

    @property
    def nr_irqs(self) -> int | None:
        """NR_IRQS of the running kernel, where that is the release's own."""
        own = self.kernel == self.facts.kernel and self._on_x86
        return self.facts.nr_irqs if own else None

    @property
    def channels(self) -> int | None:
        """Event channels of the release's own 32-bit dom0, where Xen's number is changed."""
        own = self._on_x86 and self.architecture is not None and self.architecture.word == 32
        return self.facts.channels if own else None

    @property
    def _on_x86(self) -> bool:
        return self.architecture is not None and self.architecture.name == X86

    @property
    def fifo(self) -> bool | None:
        """Whether Xen and dom0's kernel both have the FIFO event-channel ABI."""
        if self.linux.fifo is None or self.xen is None:
            return None
        return (self.linux.fifo or self._fifo_added) and self.xen >= _FIFO_XEN

    @property
    def fifo_reason(self) -> str:
        """The reason for `fifo`, which is the origin of dom0's ABI."""
        if self.fifo:
            if self._fifo_added:
                return "XenServer's own addition to its Linux 3.10"
            return f"default of Linux {_dotted(FIFO_SINCE)} and Xen {_dotted(_FIFO_XEN)} or later"
        if self.kernel is None or self.xen is None:
            return "versions of Linux and Xen are unknown"
        if self.linux.fifo or self._fifo_added:
            return f"Xen {_dotted(self.xen)} has no FIFO ABI"
        return f"Linux {_dotted(self.kernel)} has no FIFO ABI"

    @property
    def frames_option(self) -> str | None:
        """The option of Xen that sets how many grant frames a domain may have."""
        if self.xen is None:
            return None
        return "gnttab_max_nr_frames" if self.xen < _FRAMES_XEN else "gnttab_max_frames"

    @property
    def own_quotas(self) -> bool:
        """Whether each domain has xenstore quotas of its own, where the C xenstored runs."""
        return self.xen is not None and self.xen >= _OWN_QUOTAS_XEN

    @property
    def _fifo_added(self) -> bool:
        return bool(self.facts.fifo) and self.kernel == self.facts.kernel

    def selects(self, comm: str, epoll: bool | None = None) -> bool | None:
        """Whether the daemon of this name waits with select, which fails at 1,024 descriptors.

        `epoll` is whether the daemon was seen to wait with epoll (`None`: unknown).
        """
        if comm == "xapi":
            return self.facts.xapi_selects if epoll is None else not epoll
        if comm == "xenconsoled" and self.facts.xenconsoled_selects is not None:
            return self.facts.xenconsoled_selects
        since = _SELECTS_BEFORE.get(comm)
        return None if since is None or self.xen is None else self.xen < since

    @staticmethod
    def polls_since(comm: str) -> str | None:
        """The first Xen whose daemon of this name waits with poll; `None` if it is unknown."""
        since = _SELECTS_BEFORE.get(comm)
        return None if since is None else f"Xen {_dotted(since)}"


@functools.lru_cache(maxsize=8)  # asked by many limits of one host
def resolve(host: Host | None) -> Release:
    """The release of a host, from its reading. Never raises."""
    if host is None:
        return Release()
    facts, name = _facts(host.platform.lower(), host.platform_version)
    kernel = linux(host.kernel)
    version = host.kernel if kernel != UNKNOWN_LINUX else None
    return Release(name, facts, kernel, version, host.xen, architecture(host.machine))


def release(snapshot: Snapshot) -> Release:
    """The release of the host in a snapshot.

    A distribution on which xapi runs is managed by it; the cost of a VM there is unknown. Where
    the daemons could not be read, so is the toolstack.
    """
    found = resolve(snapshot.host)
    if toolstack_unread(snapshot):
        return replace(found, facts=replace(found.facts, toolstack=None, regime=None))
    managed = snapshot.daemons is not None and XAPI in snapshot.daemons.by_role
    if not managed or found.facts.toolstack == XAPI:
        return found
    return replace(found, facts=replace(found.facts, toolstack=XAPI, regime=None))


def toolstack_unread(snapshot: Snapshot) -> bool:
    """Whether only its daemons, which were not read, could say what manages the host."""
    outcome = snapshot.outcomes.get("daemons")
    unread = outcome is not None and outcome.status in (Status.FAILED, Status.DISABLED)
    return unread and resolve(snapshot.host).facts.toolstack == XL


def _facts(platform: str, version: str) -> tuple[Facts, str]:
    """The facts and the name of the most specific row, else of the product."""
    if not platform:
        return UNKNOWN, ""
    for product, facts in PRODUCTS.items():
        if product.lower() == platform:
            rows = [
                row
                for row in ROWS
                if row.product == product and f"{version}.".startswith(f"{row.version}.")
            ]
            if not rows:
                return facts, f"{product} {version}".strip()
            return rows[0].facts, f"{product} {rows[0].version}"
    return DISTRIBUTION, f"{platform} {version}".strip()


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
