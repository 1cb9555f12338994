"""File descriptors of the QEMUs of guests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit, Max
from xenwatch.limits.file_descriptors import own_max
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Descriptors in use by domid."""
    if snapshot.qemu_fds is None:
        return {}
    return {str(domid): process.fds for domid, process in snapshot.qemu_fds.by_domid.items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Each QEMU's own limit by domid."""
    if snapshot.qemu_fds is None:
        return {}
    found = ((domid, own_max(process)) for domid, process in snapshot.qemu_fds.by_domid.items())
    return {str(domid): own for domid, own in found if own is not None}


LIMIT: Final = Limit(
    name="qemu_fds",
    title="file descriptors of a QEMU",
    probe="qemu_fds",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/PID/fd and limits of the QEMUs of guests",
    symptom="that VM's console, VNC or USB device fails to open, or its QEMU ends and the VM with "
    "it",
    reference="getrlimit(2): RLIMIT_NOFILE",
    caveat="Of device models of HVM guests; counted every two minutes.",
    label="domid",
    errors={"`qemu: ... Too many open files`": "the descriptors of that VM's QEMU"},
)
