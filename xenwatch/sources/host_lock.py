"""One daemon for each host: the second says who holds it.

The lock is on the privcmd device, which only root can open and which all processes share that have
the same /dev: nobody else can hold it, and nothing is left behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from pathlib import Path

from xenwatch.sources.base import SourceError
from xenwatch.sources.privcmd import PRIVCMD_PATHS


def hold(rootfs: str = "/") -> int | None:
    """Hold the host until the descriptor that is returned is closed.

    `None` if privcmd cannot be opened or locked.

    Raises `SourceError` if another process holds it.
    """
    for path in PRIVCMD_PATHS:
        try:
            descriptor = os.open(f"{rootfs.rstrip('/')}{path}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            held = _is_held(descriptor)
        except OSError:
            os.close(descriptor)
            return None
        if held:
            holder = _holder(os.fstat(descriptor))
            os.close(descriptor)
            raise SourceError(
                "host",
                f"already read by {holder}; to query it: xenwatch top; to replace it, stop it "
                "first (the service: systemctl stop xenwatch)",
            )
        return descriptor
    return None


def hold_directory(directory: str | Path, taken: str) -> int:
    """Hold a directory until the descriptor that is returned is closed, if it can be locked.

    Raises `OSError`, with the reason `taken` if another process holds it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    held = False
    with contextlib.suppress(OSError):  # a file system without locks
        held = _is_held(descriptor)
    if held:
        os.close(descriptor)
        raise OSError(taken)
    return descriptor


def _is_held(descriptor: int) -> bool:
    """Lock a file until its descriptor is closed; whether another process has done so before.

    Raises `OSError` if it cannot be locked.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _holder(held: os.stat_result) -> str:
    """Who holds a lock of flock(2) on that file, by /proc/locks."""
    place = f"{os.major(held.st_dev):02x}:{os.minor(held.st_dev):02x}:{held.st_ino}"
    try:
        locks = Path("/proc/locks").read_text(encoding="ascii", errors="replace")
        found = re.search(rf"FLOCK +ADVISORY +WRITE +([0-9]+) +{place} ", locks)
        if found is None:
            return "another xenwatch"
        words = Path(f"/proc/{found[1]}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "another xenwatch"
    command = b" ".join(words[1:4]).decode("utf-8", "replace")
    return f"process {found[1]} ({command})"
