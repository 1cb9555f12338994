"""A rate limit: a bucket of tokens, one for each request, refilled at a constant rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xenwatch.web_config.document import Rate


class Bucket:
    """Full at first: a burst is admitted at once, then a request each interval."""

    def __init__(self) -> None:
        self._rate: Rate | None = None
        self._tokens = 0.0
        self._at = 0.0

    def take(self, rate: Rate, now: float) -> bool:
        """Whether a request is admitted at `now`, in seconds; a new rate begins full."""
        if rate != self._rate:
            self._rate, self._tokens = rate, float(rate.burst)
        else:
            gained = max(0.0, now - self._at) / rate.interval
            self._tokens = min(float(rate.burst), self._tokens + gained)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
