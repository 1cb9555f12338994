"""How the probes of a pass fared, for the commands that make one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.display.text import printable
from xenwatch.readings.snapshot import Outcome, Status

FEW: Final = 3
"""Probes that are named one by one though they failed for the same reason."""


def failures(outcomes: Mapping[str, Outcome]) -> str:
    """A line for each probe that failed, with the reason; one for many with the same reason."""
    names: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        if outcome.status is Status.FAILED:
            names.setdefault(printable(outcome.detail), []).append(name)
    lines: list[str] = []
    for reason, those in names.items():
        if len(those) > FEW:
            lines.append(f"{len(those)} probes failed: {reason}; for their names: xenwatch doctor")
        else:
            lines += [f"{name}: {reason}" for name in those]
    return "".join(f"{line}\n" for line in lines)


def any_ok(outcomes: Mapping[str, Outcome]) -> bool:
    """Whether any probe could read anything."""
    return any(outcome.status is Status.OK for outcome in outcomes.values())
