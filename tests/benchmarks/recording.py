"""What the record costs: `python -m tests.benchmarks.recording VMS` prints it as JSON.

Passes of a host whose VMs are awake are made one after another, ten seconds of its clock apart, and
recorded, for `PERIOD`: at its end an hour is whole, and what is older is thinned. The size of a day
is that of this hour and of 23 that are thinned.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.hosts import Running, machine
from tests.benchmarks.programs import resident
from tests.benchmarks.table import BUSY
from xenwatch import log
from xenwatch.assessment import Assessment, Rules
from xenwatch.config.settings import Settings
from xenwatch.passes.publisher import AssessedPass, assess
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, merge, run
from xenwatch.readings.moment import Moment
from xenwatch.readings.snapshot import Snapshot
from xenwatch.record import past
from xenwatch.record.segments import Name
from xenwatch.record.store import HOUR, SPAN, Store, files

INTERVAL: Final = 10.0
PERIOD: Final = HOUR + 4 * SPAN
"""Seconds of the host's clock: two segments more than an hour are thinned."""
BEGAN: Final = 1_800_000_000.0
PLENTY: Final = 1 << 40
MB: Final = 1e6


class Recording:
    """A host that is read and assessed as by the daemon, and its record in `directory`."""

    def __init__(self, vms: int, directory: Path) -> None:
        self.seconds = 0.0
        self._directory = directory
        self._source = Running(machine(vms, BUSY), BUSY)
        settings = Settings()
        self._rules = Rules(settings.thresholds(), settings.shapes(), settings.alerts())
        self._known = Pass(Snapshot())
        self._newest: AssessedPass | None = None
        self._store = Store(directory, PLENTY, PLENTY)
        self._encoder = past.Encoder()

    def read(self, at: float) -> Assessment:
        """The pass of that second."""
        self._source.advance(at, INTERVAL)
        moment = Moment(BEGAN + at, at)
        for probe in PROBES:
            if probe.enabled:
                result = run(probe, self._source, self._known)
                origin = self._source.origin
                self._known = merge(self._known, {probe.name: result}, moment, origin)
        earlier = self._newest.assessment if self._newest else None
        self._newest = assess(
            self._known.snapshot,
            self._rules,
            before=self._newest,
            alerts=earlier.alerts if earlier else None,
            learning=earlier.learning if earlier else None,
        )
        return self._newest.assessment

    def write(self, assessment: Assessment) -> None:
        """Record it, and tidy when it is time, as the daemon does; `seconds` are the CPU's."""
        before = time.thread_time()
        moment = self._encoder.moment(assessment, marked=False)
        self._store.append(moment, past.header(assessment.snapshot.origin))
        if assessment.snapshot.instant % SPAN == 0:
            self._store.tidy(assessment.snapshot.time)
        self.seconds += time.thread_time() - before

    def day(self) -> float:
        """The MB of a day."""
        self._store.tidy(BEGAN + PERIOD)
        sizes: dict[int, list[int]] = {0: [], 1: []}
        for file in files(self._directory):
            sizes[Name.of(file.path.name).level].append(file.size)  # type: ignore[union-attr]
        whole, thinned = (sum(found) / len(found) for found in sizes.values())
        return (whole + 23 * thinned) * HOUR / SPAN / MB


def main(vms: str, what: str) -> None:
    """Print the CPU time in percent of a core, the day's MB, and the MiB of this process.

    `what` is `kept` or `left`: then nothing is recorded, and the memory is that without.
    """
    log.configure("error", "json")
    with tempfile.TemporaryDirectory() as name:
        recording = Recording(int(vms), Path(name, "record"))
        for number in range(int(PERIOD / INTERVAL)):
            assessment = recording.read(number * INTERVAL)
            if what == "kept":
                recording.write(assessment)
        gc.collect()
        found = {"MiB": resident(os.getpid())}
        if what == "kept":
            found |= {"cpu": recording.seconds / PERIOD * 100, "MB": recording.day()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
