"""Grant-table frames of every domain, and dom0's maptrack frames."""

from __future__ import annotations

from typing import Final

from xenwatch.parse.gnttab import (
    BAD_DOMAIN,
    OKAY,
    PERMISSION_DENIED,
    QuerySize,
    is_old_dump,
    parse_maptrack,
    parse_query_size,
    query_size_call,
)
from xenwatch.probes.base import DOMAIN_SETTLED, NotApplicable, Probe, stateless
from xenwatch.probes.domains import list_uuids
from xenwatch.probes.xen import list_optional, require_dom0
from xenwatch.readings.grants import GrantFrames, Grants, Maptrack
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

XL_DIRECTORIES: Final = ("/usr/sbin", "/sbin", "/usr/local/sbin")
_BATCH: Final = 64


def read(source: Source, context: Snapshot) -> Grants:
    """Frames by domain. Raises `NotApplicable`, `SourceError` and `ParseError`.

    A domain that Xen does not know was destroyed since it was listed; any other refusal is a
    failure, as is one domain that Xen's security policy keeps dom0 from asking about.
    """
    require_dom0(source, context)
    domids = list(list_uuids(source, context))
    frames: dict[int, GrantFrames] = {}
    for first in range(0, len(domids), _BATCH):
        calls = [query_size_call(domid) for domid in domids[first : first + _BATCH]]
        for reply in source.hypercalls(calls):
            if reply.result < 0:
                raise SourceError.from_number("GNTTABOP_query_size", -reply.result)
            size = parse_query_size(reply.block)
            if size.status == OKAY:
                frames[size.domid] = GrantFrames(size.frames, size.max_frames)
            elif size.status != BAD_DOMAIN:
                raise _refusal(size)
    return Grants(frames)


def _refusal(size: QuerySize) -> SourceError:
    subject = f"GNTTABOP_query_size of domain {size.domid}"
    if size.status == PERMISSION_DENIED:
        return SourceError(subject, "permission denied by Xen's security policy (XSM)")
    return SourceError(subject, f"failed with GNTST status {size.status}")


def read_maptrack(source: Source, context: Snapshot) -> Maptrack:
    """dom0's maptrack frames from a dump of debug key 'g'. Raises as `read`.

    The dump lists every active grant of the host in the console ring: megabytes with many guests,
    which is why this probe is disabled by default.
    """
    require_dom0(source, context)
    xl = _xl(source)
    for argv in ((xl, "debug-keys", "g"), (xl, "dmesg")):
        output = source.run(argv)
        if output.status != 0:
            message = output.stderr.decode("utf-8", "backslashreplace").strip()[:200]
            raise SourceError(" ".join(argv), f"failed with exit status {output.status}: {message}")
    frames = parse_maptrack(output.stdout)
    if frames is None and is_old_dump(output.stdout):
        raise NotApplicable("debug key g of Xen before 4.10 does not print maptrack frames")
    if frames is None:
        raise SourceError(f"{xl} dmesg", "console ring too small for the dump; raise conring_size")
    return Maptrack(*frames)


def _xl(source: Source) -> str:
    for directory in XL_DIRECTORIES:
        if "xl" in (list_optional(source, directory) or ()):
            return f"{directory}/xl"
    raise NotApplicable("xl not found; it is needed to send the debug key")


GRANTS = Probe(
    name="grants",
    reads="GNTTABOP_query_size for every domain through /dev/xen/privcmd",
    advice="run as root in dom0 with access to /dev/xen/privcmd",
    read=stateless(read),
    events=frozenset({DOMAIN_SETTLED}),
)

MAPTRACK = Probe(
    name="maptrack",
    reads="xl debug-keys g, then xl dmesg",
    advice="raise conring_size on Xen's command line, then reboot the host",
    read=stateless(read_maptrack),
    interval=3600.0,
    deadline=15.0,
    enabled=False,
)
