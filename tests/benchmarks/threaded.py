"""Processes of several threads that call themselves QEMUs, each woken by a line on stdin.

`python -m tests.benchmarks.threaded NUMBER THREADS` prints their process ids; for each line it has
every thread run, and answers with a line once all sleep again. They end with stdin.
"""

from __future__ import annotations

import _thread
import array
import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.shown import ROOT
from xenwatch.sources.kept import raise_limit

_ARGUMENTS: Final = slice(45, 47)
"""Where the command line begins and ends: fields 48 and 49 of /proc/PID/stat, of which two stand in
front of those behind the name (proc(5))."""
_PDEATHSIG: Final = 1
"""Ends a process with its parent (prctl(2))."""
_STACK: Final = 1 << 16
"""Bytes of a thread's stack."""


@dataclass(frozen=True, slots=True)
class Threaded:
    """The processes, while the program runs."""

    pids: list[int]
    process: subprocess.Popen[str]

    def awake(self) -> None:
        """Have every thread run, and wait until all sleep again."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.process.stdout.readline()


@contextlib.contextmanager
def threaded(number: int, threads: int) -> Iterator[Threaded]:
    """So many processes of so many threads."""
    argv = [sys.executable, "-m", "tests.benchmarks.threaded", str(number), str(threads)]
    with subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Threaded([int(pid) for pid in process.stdout.readline().split()], process)
        finally:
            process.communicate()


def main(number: str, threads: str) -> None:
    """Make them, and wake them."""
    raise_limit()
    pids, pipes = [], []
    _thread.stack_size(_STACK)
    for domid in range(1, int(number) + 1):
        made = [os.pipe() for _ in range(int(threads))]
        pid = os.fork()
        if not pid:
            _sleep(domid, [there for there, _ in made])
        for there, here in made:
            os.close(there)
            pipes.append(here)
        pids.append(pid)
    print(*pids, flush=True)
    left = array.array("i", [0])
    for _ in sys.stdin:
        for pipe in pipes:
            os.write(pipe, b"x")
        for pipe in pipes:
            left[0] = 1
            while left[0]:
                fcntl.ioctl(pipe, termios.FIONREAD, left)
        print(flush=True)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _sleep(domid: int, pipes: list[int]) -> None:
    """Call this process the QEMU of a domain; each of its threads reads from a pipe for ever."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    first, last = map(int, fields[_ARGUMENTS])
    text = b"qemu-dm-%d" % domid
    ctypes.memmove(first, text.ljust(last - first, b"\0"), last - first)

    def read(pipe: int) -> None:
        while True:
            os.read(pipe, 1)

    for pipe in pipes[1:]:
        _thread.start_new_thread(read, (pipe,))
    read(pipes[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
