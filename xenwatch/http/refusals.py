"""What was not served, counted by reason, with at most one line in the log a minute for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from xenwatch.display.text import printable

MALFORMED: Final = "malformed"
ABANDONED: Final = "abandoned"
IDLE: Final = "idle"
BUSY: Final = "busy"
DESCRIPTORS: Final = "descriptors"
MEANINGS: Final[Mapping[str, str]] = {
    MALFORMED: "not a valid HTTP request, or the TLS handshake failed",
    ABANDONED: "the client disconnected or stopped reading",
    IDLE: "the longest-idle connection was closed for a new one",
    BUSY: "too many concurrent requests, answered with 503",
    DESCRIPTORS: "out of file descriptors",
}
"""The reasons."""
EVERY: Final = 60.0
"""Min seconds from one line of a reason to the next."""
DETAIL_MAX: Final = 200

_log = structlog.get_logger()


class Refusals:
    """`counts` by reason; `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.counts = dict.fromkeys(MEANINGS, 0)
        self._now = now
        self._logged: dict[str, tuple[float, int]] = {}

    def add(self, reason: str, peer: object = "", detail: str = "") -> None:
        """One more; the line says how many there were since the line before."""
        self.counts[reason] += 1
        at, number = self._logged.get(reason, (float("-inf"), 0))
        now = self._now()
        if now - at < EVERY:
            return
        self._logged[reason] = now, self.counts[reason]
        _log.warning(
            "web requests refused or delayed",
            reason=reason,
            means=MEANINGS[reason],
            number=self.counts[reason] - number,
            last_peer=printable(str(peer)),
            last=printable(" ".join(detail.split())[:DETAIL_MAX]),
        )
