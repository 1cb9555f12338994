"""`xenwatch run` over a synthetic host of any size, which says on request what it has cost so far.

Run by the benchmarks: `python -m tests.benchmarks.daemon_cost VMS STATE PORT`. For each line on
stdin it prints its CPU seconds, and those of them that a daemon over a real host would not have.
With `--profile` it prints, at the end, where its threads and the event loop were.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from tests.benchmarks.hosts import Counted, machine
from xenwatch import threads
from xenwatch.cli import configured
from xenwatch.cli.main import main as xenwatch

LINES: Final = 40
"""Functions of a profile."""
OURS: Final = r"^(?!.*/(?:model|benchmarks)/)"
"""Not those of the synthetic host; what it calls of Python itself cannot be told apart."""


class Profiles:
    """What threads do while they work, summed."""

    def __init__(self) -> None:
        self._found: pstats.Stats | None = None
        self._lock = threading.Lock()

    def wrap(self, promised: Callable[..., Any]) -> Callable[..., Any]:
        """Work that threads are given, profiled."""

        def profiled(work: Callable[[], Any]) -> Any:
            return promised(lambda: self.run(work))

        return profiled

    def run(self, work: Callable[[], Any]) -> Any:
        """The result of work, profiled."""
        profile = cProfile.Profile(time.thread_time)
        try:
            return profile.runcall(work)
        finally:
            self._add(profile)

    def _add(self, profile: cProfile.Profile) -> None:
        with self._lock:
            if self._found is None:
                self._found = pstats.Stats(profile, stream=sys.stderr)
            else:
                self._found.add(profile)

    def show(self, what: str) -> None:
        """Print the functions that took most, on stderr."""
        if self._found is not None:
            print(f"{what}:", file=sys.stderr)
            self._found.sort_stats("tottime").print_stats(OURS, LINES)


def answer(source: Counted) -> None:
    """Answer each line of stdin; its end ends the daemon, as a signal does."""
    for _ in sys.stdin:
        cost = {"cpu": time.process_time(), "model": source.cost}
        print(json.dumps(cost), flush=True)


def main() -> None:
    """Serve so many VMs until a signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("vms", type=int)
    parser.add_argument("state")
    parser.add_argument("port", type=int)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    source = Counted(machine(options.vms, options.state), options.state)
    vars(configured)["open_source"] = lambda _spec, _rootfs: source
    threading.Thread(target=answer, args=[source], daemon=True).start()
    arguments = ["run", "--source", "synthetic", "--log.level", "error"]
    arguments += ["--web.listen-address", f"127.0.0.1:{options.port}"]
    if not options.profile:
        raise SystemExit(xenwatch(arguments))
    works, loop = Profiles(), Profiles()
    vars(threads)["_promised"] = works.wrap(threads._promised)
    loop.run(lambda: xenwatch(arguments))
    works.show("threads")
    loop.show("event loop")


if __name__ == "__main__":
    main()
