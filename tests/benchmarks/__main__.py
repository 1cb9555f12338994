"""Everything that is measured, side by side with peers: `make bench`, see docs/testing.md.

It writes docs/performance.json and docs/performance.md, and says what became slower than in the
figures that were there. `--profile` prints instead where the daemon of a thousand HVM VMs spends
its time.
"""

from __future__ import annotations

import argparse
import compileall
import datetime as dt
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.benchmarks import reading, rendering, results, serving
from tests.benchmarks.results import Results, Row
from tests.shown import ROOT

FOUND: Final = ROOT / "docs/performance.json"
DOCUMENT: Final = ROOT / "docs/performance.md"

BENCHMARKS: Final[dict[str, Callable[[int, float], Iterator[Row]]]] = {
    "processes": reading.of_processes,
    "channels": reading.of_channels,
    "bridges": reading.of_bridges,
    "queues": reading.of_queues,
    "rendering": rendering.of_rendering,
    "scrapes": serving.of_scrapes,
    "daemons": serving.of_daemons,
    "memory": serving.of_memory,
    "loop": serving.of_loop,
    "commands": serving.of_commands,
    "start": serving.of_start,
    "record": serving.of_record,
    "churn": serving.of_churn,
}


def run_of(rounds: int, seconds: float, began: float) -> dict[str, str | int | float]:
    """Where and when a run is made, and the minutes it took since it `began` (monotonic)."""
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    model = cpus[0].partition(": ")[2] if cpus else platform.machine()
    return {
        "machine": f"{os.cpu_count()} CPUs ({model})",
        "python": platform.python_version(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "rounds": rounds,
        "seconds": seconds,
        "minutes": round((time.monotonic() - began) / 60),
    }


def main() -> None:
    """Measure all, or what `--only` names, and write it down if it is all."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", choices=BENCHMARKS, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=120.0, help="of a round that lasts")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    if options.profile:
        serving.profile(options.seconds)
        return
    # As every package has it: else each start compiles all, where Python may not write that down.
    compileall.compile_dir(ROOT / "xenwatch", quiet=1)
    began = time.monotonic()
    rows = []
    for name in options.only or BENCHMARKS:
        for row in BENCHMARKS[name](options.rounds, options.seconds):
            rows.append(row)
            print(*results.lines([row]), sep="\n", flush=True)
    made = Results(tuple(rows), run_of(options.rounds, options.seconds, began))
    if FOUND.exists():
        for line in results.slower(made, results.loads(FOUND.read_text())):
            print(line)
    if not options.only:
        FOUND.write_text(results.dumps(made))
        DOCUMENT.write_text(results.document(made))


if __name__ == "__main__":
    main()
