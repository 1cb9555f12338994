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
from typing import Final

FDS_MAX: Final = 8192
"""Most descriptors kept: each costs the kernel a little over a page, all of them some 36 MiB."""
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
    """Up to `fds_max` open descriptors by path; the least recently read is closed first.

    Thread-safe: a descriptor that is being read belongs to its reader alone.
    """

    def __init__(self, fds_max: int | None = None) -> None:
        self._fds_max = fds_max
        self._fds: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __len__(self) -> int:
        return len(self._fds)

    def read(self, path: str, place: str) -> bytes | None:
        """The content of the hot file `path`, found at `place`; raises `OSError`.

        `None` when the file is to be read the usual way: it is not hot, or is 4,096 bytes or more.
        """
        with self._lock:
            fd = self._fds.pop(path, None)
        if fd is not None:
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
        for fd in closing:
            os.close(fd)

    def _keep(self, path: str, fd: int) -> None:
        """Keep a descriptor as the most recently read one."""
        with self._lock:
            if self._fds_max is None:
                self._fds_max = _allowance()
            closing = fd
            if not self._closed and self._fds_max and path not in self._fds:
                self._fds[path] = fd
                if len(self._fds) <= self._fds_max:
                    return
                closing = self._fds.pop(next(iter(self._fds)))
        os.close(closing)


def _allowance() -> int:
    """How many descriptors to keep: up to half of this process's soft limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FDS_MAX if soft == resource.RLIM_INFINITY else min(FDS_MAX, soft // 2)
