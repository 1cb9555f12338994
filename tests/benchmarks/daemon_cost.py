"""A daemon over a synthetic host of any size, that says on request what it has cost so far.

Run by the benchmarks: `python -m tests.benchmarks.daemon_cost VMS`. It prints its port once every
probe has run; then, for each line on stdin, its CPU seconds, of those the model's own, and its
memory. With `--profile` it prints, at the end, where its threads were.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.loop_lag import machine
from tests.e2e.programs import free_port
from xenwatch import log, threads
from xenwatch.cli.source import choose
from xenwatch.clock import SystemClock
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import LISTEN
from xenwatch.daemon import interpreter
from xenwatch.daemon.daemon import Daemon
from xenwatch.model.source import ModelSource

ASKED: Final = (
    *("read", "kernel_log", "listdir", "readlink", "certificates", "stat", "statvfs", "uname"),
    *("adjtimex", "run", "links", "taskstats", "hypercall", "hypercalls", "xenstore"),
    *("xenstore_control", "round_trip"),
)
"""What a source is asked; of a real host, the kernel and Xen answer it."""
LINES: Final = 40
"""Functions of a profile."""


class Counted(ModelSource):
    """A synthetic host that counts the CPU time its answers take, in `spent`."""

    spent = 0.0
    lock = threading.Lock()


def _counted(name: str) -> Callable[..., Any]:
    answer = getattr(ModelSource, name)

    def call(self: Counted, *arguments: Any, **options: Any) -> Any:
        before = time.thread_time()
        try:
            return answer(self, *arguments, **options)
        finally:
            seconds = time.thread_time() - before
            with self.lock:
                self.spent += seconds

    return call


for _name in ASKED:
    setattr(Counted, _name, _counted(_name))


class Profiles:
    """Where threads are while they work, summed."""

    def __init__(self) -> None:
        self._found: pstats.Stats | None = None
        self._lock = threading.Lock()

    def wrap(self, launch: Callable[..., Any]) -> Callable[..., Any]:
        """The same, with the work profiled."""

        def profiled(work: Callable[[], Any], name: str) -> Any:
            def body() -> Any:
                profile = cProfile.Profile(time.thread_time)
                try:
                    return profile.runcall(work)
                finally:
                    with self._lock:
                        self._found = self._found or pstats.Stats(stream=sys.stderr)
                        self._found.add(profile)

            return launch(body, name)

        return profiled

    def show(self) -> None:
        """Print the functions that took most, on stderr."""
        if self._found is not None:
            self._found.sort_stats("tottime").print_stats(LINES)


def cost(source: Counted) -> dict[str, float]:
    """What this process has cost so far: seconds, and MiB of memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {"cpu": time.process_time(), "model": source.spent, "rss": pages * 4096 / 2**20}


async def serve(source: Counted, port: int) -> None:
    """Run the daemon until stdin ends."""
    settings = Settings({LISTEN.path: (f"127.0.0.1:{port}",)})
    daemon = Daemon(settings, lambda: settings, source)
    loop = asyncio.get_running_loop()
    tasks = [
        asyncio.create_task(daemon.run(choose("synthetic", "/"))),
        asyncio.create_task(interpreter.tune(daemon.ready, SystemClock())),
    ]
    await daemon.ready.wait()
    print(port, flush=True)
    ended = asyncio.Event()

    def answer() -> None:
        if sys.stdin.readline():
            print(json.dumps(cost(source)), flush=True)
        else:
            ended.set()

    loop.add_reader(sys.stdin, answer)
    await ended.wait()
    for task in tasks:
        task.cancel()


def main() -> None:
    """Serve so many VMs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("vms", type=int)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    log.configure("error", "json")
    port = free_port()
    profiles = Profiles()
    if options.profile:
        threads.launch = profiles.wrap(threads.launch)
    asyncio.run(serve(Counted(machine(options.vms)), port))
    profiles.show()


if __name__ == "__main__":
    main()
