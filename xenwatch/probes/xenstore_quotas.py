"""Quotas of xenstore by guest, which only xenstored's control commands tell.

They go over a connection of their own, opened for a run and closed after it: some releases of
oxenstored drop a request they do not know and leave its client waiting. XS_CONTROL is known to
every xenstored; XS_GET_QUOTA is sent to none but the C xenstored of a Xen that has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from xenwatch.parse import xenstore, xenstore_quota
from xenwatch.parse.xenstore_quota import KINDS, NODES, Request
from xenwatch.probes.base import NotApplicable, Probe
from xenwatch.probes.domains import list_uuids
from xenwatch.probes.xen import require_dom0
from xenwatch.probes.xenstore import rotation
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.xenstore_quotas import Quota, XenstoreQuotas
from xenwatch.release.release import release
from xenwatch.sources.base import Source, SourceError, XenstoreReply
from xenwatch.values import dataclass

C_XENSTORED: Final = "xenstored"
OXENSTORED: Final = "oxenstored"
REQUESTS: Final = 256
"""Most requests to the C xenstored in one run: it looks each domain up in a table."""
LOGGED_REQUESTS: Final = 16
"""Most requests to oxenstored in one run: each is a line of its access log, of which Debian keeps
264,300 (tools/ocaml/xenstored/logging.ml, xb_op)."""
_UNKNOWN_COMMAND: Final = ("EINVAL", "ENOSYS")

Found = Mapping[str, Quota]


@dataclass(frozen=True, slots=True)
class _Memory:
    """The quotas last read by domid and UUID, and the position of the next slice.

    Domains that own nothing, or that xenstored does not have, are remembered too: they wait for
    their turn as all others do.
    """

    last: Mapping[tuple[int, str], Found]
    cursor: int


NOTHING: Final = _Memory({}, 0)


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[XenstoreQuotas, _Memory]:
    """Quotas of the guests. Raises `NotApplicable`, `SourceError` and `ParseError`.

    Guests that were not asked about before come first, the others in turn.
    """
    require_dom0(source, context)
    guests = {domid: uuid for domid, uuid in list_uuids(source, context).items() if domid}
    if not guests:
        return XenstoreQuotas("", {}), NOTHING
    [reply] = source.xenstore_control([xenstore_quota.settings_request()])
    if xenstore.refusal(reply) in _UNKNOWN_COMMAND:
        raise NotApplicable("this xenstored does not tell quotas (the C one does from Xen 4.17 on)")
    _require(reply, "quota")
    settings = xenstore_quota.parse_settings(reply)
    if context.xenstore_quotas is None:  # after a failure read everything again
        memory = NOTHING
    last = memory.last
    known = {domid: last[domid, uuid] for domid, uuid in guests.items() if (domid, uuid) in last}
    own = settings is not None and release(context).own_quotas
    size = _size(settings is not None, own)
    unknown = [domid for domid in sorted(guests) if domid not in known][:size]
    again, cursor = rotation(sorted(known), memory.cursor, size - len(unknown))
    due = (*unknown, *again)
    if settings is None:
        found = _from_oxenstored(source, due)
    else:
        found = _from_xenstored(source, due, settings, own=own)
    kept = {domid: quotas for domid, quotas in known.items() if domid not in due}
    domains = {**kept, **found}
    remembered = {(domid, guests[domid]): quotas for domid, quotas in domains.items()}
    route = OXENSTORED if settings is None else C_XENSTORED
    return XenstoreQuotas(route, domains), _Memory(remembered, cursor)


def _size(is_c: bool, own: bool) -> int:
    """Domains to ask about in one run."""
    if not is_c:
        return LOGGED_REQUESTS
    return REQUESTS // (1 + len(KINDS)) if own else REQUESTS


def _from_oxenstored(source: Source, domids: Sequence[int]) -> dict[int, Found]:
    """Nodes of each domain; none of one that owns none or is gone."""
    found: dict[int, Found] = {}
    replies = source.xenstore_control([xenstore_quota.domain_request(domid) for domid in domids])
    for domid, reply in zip(domids, replies, strict=True):
        _require(reply, f"quota {domid}")
        if reply.payload == xenstore_quota.ACKNOWLEDGED:
            raise NotApplicable("this oxenstored does not tell quotas (from Xen 4.2 on it does)")
        nodes = xenstore_quota.parse_oxenstored(reply, domid)
        found[domid] = {} if nodes is None else {NODES: Quota(*nodes)}
    return found


def _from_xenstored(
    source: Source, domids: Sequence[int], settings: Mapping[str, int], *, own: bool
) -> dict[int, Found]:
    """Everything the C xenstored has of each domain; nothing of one that is gone."""
    requests: list[Request] = []
    for domid in domids:
        requests.append(xenstore_quota.domain_request(domid))
        if own:
            requests += [xenstore_quota.own_quota_request(domid, kind) for kind in KINDS]
    replies = source.xenstore_control(requests)
    each = len(requests) // len(domids)
    found: dict[int, Found] = {}
    for number, domid in enumerate(domids):
        first, *quotas = replies[number * each : (number + 1) * each]
        if any(xenstore.refusal(reply) == "ENOENT" for reply in (first, *quotas)):
            found[domid] = {}
            continue
        _require(first, f"quota {domid}")
        used = xenstore_quota.parse_domain(first, domid)
        most = {**settings, **_own(quotas, domid)}
        # 0 switches a quota off.
        found[domid] = {
            kind: Quota(amount, most.get(kind) or None) for kind, amount in used.items()
        }
    return found


def _own(replies: Sequence[XenstoreReply], domid: int) -> dict[str, int]:
    """Quotas the domain has of its own, by kind."""
    found = {}
    for kind, reply in zip(KINDS, replies, strict=False):
        if xenstore.refusal(reply) in _UNKNOWN_COMMAND:  # a xenstored older than this Xen
            continue
        _require(reply, f"quota of {kind} of domain {domid}")
        quota = xenstore_quota.parse_own_quota(reply)
        if quota is not None:
            found[kind] = quota
    return found


def _require(reply: XenstoreReply, asked: str) -> None:
    """Raise `SourceError` for a refusal."""
    refusal = xenstore.refusal(reply)
    if refusal is not None:
        raise SourceError(f"xenstored, {asked}", refusal)


XENSTORE_QUOTAS: Final = Probe(
    name="xenstore_quotas",
    reads="control command quota of xenstored, on a connection of its own, for some guests a run",
    advice="run xenstore-control quota as root; check that xenstored answers: xenstore-read domid",
    read=read,
    memory=NOTHING,
    interval=60.0,
    asks=frozenset({"xenstored"}),
)
