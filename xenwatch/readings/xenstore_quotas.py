"""Reading: quotas of xenstore by domain."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """What a domain uses of a quota, and the quota; `None` where there is none."""

    used: int
    max: int | None


@dataclass(frozen=True, slots=True)
class XenstoreQuotas:
    """Quotas of each guest by domid and kind (`xenwatch.parse.xenstore_quota.KINDS`).

    `route` is what told them, the same as the daemon's name: `xenstored` or `oxenstored`, which
    tells nodes alone; empty where no guest was asked about. Domains that were not asked about yet
    are missing, and dom0, which has no quotas.
    """

    route: str
    domains: Mapping[int, Mapping[str, Quota]]
