"""A pass that says on a terminal how far it is, if it takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from xenwatch.display.progress import progress
from xenwatch.passes.one_pass import one_pass
from xenwatch.probes.base import Pass, Probe
from xenwatch.sources.base import Source


def watched_pass(source: Source, probes: Iterable[Probe], before: Pass | None = None) -> Pass:
    """One pass, as `one_pass` makes it."""
    every = tuple(probes)
    with progress("reading the host") as tell:
        return one_pass(source, _told(every, tell), before)


def _told(probes: Sequence[Probe], tell: Callable[[str], None]) -> Iterator[Probe]:
    for number, probe in enumerate(probes, 1):
        longest = f"at most {probe.deadline:g} s"
        tell(f"probe {number} of {len(probes)}: {probe.name}, {longest}")
        yield probe
