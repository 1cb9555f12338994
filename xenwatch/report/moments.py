"""The moments of a record one after another, each with the states of its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from xenwatch.fence import OPEN, Fence
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import LimitState, LimitStates, assess_limits, every_state
from xenwatch.record import thinning
from xenwatch.record.past import Past
from xenwatch.report.events import Event, Known, step
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """A moment: what was known, the limits, and what was new."""

    past: Past
    states: tuple[LimitState, ...]
    events: tuple[Event, ...]


def spacing(age: float) -> float:
    """How far apart moments are kept that are so many seconds old."""
    return thinning.LEVELS[thinning.level_at(age)].step


def seen(
    moments: Iterable[Past],
    thresholds: Mapping[str, Thresholds],
    now: float,
    fence: Fence = OPEN,
    tell: Callable[[Past], None] = lambda _: None,
) -> Iterator[Seen]:
    """The moments with what was new in each; `tell` is called with each before it is worked on.

    The limits are judged by `thresholds`, which are those of today. `now` is Unix time.
    """
    known, limits = Known(), dict[str, LimitStates]()
    for past in moments:
        tell(past)
        limits = assess_limits(past.snapshot, thresholds, fence=fence, before=limits)
        known, events = step(known, past, limits, spacing(now - past.snapshot.time))
        yield Seen(past, every_state(limits), tuple(events))
