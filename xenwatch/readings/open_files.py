"""Readings: open files of dom0."""

from __future__ import annotations

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """Files open in all of dom0, and the most the kernel allows (`fs.file-max`)."""

    used: int
    max: int
