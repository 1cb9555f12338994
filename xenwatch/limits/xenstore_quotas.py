"""Quotas of xenstore by guest: what the limits of nodes, watches, transactions and memory share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.limits.base import Max, Maxima, Remedy, Shortage, Used
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.xenstore_quotas import Quota
from xenwatch.release.release import release

REFERENCE: Final = "Xen, docs/misc/xenstore.txt: GET_QUOTA, CONTROL quota; oxenstored.conf"
SOURCE: Final = "control command quota of xenstored"
DOM0: Final = "dom0 has no quotas. Guests are asked about in turn, some a minute."
ONLY_C: Final = f"Only the C xenstored tells it, oxenstored does not. {DOM0}"
_OPTIONS: Final = {
    "nodes": "--entry-nb {}",
    "watches": "--watch-nb {}",
    "transactions": "--transaction {}",
    "memory": "--quota memory={}",
}
"""Options of the C xenstored by quota (tools/xenstored/core.c, usage)."""
_OXENSTORED: Final = {"nodes": "quota-maxentity"}
"""Keys of oxenstored.conf by quota, of what oxenstored tells."""
_CONFIG: Final = "/etc/xen/oxenstored.conf"


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


def quota_remedy(kind: str) -> Remedy:
    """The remedy for a quota, as this xenstored takes it."""

    def remedy(shortage: Shortage) -> tuple[str, ...]:
        snapshot, target = shortage.snapshot, shortage.target
        if snapshot.xenstore_quotas is None:
            return ()
        if snapshot.xenstore_quotas.route == "oxenstored":
            key = _OXENSTORED[kind]
            return (f"set {key} = {target} in {_CONFIG}, for all guests, then reboot the host",)
        persistent = f'XENSTORED_ARGS="{_OPTIONS[kind].format(target)}"'
        for_all = (
            f"xenstore-control quota set {kind} {target}  # for all guests, until a reboot",
            f"add {persistent} to /etc/default/xencommons (Debian: /etc/default/xen) to keep it",
        )
        if not release(snapshot).own_quotas:
            return for_all
        of_guest = f"xl xenstore-quota-set {shortage.instance} {kind}={target}"
        return (f"{of_guest}  # to keep it: xenstore_quota in its xl.cfg", *for_all)

    return remedy


def _quotas(snapshot: Snapshot, kind: str) -> Iterator[tuple[str, Quota]]:
    if snapshot.xenstore_quotas is None:
        return
    for domid, quotas in snapshot.xenstore_quotas.domains.items():
        if kind in quotas:
            yield str(domid), quotas[kind]
