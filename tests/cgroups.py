"""Cgroups of a controller, version 1 or 2, that tests make for processes of theirs."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/sys/fs/cgroup")
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Controller:
    """Where the kernel has a controller, and in which version."""

    name: str
    version: int
    mount: Path

    @contextlib.contextmanager
    def group(self) -> Iterator[Path]:
        """A group below the root, removed in the end; what runs in it goes back to the root.

        Raises `OSError` where none can be made.
        """
        if self.version == 2:
            (self.mount / "cgroup.subtree_control").write_text(f"+{self.name}")
        path = self.mount / f"xenwatch-test-{os.getpid()}-{next(_numbers)}"
        path.mkdir()
        try:
            yield path
        finally:
            self._remove(path)

    def join(self, group: Path, pid: int) -> None:
        """Put a process, with all its threads, into a group."""
        (group / "cgroup.procs").write_text(str(pid))

    def _remove(self, path: Path) -> None:
        # A process that has just ended is in its group for a moment more.
        for pause in (0.0, 0.01, 0.1, 1.0, 5.0):
            time.sleep(pause)
            for pid in (path / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    self.join(self.mount, int(pid))
            try:
                path.rmdir()
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
            else:
                return


def controller(name: str) -> Controller:
    """The controller of this name. Raises `LookupError` where no hierarchy has it."""
    for directory in (name, f"{name},{name}acct"):
        if (MOUNTS / directory / "cgroup.procs").exists():
            return Controller(name, 1, MOUNTS / directory)
    for mount in (MOUNTS, MOUNTS / "unified"):
        file = mount / "cgroup.controllers"
        if file.exists() and name in file.read_text().split():
            return Controller(name, 2, mount)
    raise LookupError(f"no hierarchy below {MOUNTS} has the controller {name}: mount cgroups")
