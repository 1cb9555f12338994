"""Files that hold what is to survive: read within bounds, replaced as a whole."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
"""Mode of what names VMs: for the daemon's user alone."""
PUBLIC: Final = 0o644
"""Mode of what users other than the writer read."""


def read(path: str, most: int) -> bytes:
    """The content; nothing of /dev/null, and of other devices and pipes, which may never end.

    Raises `OSError`, and `ValueError` where it is not a regular file or larger than `most` bytes.
    """
    if path == os.devnull:
        return b""
    # Asked before it is opened, which alone has an effect on some devices.
    if stat.S_ISDIR(mode := Path(path).stat().st_mode):
        raise ValueError("is a directory, must be a file")
    if not stat.S_ISREG(mode):
        raise ValueError("is not a regular file")
    with open(path, "rb", opener=_open_nonblocking) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"must not be larger than {most} bytes")
    return data


def read_own(path: str, most: int) -> bytes:
    """The same of what `replace` writes, which is no link: it would be read and never replaced."""
    if os.path.islink(path):
        raise ValueError("is a link, must be a file; replace it by the file")
    return read(path, most)


def _open_nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def replace(path: str, text: str, mode: int = PRIVATE) -> None:
    """Replace the file: a crash leaves the old one or the new one. The umask does not count.

    Raises `OSError`, also where anything but a file is at the path: root would replace a device.
    """
    _refuse_others(path)
    new = Path(f"{path}.new")
    # Never an existing file: root writes where the daemon's user can make links to elsewhere.
    new.unlink(missing_ok=True)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(new, flags, PRIVATE), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def set_aside(path: str) -> str:
    """Keep a file that cannot be used as `PATH.bad`, for its owner alone, and return that path.

    An earlier one is replaced. Raises `OSError`, also where anything but a file is at the path.
    """
    _refuse_others(path)
    bad = f"{path}.bad"
    with contextlib.suppress(PermissionError):  # another user's file
        os.chmod(path, PRIVATE)
    try:
        os.replace(path, bad)
    except IsADirectoryError:
        raise OSError(f"{bad} is a directory; move it away") from None
    return bad


def remove(path: str) -> None:
    """Remove the file, if there is one. Raises `OSError`, also where anything else is there."""
    _refuse_others(path)
    Path(path).unlink(missing_ok=True)


def _refuse_others(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise OSError("is not a regular file")
