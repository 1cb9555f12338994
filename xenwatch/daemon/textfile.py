"""Keeps the metrics in a file of node_exporter's textfile collector, without a web server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from typing import Final

import structlog

from xenwatch import threads
from xenwatch.clock import Clock
from xenwatch.display.why import why
from xenwatch.sources import host_lock

FILE: Final = "xenwatch.prom"
NEW: Final = f"{FILE}.new"
"""What is being written: node_exporter reads only names that end with `.prom`."""
MODE: Final = 0o644
"""node_exporter runs as another user, and the umask of the unit would keep it out."""
DEADLINE: Final = 30.0
"""Seconds after which a write counts as failed; until it returns, no other is started."""
_NOT_OURS: Final = (b"process_", b"# HELP process_", b"# TYPE process_")
"""How lines begin that node_exporter has about itself: it rejects a second series of the name."""

_log = structlog.get_logger()


class Textfile:
    """The file `xenwatch.prom` in `directory`; without a directory it does nothing.

    `page` returns the metrics as Prometheus text, `None` while there are none: then there is no
    file either. `interval` is in seconds. `failures` counts the writes that failed, `changed` is
    to be set when `page` returns something else. Create it in the event loop.
    """

    def __init__(
        self, directory: str, interval: float, clock: Clock, page: Callable[[], bytes | None]
    ) -> None:
        self.path = f"{directory}/{FILE}" if directory else ""
        self.failures: int | None = 0 if directory else None
        self.changed = asyncio.Event()
        self._directory = directory
        self._new = f"{directory}/{NEW}"
        self._held: int | None = None
        self._interval = interval
        self._clock = clock
        self._page = page
        self._lock = threading.Lock()
        self._stopped = False
        self._failed = False

    async def run(self) -> None:
        """Write after changes until cancelled; first, what an earlier run has left is removed."""
        if not self.path:
            return
        await self._attempt(self._begin)
        while True:
            await self.changed.wait()
            self.changed.clear()
            await self._attempt(self._update)
            await self._clock.sleep(self._interval)

    def remove_on_shutdown(self) -> None:
        """Remove the file: its values would look current. Raises `OSError`. It may hang."""
        if self.path:
            with self._lock:
                self._stopped = True
                if self._held is not None:
                    self._remove()
                    os.close(self._held)
                    self._held = None

    async def _attempt(self, work: Callable[[], bool]) -> None:
        """Run `work`, which says if it has written, in a thread until it returns."""
        future = threads.start(work, "textfile")
        timer = asyncio.create_task(self._clock.sleep(DEADLINE))
        try:
            await asyncio.wait((future, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        if not future.done():
            self._count(f"timed out after {DEADLINE:g} s; the write still hangs")
            await asyncio.wait((future,))
        elif error := future.exception():
            self._count(why(error))
            return
        if self._failed and future.exception() is None and future.result():
            self._failed = False
            _log.info("writing the textfile recovered", file=self.path)

    def _count(self, reason: str) -> None:
        """Count a failure, and log the first in a row."""
        self.failures = (self.failures or 0) + 1
        if not self._failed:
            _log.error("writing the textfile failed; will retry", file=self.path, reason=reason)
        self._failed = True

    def _update(self) -> bool:
        page = self._page()
        with self._lock:
            if self._stopped:
                return False
            self._hold()
            if page is None:
                self._remove()
                return False
            self._write(without_process(page))
        return True

    def _write(self, page: bytes) -> None:
        """Replace the file: who reads it at any moment has the old one or the new one."""
        _unlink(self._new)
        descriptor = self._create()
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, MODE)
                file.write(page)
                file.flush()
                os.fsync(descriptor)
            os.replace(self._new, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                _unlink(self._new)
            raise

    def _begin(self) -> bool:
        """Remove what an earlier run has left. Raises `OSError` too if nothing can be written."""
        with self._lock:
            self._hold()
            self._remove()
            os.close(self._create())
            _unlink(self._new)
        return True

    def _hold(self) -> None:
        """Lock the directory: another daemon would replace the file, and remove it at its end."""
        if self._held is not None:
            return
        self._held = host_lock.hold_directory(
            self._directory, "another xenwatch writes there; give this one a directory of its own"
        )

    def _create(self) -> int:
        # Never an existing file: where others may write too, that could be a link to elsewhere.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.open(self._new, flags, MODE)

    def _remove(self) -> None:
        _unlink(self._new)
        _unlink(self.path)


def without_process(page: bytes) -> bytes:
    """The page without `process_*`, of which node_exporter exports its own."""
    lines = page.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(_NOT_OURS))


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
