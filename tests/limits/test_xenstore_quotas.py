"""Quotas of xenstore by guest as limits, and how each xenstored raises them."""

from __future__ import annotations

import dataclasses

import pytest

from tests.planning.support import with_host
from xenwatch.limits import xenstore_nodes, xenstore_watches
from xenwatch.limits.base import Max, Shortage
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


@pytest.mark.parametrize(
    ("route", "xen", "words"),
    [
        ("oxenstored", (4, 17), ["set quota-maxentity = 2000 in /etc/xen/oxenstored.conf"]),
        (
            "xenstored",
            (4, 17),
            [
                "xenstore-control quota set nodes 2000  # ",
                'add XENSTORED_ARGS="--entry-nb 2000" to ',
            ],
        ),
        (
            "xenstored",
            (4, 22),
            [
                "xl xenstore-quota-set 5 nodes=2000  # ",
                "xenstore-control quota set nodes 2000  # ",
                'add XENSTORED_ARGS="--entry-nb 2000" to ',
            ],
        ),
    ],
)
def test_a_quota_is_raised_as_its_xenstored_takes_it(
    route: str, xen: tuple[int, int], words: list[str]
) -> None:
    """oxenstored reads its file at boot, the C xenstored takes commands, by guest from 4.22 on."""
    quotas = XenstoreQuotas(route, {5: {"nodes": Quota(1000, 1000)}})
    snapshot = dataclasses.replace(with_host(xen=xen), xenstore_quotas=quotas)
    found = xenstore_nodes.LIMIT.remedy
    assert found is not None
    texts = found(Shortage(snapshot, "5", None, 2000))

    assert len(texts) == len(words)
    assert all(text.startswith(word) for text, word in zip(texts, words, strict=True))
