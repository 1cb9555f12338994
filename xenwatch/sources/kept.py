"""Descriptors of hot files, kept open: one pread in the place of open, read, read and close.

Of a process's files in /proc the kernel makes the content anew for each read at offset 0, and a
descriptor goes on meaning the process it was opened for, whatever its number is used for later.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import threading
from typing import Final

MOST: Final = 8192
"""Descriptors kept at most: each costs the kernel a page and a bit, all of them some 36 MiB."""
_HOT = re.compile(r"/proc/\d+/(?:task/\d+/)?(?:stat|schedstat|status)\Z")
_SIZE: Final = 4096
"""One read of these files is all of them; a longer answer is read the usual way."""


def raise_limit() -> None:
    """Raise this process's soft limit of open files as far as kept descriptors may need it.

    A limit that cannot be raised is left: fewer descriptors are kept then.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class KeptFiles:
    """At most `most` open descriptors by path, the least recently read given up first.

    Safe to share by threads: a descriptor that is being read belongs to its reader alone.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._fds: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __len__(self) -> int:
        return len(self._fds)

    def read(self, path: str, place: str) -> bytes | None:
        """The content of the hot file `path`, found at `place`; raises `OSError`.

        `None` when the file is to be read the usual way: it is not hot, or is a long one.
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
        """Close every descriptor, and keep none from now on."""
        with self._lock:
            self._closed = True
            given_up = list(self._fds.values())
            self._fds.clear()
        for fd in given_up:
            os.close(fd)

    def _keep(self, path: str, fd: int) -> None:
        """Put a descriptor with the others as the most recent one."""
        with self._lock:
            if self._most is None:
                self._most = _allowance()
            given_up = fd
            if not self._closed and self._most and path not in self._fds:
                self._fds[path] = fd
                if len(self._fds) <= self._most:
                    return
                given_up = self._fds.pop(next(iter(self._fds)))
        os.close(given_up)


def _allowance() -> int:
    """How many descriptors may be kept: half of what this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, soft // 2)
