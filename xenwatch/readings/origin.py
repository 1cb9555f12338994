"""Readings: where they come from, and the mark that says so wherever they are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from xenwatch.values import dataclass

HOST: Final = "host"
SYNTHETIC: Final = "synthetic"
TREE: Final = "tree"
READER: Final = "reader"
RECORD: Final = "record"


_LATEST: Final = 1 << 37
"""Seconds: the year 6325, which a date can have."""


EARLIEST: Final = -(1 << 35)
"""Seconds: the year 881; what began before the clock was set back to 1970 is below 0."""


def is_date(time: object, earliest: float = 0.0) -> bool:
    """Whether what a stranger says is a Unix time that a date can be made of."""
    if not isinstance(time, int | float) or isinstance(time, bool):
        return False
    return earliest <= time < _LATEST


@dataclass(frozen=True, slots=True)
class Origin:
    """Where readings come from: host, synthetic, tree, reader or record.

    `name` is the preset or scenario of a synthetic host, the directory of a capture or a record, or
    what a reader serves.
    `captured` is when a capture was made, or the moment of a record (Unix time), `behind` the kind
    of what was captured or recorded, or of what another process reads: empty where unknown, or
    where nothing is behind.
    """

    kind: str
    name: str = ""
    captured: float | None = None
    behind: str = ""

    @property
    def mark(self) -> str:
        """`SYNTHETIC`, `CAPTURE of 2026-01-31 14:00 UTC`, both, or nothing for a live host.

        A moment of a record is told to the second: `RECORD of 2026-01-31 14:00:07 UTC`.
        """
        marks = ["SYNTHETIC"] if self.invented else []
        if self.captured is not None:
            at = datetime.fromtimestamp(self.captured, UTC)
            recorded = self.kind == RECORD
            marks.append(
                f"RECORD of {at:%Y-%m-%d %H:%M:%S} UTC"
                if recorded
                else f"CAPTURE of {at:%Y-%m-%d %H:%M} UTC"
            )
        return ", ".join(marks)

    @property
    def invented(self) -> bool:
        """Whether there is no real host behind it."""
        return SYNTHETIC in (self.kind, self.behind)

    @property
    def warning(self) -> str:
        """The mark as a sentence, without a full stop; nothing for a live host."""
        if not self.mark:
            return ""
        what = "not a real host" if self.invented else "not a live host"
        spec = f"{self.kind}:{self.name}" if self.name else self.kind
        return f"{self.mark}: {what} ({spec})"


LIVE: Final = Origin(HOST)
"""The host that xenwatch runs on."""
