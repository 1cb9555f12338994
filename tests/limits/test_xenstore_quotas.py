"""Quotas of xenstore by guest as limits, and how each xenstored raises them."""

from __future__ import annotations

import dataclasses

from tests.planning.support import with_host
from xenwatch.limits import xenstore_nodes, xenstore_watches
from xenwatch.limits.base import Max
from xenwatch.readings.xenstore_quotas import Quota, XenstoreQuotas


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
