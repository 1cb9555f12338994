"""What is said of a run that is past its deadline, or came back after it."""

from __future__ import annotations

import dataclasses
from typing import Final

from xenwatch.probes.base import Probe, Result
from xenwatch.progress import LATE_MAX, Standing
from xenwatch.readings.snapshot import Outcome, Status

STARVED: Final = "starved"
"""Of a run whose thread gets on, but too slowly for its deadline."""


def unfinished(
    probe: Probe, standing: Standing, began: float, last: Result | None = None
) -> Result:
    """The result of a run that began at the instant `began` and is past its deadline.

    While it gets on, the `last` reading stays, with the time it is of.
    """
    deadline = probe.deadline
    after = f"not done after {deadline:g} s"
    match standing:
        case Standing.LATE:
            if last is not None and last.outcome.status in (Status.OK, Status.NOT_APPLICABLE):
                detail = f"{STARVED}: {after}; this is the reading before"
                return dataclasses.replace(
                    last, outcome=dataclasses.replace(last.outcome, detail=detail, starved=True)
                )
            reason = f"{STARVED}: {after}, and no reading before"
        case Standing.STARVED:
            reason = f"{STARVED}: not done after {max(LATE_MAX, deadline):g} s"
        case Standing.ENDLESS:
            reason = f"{after} of CPU time"
        case _:
            reason = f"timed out after {deadline:g} s; the read still hangs"
    starved = standing in (Standing.LATE, Standing.STARVED)
    return Result(Outcome(Status.FAILED, reason, began, deadline, starved=starved))


def late(result: Result) -> Result:
    """The result of a run that came back after its deadline, and says so."""
    outcome = result.outcome
    took = (
        f"{STARVED}: took {outcome.seconds:.1f} s, of that {outcome.cpu_seconds:.1f} s of CPU time"
    )
    detail = f"{outcome.detail}; {took}" if outcome.detail else took
    return dataclasses.replace(
        result, outcome=dataclasses.replace(outcome, detail=detail, starved=True)
    )


def no_thread(error: BaseException, began: float) -> Result:
    """The result of a run whose thread could not be started."""
    return Result(Outcome(Status.FAILED, f"could not start a thread: {error}", began))
