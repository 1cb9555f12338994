"""Quotas of xenstore by guest: what the limits of nodes, watches, transactions and memory share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.limits.base import Max, Maxima, Used
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.xenstore_quotas import Quota

REFERENCE: Final = "Xen, docs/misc/xenstore.txt: GET_QUOTA, CONTROL quota; oxenstored.conf"
SOURCE: Final = "control command quota of xenstored"
DOM0: Final = "dom0 has no quotas. Guests are queried in turn, at least 16 a minute."
ONLY_C: Final = f"Only the C xenstored tells it, oxenstored does not. {DOM0}"


def quota_used(kind: str) -> Used:
    """What each guest uses of its quota."""

    def used(snapshot: Snapshot) -> Mapping[str, int]:
        return {domid: quota.used for domid, quota in _quotas(snapshot, kind)}

    return used


def quota_max(kind: str) -> Maxima:
    """Each guest's quota; none where it is switched off."""

    def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
        route = "" if snapshot.xenstore_quotas is None else snapshot.xenstore_quotas.route
        origin = f"quota of {kind} of {route}"
        return {
            domid: Max(quota.max, origin)
            for domid, quota in _quotas(snapshot, kind)
            if quota.max is not None
        }

    return maximum


def _quotas(snapshot: Snapshot, kind: str) -> Iterator[tuple[str, Quota]]:
    if snapshot.xenstore_quotas is None:
        return
    for domid, quotas in snapshot.xenstore_quotas.domains.items():
        if kind in quotas:
            yield str(domid), quotas[kind]
