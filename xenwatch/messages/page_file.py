"""The page of xcp-rrdd as a file in its directory.

xcp-rrdd registers a file as soon as it is named so, forgets it once it is removed, and ignores
*.tmp (xcp-rrdd, xcp_rrdd.ml, Discover): no request is needed. It maps the file at that moment, so
that a file must be whole before it gets its name, and must never become shorter: reading beyond
its end would kill xcp-rrdd. This is why root alone owns it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from xenwatch.messages import rrd_page
from xenwatch.messages.rrd_page import DataSource

DIRECTORY: Final = "/dev/shm/metrics"  # noqa: S108 - xcp-rrdd's own
NAME: Final = "xenwatch"


class PageFile:
    """The page of this process in `directory`, which xcp-rrdd or its package makes."""

    def __init__(self, directory: str = DIRECTORY) -> None:
        self._directory = Path(directory)
        self._path = self._directory / NAME
        self._file = -1
        self._metadata = b""

    def write(self, sources: Sequence[DataSource], time: float) -> None:
        """Update the values; make the file anew where the data sources are others.

        The values, their time and their checksum are written by one write(2): what is read
        meanwhile has the wrong checksum, and xcp-rrdd skips it. Raises `OSError`.
        """
        described = rrd_page.metadata(sources)
        if described == self._metadata and self._in_place():
            os.pwrite(self._file, rrd_page.head(sources, time), 0)
            return
        self.remove()
        self._check_directory()
        # That of a process that was killed: a name given to another file is not noticed.
        self._path.unlink(missing_ok=True)
        self._create(rrd_page.page(sources, time))
        self._metadata = described

    def remove(self) -> None:
        """Remove the file that was made: xcp-rrdd forgets its data sources. Raises `OSError`."""
        if self._in_place():
            self._path.unlink()
        if self._file >= 0:
            os.close(self._file)
        self._file, self._metadata = -1, b""

    def _check_directory(self) -> None:
        """Raise `OSError` where another user has made the directory, as any may in /dev/shm.

        In one of root's own, in such a place, nobody else can put another in its stead.
        """
        found = self._directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            reason = "must be a directory of root; remove it and restart xcp-rrdd"
            raise PermissionError(errno.EPERM, reason, str(self._directory))

    def _in_place(self) -> bool:
        """Whether the file that was made is still the one of that name."""
        if self._file < 0:
            return False
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file), self._path.lstat())
        return False

    def _create(self, page: bytes) -> None:
        new = self._path.with_suffix(".tmp")
        new.unlink(missing_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(new, flags, 0o644)
        # The umask of the unit would keep other readers out.
        os.fchmod(self._file, 0o644)
        if os.write(self._file, page) != len(page):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(new))
        new.rename(self._path)
