"""The one thing xenwatch writes to a host: histograms in tracefs, of a probe that is not usual.

It is no verb of a source, which only reads: the daemon sets it up and removes it, and a probe reads
the file like any other. It lives in a tracing instance of its own, so nobody else's is touched.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Final

from xenwatch.sources.base import SourceError
from xenwatch.sources.histograms import DIRECTORIES, INSTANCE, TRIGGERS

_GONE: Final = (errno.ENOENT, errno.ENOTDIR)


class PollHistograms:
    """Counts of what ends the polls of QEMU, by thread; kept by the kernel below `rootfs`."""

    def __init__(self, rootfs: str = "/") -> None:
        self._root = rootfs.rstrip("/")

    def set_up(self) -> None:
        """Make the instance and its histograms anew, whatever was there. Raises `SourceError`.

        When that fails nothing stays.
        """
        self.remove()
        for directory in DIRECTORIES:
            if os.path.isdir(f"{self._root}{directory}/instances"):
                break
        else:
            raise SourceError(DIRECTORIES[0], "no tracefs is mounted here", errno.ENOENT)
        instance = f"{directory}/{INSTANCE}"
        with _named(instance):
            os.mkdir(self._root + instance, 0o700)
        try:
            for event, text in TRIGGERS:
                trigger = f"{instance}/{event}/trigger"
                with _named(trigger):
                    self._write(trigger, text)
        except SourceError:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the instance, also one a daemon left that was killed. Raises `SourceError`."""
        for directory in DIRECTORIES:
            instance = f"{directory}/{INSTANCE}"
            if not os.path.isdir(self._root + instance):
                continue
            for event, text in reversed(TRIGGERS):
                with contextlib.suppress(OSError):  # what has no trigger has none to take away
                    self._write(f"{instance}/{event}/trigger", f"!{text}")
            with _named(instance):
                self._rmdir(instance)

    def _rmdir(self, instance: str) -> None:
        try:
            os.rmdir(self._root + instance)
        except OSError as error:
            if error.errno not in _GONE:  # both places may show one and the same tracefs
                raise

    def _write(self, path: str, text: str) -> None:
        fd = os.open(self._root + path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


@contextlib.contextmanager
def _named(subject: str) -> Iterator[None]:
    """Say of an error what it is about."""
    try:
        yield
    except OSError as error:
        raise SourceError.from_os(subject, error) from error
