"""Whether this is a control domain, which every probe of Xen checks first; files that may lack."""

from __future__ import annotations

from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.parse.process import parse_stat
from xenwatch.parse.text import hexadecimal, word
from xenwatch.probes.base import NotApplicable
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

CAPABILITIES = "/proc/xen/capabilities"
HYPERVISOR_TYPE = "/sys/hypervisor/type"
FEATURES = "/sys/hypervisor/properties/features"
DOM0_FEATURE: Final = 1 << 11
"""XENFEAT_dom0 (xen/include/public/features.h), which Xen gives to the hardware domain alone."""
ENDED: Final = ("Z", "X")
"""States of a process that has ended and was not reaped (proc(5), `/proc/PID/stat`)."""
_GUEST = "a Xen guest, not the control domain (dom0)"


def require_dom0(source: Source, context: Snapshot | None = None) -> None:
    """Return on a control domain, raise `NotApplicable` elsewhere.

    Where `context` has a host that is a control domain, nothing is read: that changes only with a
    boot.

    `/proc/xen/capabilities` says `control_d` in dom0 and nothing in a guest. Where xenfs is not
    mounted, or hidden from the unit (ProtectKernelTunables= mounts /proc anew), the features that
    Xen gave the kernel say it; where they cannot be read, but this is Xen, the probe should try.
    """
    if context is not None and context.host is not None and context.host.is_dom0:
        return
    capabilities = read_optional(source, CAPABILITIES)
    if capabilities is not None:
        if b"control_d" in capabilities:
            return
        raise NotApplicable(_GUEST)
    hypervisor = read_optional(source, HYPERVISOR_TYPE)
    if hypervisor is None or hypervisor.strip() != b"xen":
        raise NotApplicable(f"not a Xen host: no {CAPABILITIES}, no xen in {HYPERVISOR_TYPE}")
    try:
        features = hexadecimal(FEATURES, source.read(FEATURES))
    except (SourceError, ParseError):
        return
    if not features & DOM0_FEATURE:
        raise NotApplicable(_GUEST)


def is_dom0(source: Source) -> bool:
    """Whether this is a control domain. Raises `SourceError`."""
    try:
        require_dom0(source)
    except NotApplicable:
        return False
    return True


def xen_version(source: Source) -> str:
    """The version of Xen that runs, as `4.17.6-2`. Raises `SourceError`."""
    base = "/sys/hypervisor/version/"
    major, minor, extra = (word(source.read(base + part)) for part in ("major", "minor", "extra"))
    return f"{major}.{minor}{extra}"


def read_optional(source: Source, path: str) -> bytes | None:
    """A file's content, `None` where there is no such file. Raises `SourceError` otherwise."""
    try:
        return source.read(path)
    except SourceError as error:
        if error.missing:
            return None
        raise


def has_ended(source: Source, pid: int) -> bool:
    """Whether a process is gone, or a zombie, whose directory of descriptors is empty."""
    stat = read_optional(source, f"/proc/{pid}/stat")
    return stat is None or parse_stat(stat).state in ENDED


def list_optional(source: Source, path: str) -> tuple[str, ...] | None:
    """A directory's names, `None` where there is no such directory."""
    try:
        return source.listdir(path)
    except SourceError as error:
        if error.missing:
            return None
        raise
