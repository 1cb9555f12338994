"""Quotas of xenstore by guest as limits, and how each xenstored raises them."""

from __future__ import annotations

import dataclasses

from tests.planning.support import with_host
from xenwatch.limits import xenstore_nodes, xenstore_watches
from xenwatch.limits.base import Max
from xenwatch.limits.xenstore_quotas import DOM0
from xenwatch.probes.xenstore_quotas import LOGGED_REQUESTS, XENSTORE_QUOTAS
from xenwatch.readings.xenstore_quotas import Quota, XenstoreQuotas


def test_the_caveat_has_the_rate_of_the_slower_xenstored() -> None:
    """As many guests a minute as one run asks oxenstored about."""
    assert XENSTORE_QUOTAS.interval == 60.0
    assert f"at least {LOGGED_REQUESTS} a minute" in DOM0


def test_quotas_of_xenstore_by_guest() -> None:
    """Use is told of each guest that has the quota, and a max where it is not switched off."""
    quotas = XenstoreQuotas(
        "xenstored",
        {
            5: {"nodes": Quota(42, 1000)},
            7: {"nodes": Quota(50, None), "watches": Quota(3, 128)},
            8: {},
        },
    )
    snapshot = dataclasses.replace(with_host(), xenstore_quotas=quotas)

    assert xenstore_nodes.LIMIT.used(snapshot) == {"5": 42, "7": 50}
    assert xenstore_nodes.LIMIT.max(snapshot) == {"5": Max(1000, "quota of nodes of xenstored")}
    assert xenstore_watches.LIMIT.used(snapshot) == {"7": 3}
