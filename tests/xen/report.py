"""What a run of these tests tells besides pass and fail: times of its stages, and the table."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

LOG: Final = logging.getLogger("xen")


@dataclass(slots=True)
class Report:
    """Collects stages (name, seconds) and rows of the table of values, printed at the end."""

    stages: list[tuple[str, float]] = field(default_factory=list)
    title: str = ""
    rows: Sequence[tuple[str, str, str, str]] = ()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done inside, and log it at once."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.note(name, time.monotonic() - started)

    def note(self, name: str, seconds: float) -> None:
        """A time that was taken elsewhere."""
        self.stages.append((name, seconds))
        LOG.info("%s: %.2f s", name, seconds)

    def table(self, title: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """Keep the table with the most rows."""
        if len(rows) > len(self.rows):
            self.title, self.rows = title, rows

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield "stages:"
        yield from (f"  {seconds:8.2f} s  {name}" for name, seconds in self.stages)
        if self.rows:
            yield ""
            yield self.title
            widths = [max(len(row[column]) for row in self.rows) for column in range(3)]
            for row in self.rows:
                cells = (cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True))
                yield "  " + "  ".join([*cells, row[3]])
