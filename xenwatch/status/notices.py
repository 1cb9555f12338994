"""What is said before everything else of a host: that it is none, or that Xen does not run."""

from __future__ import annotations

from typing import Final

from xenwatch.readings.snapshot import Snapshot

NO_XEN: Final = (
    "No Xen here: neither /proc/xen/capabilities nor /sys/hypervisor/type names it, so there are "
    "no VMs and no limits of a dom0. Boot the host with Xen, or run xenwatch in dom0; to try it "
    "without Xen: --source synthetic"
)


def notices(snapshot: Snapshot) -> tuple[str, ...]:
    """A sentence for each, loud ones first; none for a live host with Xen."""
    host, found = snapshot.host, [snapshot.origin.warning]
    if host is not None and not (host.xen or host.xen_version or host.is_dom0):
        found.append(NO_XEN)
    return tuple(filter(None, found))
