"""Readings: messages of trouble in the logs of dom0's kernel and of Xen."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The last message of a kind: printable text, and its instant (`None`: unknown)."""

    text: str
    instant: float | None


@dataclass(frozen=True, slots=True)
class LogMessages:
    """Messages of one log, by name of the kind (`xenwatch.errors.kinds`).

    `counted` are those printed since xenwatch began to read the log, `earlier` those the log had
    then; both have every kind of the log. `recent` are those of the last 15 minutes and `last` the
    last ones, of kinds that have any. `lost` is what was overwritten before it was read: records
    of the kernel, bytes of Xen's console.
    """

    counted: Mapping[str, int]
    earlier: Mapping[str, int]
    recent: Mapping[str, int]
    last: Mapping[str, LastMessage]
    lost: int
