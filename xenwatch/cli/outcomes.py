"""How the probes of a pass fared, for the commands that make one."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.display.text import printable
from xenwatch.readings.snapshot import Outcome, Status


def failures(outcomes: Mapping[str, Outcome]) -> str:
    """One line for each probe that failed, with the reason."""
    return "".join(
        f"{name}: {printable(outcome.detail)}\n"
        for name, outcome in outcomes.items()
        if outcome.status is Status.FAILED
    )


def any_ok(outcomes: Mapping[str, Outcome]) -> bool:
    """Whether any probe could read anything."""
    return any(outcome.status is Status.OK for outcome in outcomes.values())
