"""How much memory VMs leave that start and stop: `python -m tests.benchmarks.churn`.

Passes are made one after another as the daemon makes them, ten seconds of its clock apart, while a
VM a second is started and another one stopped; each page is rendered. It prints the MiB by which
the process has grown since the first passes, with what the synthetic host itself has.
"""

from __future__ import annotations

import gc
import os
from typing import Final

from tests.benchmarks.hosts import BOOTED, Running, machine
from tests.benchmarks.programs import resident
from tests.benchmarks.table import BUSY
from xenwatch import log
from xenwatch.assessment import Rules
from xenwatch.config.settings import Settings
from xenwatch.model.devices import vm
from xenwatch.passes.bodies import PLAIN, Renderer
from xenwatch.passes.one_pass import one_pass
from xenwatch.passes.publisher import AssessedPass, assess
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass

VMS: Final = 65
BEFORE: Final = 30
"""Passes before it is measured."""
PASSES: Final = 170
EACH: Final = 10
"""Starts and stops between two passes."""


def grown() -> float:
    """The MiB that `PASSES` passes leave."""
    made = machine(VMS, BUSY)
    shape = vm(made.dom0.platform, "hvm")
    source = Running(made, BUSY)
    settings = Settings()
    rules = Rules(settings.thresholds(), settings.shapes(), settings.alerts())
    renderer = Renderer()
    known: Pass | None = None
    newest: AssessedPass | None = None
    first = 0.0
    oldest = 1
    for number in range(BEFORE + PASSES):
        for turn in range(EACH):
            made.destroy(oldest)
            oldest += 1
            made.start(b"vm-%d-%d" % (number, turn), shape)
        made.advance(BOOTED + number * EACH)
        known = one_pass(source, PROBES, known)
        earlier = newest.assessment if newest else None
        newest = assess(
            known.snapshot,
            rules,
            before=newest,
            alerts=earlier.alerts if earlier else None,
            learning=earlier.learning if earlier else None,
            renderer=renderer,
        )
        assert newest.metrics[PLAIN]
        if number in (BEFORE, BEFORE + PASSES - 1):
            gc.collect()
            first, last = first or resident(os.getpid()), resident(os.getpid())
    return last - first


def main() -> None:
    """Print it."""
    log.configure("error", "json")
    print(round(grown(), 2))


if __name__ == "__main__":
    main()
