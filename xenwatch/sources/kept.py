"""Descriptors of hot files, kept open: one pread instead of open, read, read and close.

For a process's files in /proc the kernel renders the content for each read at offset 0, and a
descriptor stays bound to the process it was opened for, whatever its PID is reused for later.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import threading
import time
from collections.abc import Callable
from typing import Final

FDS_MAX: Final = 8192
"""Most descriptors kept: each costs the kernel a little over a page, all of them some 36 MiB."""
IDLE_SECONDS: Final = 300.0
"""After so long without a read the process has ended, or is counted without files."""
SWEEP_SECONDS: Final = 60.0
"""How often such descriptors are closed."""
_NONE: Final = (-1, 0.0)
_HOT = re.compile(r"/proc/\d+/(?:task/\d+/)?(?:stat|schedstat|status)\Z")
_SIZE: Final = 4096
"""One read of these files is all of them; a longer answer is read the usual way."""


def raise_limit() -> None:
    """Raise this process's soft limit of open files to what the kept descriptors may need.

    Where that fails, fewer descriptors are kept.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * FDS_MAX
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class KeptFiles:
    """Up to `fds_max` open descriptors by path; a new one gets no place of one that is in use.

    Those that nobody reads any more are closed while others are read. All files are read in turn,
    pass by pass: if the least recently read one gave way, one file too many would make every read a
    miss. Thread-safe: a descriptor that is being read belongs to its reader alone.
    """

    def __init__(
        self, fds_max: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fds_max = fds_max
        self._clock = clock
        self._fds: dict[str, tuple[int, float]] = {}
        """Descriptor and when it was last read, the oldest first."""
        self._lock = threading.Lock()
        self._closed = False
        self._sweep_at = self._clock() + SWEEP_SECONDS

    def __len__(self) -> int:
        return len(self._fds)

    def read(self, path: str, place: str) -> bytes | None:
        """The content of the hot file `path`, found at `place`; raises `OSError`.

        `None` when the file is to be read the usual way: it is not hot, or is 4,096 bytes or more.
        """
        with self._lock:
            fd, _ = self._fds.pop(path, _NONE)
        if fd >= 0:
            try:
                data = os.pread(fd, _SIZE, 0)
            except OSError:
                # Its process has ended; another one may have the number by now.
                os.close(fd)
            else:
                self._keep(path, fd)
                return data if len(data) < _SIZE else None
        if not _HOT.match(path):
            return None
        fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            data = os.pread(fd, _SIZE, 0)
        except OSError:
            os.close(fd)
            raise
        self._keep(path, fd)
        return data if len(data) < _SIZE else None

    def close(self) -> None:
        """Close every descriptor and keep no more."""
        with self._lock:
            self._closed = True
            closing = list(self._fds.values())
            self._fds.clear()
        for fd, _ in closing:
            os.close(fd)

    def _keep(self, path: str, fd: int) -> None:
        """Keep a descriptor if there is room for it."""
        now, closing = self._clock(), list[int]()
        with self._lock:
            if self._fds_max is None:
                self._fds_max = _allowance()
            if now >= self._sweep_at:
                self._sweep_at = now + SWEEP_SECONDS
                closing = self._take_idle(now - IDLE_SECONDS)
            if not self._closed and path not in self._fds and len(self._fds) < self._fds_max:
                self._fds[path] = fd, now
            else:
                closing.append(fd)
        for each in closing:
            os.close(each)

    def _take_idle(self, since: float) -> list[int]:
        """Take away the descriptors that were last read before that."""
        idle = [path for path, (_, at) in self._fds.items() if at < since]
        return [self._fds.pop(path)[0] for path in idle]


def _allowance() -> int:
    """How many descriptors to keep: up to half of this process's soft limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FDS_MAX if soft == resource.RLIM_INFINITY else min(FDS_MAX, soft // 2)
