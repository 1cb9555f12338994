"""When the page is asked for, from which follows whether it will be before the next pass."""

from __future__ import annotations

from collections import deque


class Asking:
    """The last times at which the page was asked for, as instants."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=3)
        self._expected = 0.0

    def note(self, now: float) -> None:
        """It is asked for."""
        self._times.append(now)

    def expects(self, now: float, within: float) -> bool:
        """Whether it will be asked for in so many seconds, or was due in the last ones.

        As regularly as before, that is: of two clients that ask one shortly after the other, the
        longer time between counts. Each time is expected once, however many passes come before it.
        """
        if len(self._times) < 3:
            return False
        first, second, last = self._times
        due = last + max(second - first, last - second)
        if due == self._expected or abs(due - now) >= within:
            return False
        self._expected = due
        return True
