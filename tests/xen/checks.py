"""Whether what xenwatch says of a dom0 is true."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.support import series
from tests.xen import guests
from tests.xen.daemon import PROGRAM, SCRIPTS, Daemon, Page
from tests.xen.fact import Fact
from tests.xen.qemu import CPUS
from tests.xen.truth import AWAKE, MIB, Truth
from tests.xen.vm import Vm
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Units
from xenwatch.metrics.host import HOST_METRICS
from xenwatch.planning import shapes
from xenwatch.planning.capacity import units
from xenwatch.sources.base import DOMAINS
from xenwatch.sources.tree import CALLS

PROVED: Final = {
    *(name for limit in LIMITS for name in (limit.used_metric, limit.max_metric)),
    *(metric.name for metric in HOST_METRICS),
} - {
    # Xen tells it only to who asks for one port after the other, as xenwatch does.
    "xenwatch_event_channel_slots",
    # How xenwatch itself has read them.
    "xenwatch_event_channels_route_info",
}
"""Metrics that need a fact for every series. Of the others, those that have one are compared."""
OWN_LABELS: Final = {"xenwatch_host_info": {"event_channel_abi", "abi_origin"}}
"""Labels that say how something is known."""

NOTHING: Final[Mapping[str, float]] = {}

Row = tuple[str, str, str, str]
Key = tuple[str, frozenset[tuple[str, str]]]


def key(fact: Fact) -> Key:
    """The series a fact is about; bytes that are no text are spelled as the page spells them."""
    return fact.metric, frozenset(
        (label, value.encode(errors="surrogateescape").decode(errors="backslashreplace"))
        for label, value in fact.labels
    )


def comparable(page: Page) -> dict[Key, float]:
    """The page's series about the host: a state that changes all the time is only `AWAKE`."""
    found: dict[Key, float] = defaultdict(float)
    for (name, labels), value in page.series.items():
        kept = frozenset(
            (label, AWAKE if label == "state" and its in ("running", "blocked") else its)
            for label, its in labels
            if label not in OWN_LABELS.get(name, ())
        )
        found[name, kept] += value
    return dict(found)


def take_truth(vm: Vm, into: Path, part: str = "") -> Truth:
    """Ask dom0's own tools and keep their answers in `into`, which is made anew."""
    shutil.rmtree(into, ignore_errors=True)
    vm.run(f"{SCRIPTS}/truth.sh /root/truth {part}", deadline=600)
    vm.get("/root/truth", into)
    return Truth(into)


def compare(
    page: Page, truth: Truth, before: Truth | None = None, more: Mapping[str, float] = NOTHING
) -> tuple[list[Row], str]:
    """The table of values, and what is wrong about them ("" when nothing is).

    Every fact must have its series, and every series of `PROVED` its fact. `before` is the truth
    about what moves, as it was before the page. `more` is what there was more of by metric when
    the page was made.
    """
    said = comparable(page)
    facts = {
        key(fact): replace(fact, value=fact.value + more.get(fact.metric, 0))
        for fact in truth.facts()
    }
    earlier = {key(fact): fact.value for fact in before.moving()} if before else {}
    rows: list[Row] = []
    untold = [exported for exported in said.keys() - facts.keys() if exported[0] in PROVED]
    wrong = [f"no other road to {_series(exported)}" for exported in sorted(untold, key=str)]
    for which, fact in facts.items():
        low, high = sorted((fact.value, earlier.get(which, fact.value)))
        value = said.get(which)
        rows.append((_series(which), _text(value), _text(fact.value), fact.road))
        if value is None:
            wrong.append(f"{_series(which)} is missing; {fact.road}: {fact.value}")
        elif not low - fact.slack <= value <= high + fact.slack:
            wrong.append(f"{_series(which)} is {value}; {fact.road}: {low} to {high}")
    return rows, "\n".join(wrong)


@dataclass(frozen=True, slots=True)
class Observation:
    """xenwatch's word, the truth after it, and before it that about what moves.

    `page` is the daemon's, `replayed` what a capture of the same moments gives outside of dom0,
    `captured` what the capture itself took by metric.
    """

    before: Truth
    page: Page
    replayed: Page
    truth: Truth
    captured: Mapping[str, float]

    def of_daemon(self) -> tuple[list[Row], str]:
        """The daemon's page against the truth."""
        return compare(self.page, self.truth, self.before)

    def of_capture(self) -> tuple[list[Row], str]:
        """The replayed capture against the truth."""
        return compare(self.replayed, self.truth, self.before, self.captured)


def observe(vm: Vm, daemon: Daemon, directory: Path) -> Observation:
    """Take all of it; what was captured is kept in `directory` for the captured hosts."""
    shutil.rmtree(directory, ignore_errors=True)
    before = take_truth(vm, directory / "before", "moving")
    page = daemon.fresh()
    vm.run(f"rm -rf /root/capture; {PROGRAM} capture /root/capture", deadline=600)
    truth = take_truth(vm, directory / "truth")
    vm.get("/root/capture", directory / "capture")
    capture = directory / "capture"
    return Observation(before, page, replay(capture), truth, capturing(capture))


def capturing(capture: Path) -> Mapping[str, float]:
    """What `xenwatch capture` took itself: memory, connections to xenstored (one for events)."""
    calls = map(json.loads, (capture / CALLS).read_bytes().splitlines())
    listened = any(
        call["verb"] == "events" and call["arguments"] == [DOMAINS] and "answer" in call
        for call in calls
    )
    return {
        "xenwatch_xenstored_fds_used": 1 + listened,
        "xenwatch_dom0_memory_used_bytes": 16 * MIB,  # of some 40 at its end
    }


def replay(capture: Path) -> Page:
    """What a captured host gives on this machine."""
    source = f"tree:{capture}"
    argv = [sys.executable, "-m", "xenwatch", "once", "--format", "prometheus", "--source", source]
    text = subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout
    return Page(text, series(text))


def used(truth: Truth, limit: Limit) -> float:
    """Units of a limit in use by another road; of a limit by domain, dom0's."""
    return sum(
        fact.value
        for fact in truth.facts()
        if fact.metric == limit.used_metric and dict(fact.labels).get("domid", "0") == "0"
    )


def cost(limit: Limit, shape: guests.Shape) -> Units:
    """What a guest takes of a limit by the declared costs."""
    its = shapes.Shape(
        *("guest", shape.type, shape.vcpus, shape.disks, shape.vifs),
        memory_bytes=guests.MEMORY_MIB[shape.type] * MIB,
    )
    return units(limit.costs["xl"][shape.type], its, CPUS)


def given_back(limit: Limit, shape: guests.Shape) -> int:
    """What a guest gives back once its drivers run: they unplug the emulated twins of its vifs."""
    return shape.vifs if limit.name == "bridge_ports" and shape.type == "hvm" else 0


def _series(series: Key) -> str:
    name, labels = series
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels))
    return f"{name}{{{inner}}}" if inner else name


def _text(value: float | None) -> str:
    return "absent" if value is None else f"{value:.12g}"
