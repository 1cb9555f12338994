"""The one thing xenwatch writes to a host: histograms in tracefs, for a probe off by default.

No verb of a source does that, sources only read: the daemon sets the histograms up and removes
them, and a probe reads them as files. They have a tracing instance of their own, so that other
users of tracing are not affected.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Final

from xenwatch.sources.base import SourceError
from xenwatch.sources.histograms import DIRECTORIES, INSTANCE, TRIGGERS

_MISSING: Final = (errno.ENOENT, errno.ENOTDIR)


class PollHistograms:
    """The kernel's counts, per thread, of what ends the polls of QEMUs; tracefs below `rootfs`."""

    def __init__(self, rootfs: str = "/") -> None:
        self._root = rootfs.rstrip("/")

    def set_up(self) -> None:
        """Create the instance and its histograms, replacing older ones. Raises `SourceError`.

        On failure nothing is left behind.
        """
        self.remove()
        for directory in DIRECTORIES:
            if os.path.isdir(f"{self._root}{directory}/instances"):
                break
        else:
            raise SourceError(DIRECTORIES[0], "tracefs is not mounted", errno.ENOENT)
        instance = f"{directory}/{INSTANCE}"
        with _errors_about(instance):
            os.mkdir(self._root + instance, 0o700)
        try:
            for event, text in TRIGGERS:
                trigger = f"{instance}/{event}/trigger"
                with _errors_about(trigger):
                    self._write(trigger, text)
        except SourceError:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the instance, also one left by a killed daemon. Raises `SourceError`."""
        for directory in DIRECTORIES:
            instance = f"{directory}/{INSTANCE}"
            if not os.path.isdir(self._root + instance):
                continue
            for event, text in reversed(TRIGGERS):
                with contextlib.suppress(OSError):  # not set
                    self._write(f"{instance}/{event}/trigger", f"!{text}")
            with _errors_about(instance):
                self._rmdir(instance)

    def _rmdir(self, instance: str) -> None:
        try:
            os.rmdir(self._root + instance)
        except OSError as error:
            if error.errno not in _MISSING:  # both directories may be the same tracefs
                raise

    def _write(self, path: str, text: str) -> None:
        fd = os.open(self._root + path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


@contextlib.contextmanager
def _errors_about(subject: str) -> Iterator[None]:
    """Turn an `OSError` into a `SourceError` about `subject`."""
    try:
        yield
    except OSError as error:
        raise SourceError.from_os(subject, error) from error
