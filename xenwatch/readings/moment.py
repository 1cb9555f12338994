"""A moment by two clocks: one that is set, and one that only goes on."""

from __future__ import annotations

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment: `time` is Unix time, `instant` the seconds of the monotonic clock.

    What lasts is counted between instants, which no setting of the clock changes. Others are told
    Unix times, by the clock as it is now: what was ten minutes ago still was when the clock is set.
    """

    time: float
    instant: float

    def unix(self, instant: float) -> float:
        """The Unix time of an instant, to the millisecond; one ahead is now."""
        return round(self.time - max(0.0, self.instant - instant), 3)

    def instant_of(self, time: float) -> float:
        """The instant of a Unix time; one ahead is now."""
        return self.instant - max(0.0, self.time - time)
