"""In dom0: what processes did in some seconds, by their files and by taskstats.

`counted.py SECONDS PID...` prints a line for each process whose threads stayed the same: "pid
threads", then voluntary switches, nanoseconds waited and nanoseconds run by hand, and the same by
taskstats. A sample counts if the files say the same before and after the kernel was asked.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from xenwatch.probes.counters import Counted, read_counters
from xenwatch.sources.host import HostSource

TRIES = 2_000

ByHand = dict[str, tuple[int, int, int]]
"""Switches, waiting and running by thread."""


def by_hand(pid: int) -> ByHand:
    """What the files of a process say."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        ran, waited, _ = map(int, (task / "schedstat").read_text().split())
        status = (task / "status").read_text()
        switches = status.partition("\nvoluntary_ctxt_switches:\t")[2].partition("\n")[0]
        found[task.name] = int(switches), waited, ran
    return found


def sample(source: HostSource, pid: int) -> tuple[ByHand, Counted]:
    """A process by both ways, between which it slept."""
    for _ in range(TRIES):
        before = by_hand(pid)
        counted = read_counters(source, (pid,))
        if pid in counted and by_hand(pid) == before:
            return before, counted[pid]
    raise SystemExit(f"{pid} runs all the time, or the kernel does not tell of it")


def main(seconds: float, pids: list[int]) -> None:
    """Print what each has done in so many seconds."""
    source = HostSource()
    first = {pid: sample(source, pid) for pid in pids}
    time.sleep(seconds)
    for pid, (files, counted) in first.items():
        later_files, later = sample(source, pid)
        if later_files.keys() != files.keys():
            continue
        grown = [
            sum(later_files[tid][place] - files[tid][place] for tid in files) for place in range(3)
        ]
        then, now = counted[0], later[0]
        told = (
            now.switches - then.switches,
            now.wait_ns - then.wait_ns,
            now.cpu_ns - then.cpu_ns,
        )
        print(pid, len(files), *grown, *told)


if __name__ == "__main__":
    main(float(sys.argv[1]), list(map(int, sys.argv[2:])))
