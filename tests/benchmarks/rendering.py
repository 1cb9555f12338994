"""What rendering a page costs for each series and for each domain."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import Metric as ClientMetric

from tests.benchmarks import table
from tests.benchmarks.hosts import host
from tests.benchmarks.results import Row
from xenwatch import metrics
from xenwatch.assessment import Rules, assess_pass
from xenwatch.exposition import text_format
from xenwatch.exposition.text_format import Family
from xenwatch.passes.one_pass import one_pass
from xenwatch.probes import PROBES

SIZES: Final = {table.RENDERING: 50_000, table.LARGE_RENDERING: 500_000}
VMS: Final = 100
DOMAINS: Final = (1000, 10_000)
MICRO: Final = 1e6
DOMID: Final = "domid"


def families_of(vms: int) -> list[Family]:
    """The metrics of a host with so many HVM VMs."""
    snapshot = one_pass(host(vms), PROBES).snapshot
    return list(metrics.families(assess_pass(snapshot, Rules())))


def grown(families: Sequence[Family], times: int) -> list[Family]:
    """The same of a host with so many times the VMs: each of its series has another domid."""
    return [_grown(family, times) if DOMID in family.labels else family for family in families]


def _grown(family: Family, times: int) -> Family:
    place = family.labels.index(DOMID)
    samples = [
        ((*labels[:place], f"{labels[place]}{turn:05}", *labels[place + 1 :]), value)
        for turn in range(times)
        for labels, value in family.samples
    ]
    return dataclasses.replace(family, samples=samples)


def series(families: Sequence[Family]) -> int:
    """How many series they are."""
    return sum(len(family.samples) for family in families)


def of_rendering(rounds: int, _: float) -> Iterator[Row]:
    """Pages whose values have all changed, against prometheus_client's; then those of domains."""
    few = families_of(VMS)
    of_vms = series([family for family in few if DOMID in family.labels])
    for name, size in SIZES.items():
        families = grown(few, round((size - series(few)) / of_vms) + 1)
        mine, others = [], []
        for _ in range(rounds):
            mine.append(rendered(families) / series(families) * MICRO)
            others.append(_theirs(families) / series(families) * MICRO)
        yield Row(name, tuple(mine), tuple(others))
    pages = [grown(few, domains // VMS) for domains in DOMAINS]
    ratios = []
    for _ in range(rounds):
        small, large = (
            rendered(page) / domains for page, domains in zip(pages, DOMAINS, strict=True)
        )
        ratios.append(large / small)
    yield Row(table.GROWTH, tuple(ratios))


def rendered(families: Sequence[Family]) -> float:
    """CPU seconds of the page after one on which every value was another."""
    before = text_format.page([_changed(family) for family in families])
    before.body()
    return _timed(lambda: text_format.page(families, before=before).body())


def _theirs(families: Sequence[Family]) -> float:
    class Collector:
        def collect(self) -> Iterator[ClientMetric]:
            for family in families:
                made = ClientMetric(family.name, family.help, family.kind)
                for labels, value in family.samples:
                    named = dict(zip(family.labels, labels, strict=True))
                    made.add_sample(family.name, named, value)
                yield made

    return _timed(lambda: generate_latest(Collector()))


def _changed(family: Family) -> Family:
    samples = [(labels, value + 1) for labels, value in family.samples]
    return dataclasses.replace(family, samples=samples)


def _timed(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
