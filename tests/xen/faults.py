"""What can go wrong in a dom0, done to a real one while the daemon watches."""

from __future__ import annotations

import contextlib
import selectors
import subprocess
import time
from collections.abc import Iterable, Iterator
from typing import Final, Self

from tests.xen.daemon import READING, SCRIPTS, Daemon, Page
from tests.xen.vm import Vm

XENSTORED_PROBES: Final = {"xenstore", "xenstore_devices"}
"""The probes that ask xenstored and can do nothing without it."""


def pid_of(vm: Vm, daemon: str) -> int:
    """Process id of xenstored or xenconsoled, from Debian's PID file."""
    name = {"xenstored": "xenstore"}.get(daemon, daemon)
    return int(vm.run(f"cat /run/{name}.pid"))


@contextlib.contextmanager
def stopped(vm: Vm, process: int) -> Iterator[None]:
    """A process of dom0 that does not run for a while."""
    vm.run(f"kill -STOP {process}")
    try:
        yield
    finally:
        vm.run(f"kill -CONT {process}")


def watch(daemon: Daemon, seconds: float, anew: Iterable[str]) -> list[Page]:
    """Scrapes for that long, and until these probes have read anew.

    Raises `OSError` when one is not answered, and `VmError` when a probe does not read any more.
    """
    pages: list[Page] = []
    until = time.monotonic() + seconds

    def enough() -> bool:
        pages.append(daemon.page())
        return time.monotonic() > until and all(readings(pages, probe) > 1 for probe in anew)

    daemon.vm.wait(enough, "readings", seconds + 120)
    return pages


def readings(pages: list[Page], probe: str) -> int:
    """How many readings of a probe are on these pages."""
    return len({page.get(READING, probe=probe) for page in pages} - {None})


@contextlib.contextmanager
def descriptors_limited(vm: Vm, process: int, most: int) -> Iterator[None]:
    """A process of dom0 that may open no more than `most` files, for a while."""
    before = vm.run(f"prlimit --pid {process} --nofile -o SOFT --noheadings").strip()
    vm.run(f"prlimit --pid {process} --nofile={most}:")
    try:
        yield
    finally:
        vm.run(f"prlimit --pid {process} --nofile={before}:")


class Hog:
    """A process of dom0 that holds what others want; a context manager."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.process = subprocess.Popen(
            [*vm.ssh(), f"{SCRIPTS}/hog.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.stdout.close()

    def tell(self, order: str, deadline: float = 180.0) -> str:
        """Give an order (see `dom0/hog.py`) and return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{order}\n".encode())
        self.process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(deadline):
                raise self.vm.error(f"the hog has not answered '{order}' within {deadline:.0f} s")
        return self.process.stdout.readline().decode().strip()
