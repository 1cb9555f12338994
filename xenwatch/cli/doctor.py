"""What each probe reads here, whether it can, why not, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xenwatch.config.keys import SOURCE
from xenwatch.display.text import printable
from xenwatch.probes.base import Probe, next_step
from xenwatch.readings.snapshot import Snapshot, Status


def report(snapshot: Snapshot, probes: Iterable[Probe]) -> str:
    """The findings of one pass as text for people."""
    lines: list[str] = []
    for probe in probes:
        lines += _probe(probe, snapshot)
    return "\n".join([*lines, "", *_summary(snapshot)]) + "\n"


def _probe(probe: Probe, snapshot: Snapshot) -> Iterator[str]:
    outcome = snapshot.outcomes[probe.name]
    yield f"{probe.name}: {outcome.status.value}"
    yield f"  reads: {probe.reads}"
    if outcome.detail:
        yield f"  why: {printable(outcome.detail)}"
    do = next_step(probe, outcome)
    if do:
        yield f"  do: {do}"


def _summary(snapshot: Snapshot) -> Iterator[str]:
    statuses = [outcome.status for outcome in snapshot.outcomes.values()]
    counts = ", ".join(f"{statuses.count(status)} {status.value}" for status in Status)
    yield f"{len(statuses)} probes: {counts}"
    if snapshot.host is not None and not snapshot.host.is_dom0:
        yield (
            "This is not a Xen dom0: what Xen alone knows cannot be read here. "
            f"To see xenwatch at work, add {SOURCE.flag} synthetic."
        )
