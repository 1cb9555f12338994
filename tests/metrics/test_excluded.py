"""What a VM adds to the page, and what of it can be left out, as docs/operations.md says."""

from __future__ import annotations

import re
from collections import Counter

from tests.benchmarks.hosts import host
from tests.shown import ROOT
from xenwatch import metrics
from xenwatch.assessment import Rules, assess_pass
from xenwatch.config.metric_keys import excluded
from xenwatch.passes.one_pass import one_pass
from xenwatch.probes import PROBES

MANUAL = ROOT / "docs/operations.md"
VMS = (10, 20)
"""The xenstore nodes of the VMs are exported only of the few that have most, in both."""


def series(vms: int) -> Counter[str]:
    """How many series each metric has on a host with so many VMs."""
    found = assess_pass(one_pass(host(vms), PROBES).snapshot, Rules())
    return Counter({each.name: len(each.samples) for each in metrics.families(found)})


def test_the_series_of_a_vm_are_as_the_document_says() -> None:
    """Each row of the table has the number of series that the VM costs and its pattern saves."""
    few, many = map(series, VMS)
    each = {name: (many[name] - few[name]) / (VMS[1] - VMS[0]) for name in many}
    text = MANUAL.read_text()
    rows = dict(re.findall(r"(?m)^\| `(xenwatch_[a-z_*]+)` \| (\d+) \|", text))
    whole = re.search(r"one disk and one network interface has (\d+) series", text)

    assert whole is not None
    assert round(sum(each.values())) == int(whole[1])
    assert rows
    for pattern, number in rows.items():
        assert sum(each.get(name, 0) for name in excluded((pattern,))) == int(number), pattern
