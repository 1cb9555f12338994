"""The table of limits: names, words, costs."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter

import pytest

from tests.support import full_snapshot
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit
from xenwatch.release.regimes import REGIMES

EACH = pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
TYPES = {"pv", "pvh", "hvm"}


def test_names_are_unique() -> None:
    """No two limits share a name or a title."""
    for words in ([limit.name for limit in LIMITS], [limit.title for limit in LIMITS]):
        assert max(Counter(words).values()) == 1


@EACH
def test_a_name_can_be_part_of_a_metric(limit: Limit) -> None:
    """Names are words of lower case, as Prometheus has them."""
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", limit.name)


@EACH
def test_a_limit_says_what_an_operator_must_know(limit: Limit) -> None:
    """Every limit has a title, where it is read, how it shows and where that is published."""
    assert all((limit.title, limit.source, limit.symptom, limit.reference))


@EACH
def test_the_unit_is_in_the_metrics_names(limit: Limit) -> None:
    """Bytes are named so, countable things have no unit."""
    assert limit.unit in ("", "bytes")
    suffix = "_bytes" if limit.unit else ""
    assert limit.used_metric == f"xenwatch_{limit.name}_used{suffix}"
    assert limit.max_metric == f"xenwatch_{limit.name}_max{suffix}"


@EACH
def test_a_limit_with_a_label_has_instances_and_one_without_has_one(limit: Limit) -> None:
    """Only a limit that names its instances' label has more than the one called ''."""
    instances = set(limit.used(full_snapshot()))

    assert (instances == {""}) == (limit.label is None)


@EACH
def test_costs_are_of_known_regimes_and_types(limit: Limit) -> None:
    """Costs stand under a regime that can be told and a type a VM can have, never negative."""
    for regime, costs in limit.costs.items():
        assert regime in REGIMES
        assert {"pv", "hvm"} <= set(costs) <= {*TYPES, "hvm-uefi"}
        assert all(value >= 0 for cost in costs.values() for value in dataclasses.astuple(cost))


def test_a_vm_costs_what_a_real_host_showed() -> None:
    """Guests of one vCPU, disk and interface took 5 (PV, PVH) and 8 (HVM) channels of dom0."""
    channels = next(limit for limit in LIMITS if limit.name == "event_channels")
    shape = {
        domain: cost.domain + cost.vcpu + cost.disk + cost.ring + cost.vif + cost.queue
        for domain, cost in channels.costs["xl"].items()
    }

    assert shape == {"pv": 5, "pvh": 5, "hvm": 8}
