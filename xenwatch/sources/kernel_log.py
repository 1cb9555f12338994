"""The kernel log by /dev/kmsg, read from where it was left (Documentation/ABI/testing/dev-kmsg)."""

from __future__ import annotations

import os
import threading
from typing import Final

from xenwatch.sources.base import SourceError

PATH: Final = "/dev/kmsg"
RECORD_MAX: Final = 1 << 16
"""Enough for any record; the kernel refuses a read that is too short for one with EINVAL."""


class KernelLogReader:
    """An open /dev/kmsg and the number of the last record that was read. Thread-safe.

    The device cannot be told to begin at a record: a descriptor begins at the oldest, and goes on
    from record to record. It is opened again when another place is asked for than where it stands.
    """

    def __init__(self, rootfs: str = "") -> None:
        self._path = rootfs + PATH
        self._lock = threading.Lock()
        self._fd = -1
        self._last = -1

    def read(self, after: int, limit: int) -> bytes:
        """The records after number `after`, oldest first, until they are `limit` bytes or more.

        Never waits for one. Raises `SourceError`.
        """
        with self._lock:
            try:
                if self._fd < 0 or after != self._last:
                    self._open()
                return self._records(after, limit)
            except OSError as error:
                self._close()
                raise SourceError.from_os(PATH, error) from error
            except (ValueError, IndexError) as error:
                self._close()
                raise SourceError(PATH, "a record without a number") from error

    def close(self) -> None:
        """Close the device; it is opened again by the next read."""
        with self._lock:
            self._close()

    def _open(self) -> None:
        self._close()
        self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = self._last = -1

    def _records(self, after: int, limit: int) -> bytes:
        records: list[bytes] = []
        size = 0
        while size < limit:
            try:
                record = os.read(self._fd, RECORD_MAX)
            except BlockingIOError:
                break
            except BrokenPipeError:  # the next record was overwritten: go on with the oldest
                continue
            if not record:
                break
            self._last = int(record.split(b",", 2)[1])
            if self._last > after:
                records.append(record)
                size += len(record)
        self._last = max(self._last, after)
        return b"".join(records)
