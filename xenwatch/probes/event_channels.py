"""Event channels of dom0 and of driver domains, by hypercall or by lsevtchn."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from xenwatch.parse import evtchn
from xenwatch.parse.errors import ParseError
from xenwatch.parse.evtchn import Channel
from xenwatch.probes.base import DOMAIN_SETTLED, NotApplicable, Probe, stateless
from xenwatch.probes.devices import own_domid
from xenwatch.probes.xen import list_optional, require_dom0
from xenwatch.readings.event_channels import DriverDomains, EventChannels
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import NotCaptured, Source, SourceError, hypercall_batch
from xenwatch.values import dataclass

XEN_OWNED: Final = "xen"
LSEVTCHN_DIRECTORIES: Final = ("/usr/libexec/xen/bin", "/usr/lib/xen/bin", "/usr/lib64/xen/bin")
LSEVTCHN_DEADLINE: Final = 20.0
"""131,072 slots took lsevtchn 5 s under emulation."""
_ALWAYS: Final = "but a domain always has some"


@dataclass(frozen=True, slots=True)
class _Memory:
    """The driver domains, kept while xenstored does not tell them."""

    domids: frozenset[int]


def read(source: Source, context: Snapshot) -> EventChannels:
    """The channels of domain 0. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    return _channels(source, 0)


def read_driver_domains(
    source: Source, context: Snapshot, memory: _Memory
) -> tuple[DriverDomains, _Memory]:
    """The channels of each driver domain, inside of one its own.

    Raises `NotApplicable`, `SourceError` and `ParseError`. One that is gone is left out.
    """
    own = own_domid(source, context)
    if own:
        memory = _Memory(frozenset({own}))
    elif context.xenstore_devices is not None:
        elsewhere = context.xenstore_devices.elsewhere
        memory = _Memory(frozenset(key.backend_domid for key in elsewhere))
    found: dict[int, EventChannels] = {}
    for domid in sorted(memory.domids):
        try:
            found[domid] = _channels(source, domid)
        except SourceError as error:
            if isinstance(error.__cause__, NotCaptured):
                raise NotApplicable(str(error)) from error
            if error.errno != errno.ESRCH:
                raise
    return DriverDomains(found), memory


def _channels(source: Source, domid: int) -> EventChannels:
    """The channels of a domain; one that does not exist is a `SourceError` with ESRCH."""
    try:
        return _by_hypercall(source, domid)
    except SourceError as error:
        if error.errno == errno.ESRCH:
            raise
        try:
            return replace(_by_command(source, domid), fallback=str(error))
        except (SourceError, ParseError) as second:
            raise SourceError("event channels", f"{error}; fallback {second}") from second


def _by_hypercall(source: Source, domid: int) -> EventChannels:
    """Every allocated slot. The table grows with use and never shrinks."""
    kinds, domains = Counter[str](), Counter[int]()
    highest = slots = 0
    for first in range(0, evtchn.FIFO_PORTS, evtchn.BATCH):
        call = evtchn.status_batch(domid, first, evtchn.BATCH)
        reply = hypercall_batch(source, call, evtchn.STATUS_SIZE)
        batch = evtchn.parse_batch(first, reply.results, reply.block)
        if batch.failed:
            raise SourceError.from_number("EVTCHNOP_status", batch.failed)
        kinds.update(batch.kinds)
        domains.update(batch.domains)
        kinds[XEN_OWNED] += batch.owned
        highest = max(highest, batch.highest)
        slots += batch.slots
        if batch.ended:
            break
    if kinds.total() == kinds[XEN_OWNED]:
        raise SourceError("EVTCHNOP_status", f"no open channels, {_ALWAYS}")
    return EventChannels(dict(+kinds), dict(domains), slots, highest, "hypercall")


def _by_command(source: Source, domid: int) -> EventChannels:
    path = _lsevtchn(source)
    output = source.run((path, str(domid)), LSEVTCHN_DEADLINE)
    if output.status != 0:
        message = output.stderr.decode("utf-8", "backslashreplace").strip()[:200]
        raise SourceError(
            path, f"failed with exit status {output.status}: {message or 'no message'}"
        )
    channels = evtchn.parse_lsevtchn(output.stdout)
    if not channels:
        raise SourceError(path, f"listed no event channels, {_ALWAYS}")
    return _listed(channels)


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


def _listed(channels: Iterable[Channel]) -> EventChannels:
    """What lsevtchn lists: it says nothing of slots that are closed or Xen's own."""
    kinds: Counter[str] = Counter()
    domains: Counter[int] = Counter()
    highest = 0
    for channel in channels:
        kinds[channel.kind] += 1
        highest = max(highest, channel.port)
        if channel.domain is not None:
            domains[channel.domain] += 1
    return EventChannels(dict(kinds), dict(domains), None, highest, "lsevtchn")


EVENT_CHANNELS = Probe(
    name="event_channels",
    reads="EVTCHNOP_status through /dev/xen/privcmd, else lsevtchn 0",
    advice="run as root in dom0 with access to /dev/xen/privcmd, or install xen-utils for lsevtchn",
    read=stateless(read),
    deadline=30.0,
    share=0.01,
    events=frozenset({DOMAIN_SETTLED}),
)

DRIVER_DOMAINS = Probe(
    name="driver_domains",
    reads="EVTCHNOP_status of the domains that serve devices, dom0 apart, else lsevtchn DOMID",
    advice="run as root in dom0 with access to /dev/xen/privcmd, or install xen-utils for lsevtchn",
    read=read_driver_domains,
    memory=_Memory(frozenset()),
    deadline=30.0,
    share=0.01,
    events=frozenset({DOMAIN_SETTLED}),
)
