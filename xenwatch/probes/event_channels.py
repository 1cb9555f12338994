"""dom0's event channels, by hypercall or by lsevtchn."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from xenwatch.parse import evtchn
from xenwatch.parse.errors import ParseError
from xenwatch.parse.evtchn import Channel
from xenwatch.probes.base import DOMAIN_SETTLED, Probe, stateless
from xenwatch.probes.xen import list_optional, require_dom0
from xenwatch.readings.event_channels import EventChannels
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

BUCKET: Final = 64
"""EVTCHNS_PER_BUCKET of current Xen: the table grows by that many, so they are read by as many."""
XEN_OWNED: Final = "xen"
LSEVTCHN_DIRECTORIES: Final = ("/usr/libexec/xen/bin", "/usr/lib/xen/bin", "/usr/lib64/xen/bin")
LSEVTCHN_DEADLINE: Final = 20.0
"""131,072 slots took lsevtchn 5 s under emulation."""


def read(source: Source, context: Snapshot) -> EventChannels:
    """The channels of domain 0. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    try:
        return _by_hypercall(source)
    except SourceError as error:
        try:
            return replace(_by_command(source), fallback=str(error))
        except (SourceError, ParseError) as second:
            raise SourceError("event channels", f"{error}; fallback {second}") from second


def _by_hypercall(source: Source) -> EventChannels:
    owned = 0
    channels: list[Channel] = []
    slots = 0
    for slot in _slots(source):
        slots += 1
        if slot is None:
            owned += 1
        elif slot.kind != evtchn.CLOSED:
            channels.append(slot)
    if not channels:
        raise SourceError("EVTCHNOP_status", "no open channels, but dom0 always has some")
    return _summary(channels, owned, slots, "hypercall")


def _slots(source: Source) -> Iterator[Channel | None]:
    """Every allocated slot; `None` for one that Xen keeps to itself (EACCES, Xen 4.15 to 4.18).

    EINVAL marks the end of the allocated table, which grows with use and never shrinks.
    """
    for first in range(0, evtchn.FIFO_PORTS, BUCKET):
        ports = range(first, first + BUCKET)
        replies = source.hypercalls([evtchn.status_call(0, port) for port in ports])
        for reply in replies:
            if reply.result >= 0:
                yield evtchn.parse_status(reply.block)
            elif reply.result == -errno.EACCES:
                yield None
            elif reply.result == -errno.EINVAL:
                return
            else:
                raise SourceError(
                    "EVTCHNOP_status", os.strerror(-reply.result), errno=-reply.result
                )


def _by_command(source: Source) -> EventChannels:
    path = _lsevtchn(source)
    output = source.run((path, "0"), LSEVTCHN_DEADLINE)
    if output.status != 0:
        message = output.stderr.decode("utf-8", "backslashreplace").strip()[:200]
        raise SourceError(
            path, f"failed with exit status {output.status}: {message or 'no message'}"
        )
    channels = evtchn.parse_lsevtchn(output.stdout)
    if not channels:
        raise SourceError(path, "listed no event channels, but dom0 always has some")
    return _summary(channels, 0, None, "lsevtchn")


def _lsevtchn(source: Source) -> str:
    """Path of the tool: never in PATH, and Debian's directory has the version in its name."""
    versioned = [
        f"/usr/lib/{name}/bin"
        for name in list_optional(source, "/usr/lib") or ()
        if name.startswith("xen-")
    ]
    for directory in (*LSEVTCHN_DIRECTORIES, *reversed(versioned)):
        if "lsevtchn" in (list_optional(source, directory) or ()):
            return f"{directory}/lsevtchn"
    raise SourceError("lsevtchn", "not found in Xen's tool directories", errno.ENOENT)


def _summary(
    channels: Iterable[Channel], owned: int, slots: int | None, route: str
) -> EventChannels:
    kinds: Counter[str] = Counter()
    domains: Counter[int] = Counter()
    highest = 0
    for channel in channels:
        kinds[channel.kind] += 1
        highest = max(highest, channel.port)
        if channel.domain is not None:
            domains[channel.domain] += 1
    if owned:
        kinds[XEN_OWNED] = owned
    return EventChannels(dict(kinds), dict(domains), slots, highest, route)


EVENT_CHANNELS = Probe(
    name="event_channels",
    reads="EVTCHNOP_status through /dev/xen/privcmd, else lsevtchn 0",
    advice="run as root in dom0 with access to /dev/xen/privcmd, or install xen-utils for lsevtchn",
    read=stateless(read),
    deadline=30.0,
    share=0.005,
    events=frozenset({DOMAIN_SETTLED}),
)
