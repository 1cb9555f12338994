"""A directory to write in, which nobody else can lead elsewhere.

Root writes captures where a user says. Whoever may write to a directory on the way there could put
a link, a pipe or another directory in the place of what is written, also while it is written. So
such a way is refused, every name is opened relative to a descriptor of the directory it was found
in, and no file is opened that was there before.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat
from pathlib import Path
from typing import IO, Final

from xenwatch.display.why import why
from xenwatch.sources.base import SourceError

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LINK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PARTIAL: Final = b".partial"
_LINKS_MAX: Final = 40
"""Links on the way to a directory, as many as the kernel follows (MAXSYMLINKS)."""
_INSTEAD: Final = "use a new directory in one of your own"


class OutputDirectory:
    """A new or empty directory of the caller's at `path`, held open.

    Directories that are missing are made. Directories get mode 0700 and files 0600, whatever the
    umask is. Raises `SourceError` for a place that must not be used, with what to do, and
    `OSError`.
    """

    def __init__(self, path: str | Path) -> None:
        self._fd = _opened(os.path.join(os.getcwdb(), os.fsencode(path)))
        try:
            owner = os.fstat(self._fd).st_uid
            if owner != os.geteuid():
                reason = f"belongs to {_user(owner)}; {_INSTEAD}"
                raise SourceError(str(path), reason)
            self._claim(str(path))
        except BaseException:
            self.close()
            raise

    def _claim(self, path: str) -> None:
        """Let nobody else put anything in it. A directory that is refused stays as it was."""
        before = stat.S_IMODE(os.fstat(self._fd).st_mode)
        self._require_empty(path)
        os.fchmod(self._fd, 0o700)
        try:
            self._require_empty(path)  # until just now somebody could
        except SourceError:
            os.fchmod(self._fd, before)
            raise

    def _require_empty(self, path: str) -> None:
        if os.listdir(self._fd):
            raise SourceError(path, "directory is not empty; use a new one")

    def new_file(self, name: bytes) -> IO[bytes]:
        """A file to write to, which must not be there yet. Raises `OSError`."""
        descriptor = os.open(name, _NEW, 0o600, dir_fd=self._fd)
        os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "wb")

    def write(self, name: bytes, content: bytes) -> None:
        """Write a file at a relative path as a whole: interrupted, it is complete or missing.

        Raises `OSError`.
        """
        *directories, last = name.split(b"/")
        below = os.dup(self._fd)
        try:
            for each in directories:
                below = _moved(below, _made(each, below))
            with self.new_file(_PARTIAL) as file:
                file.write(content)
            os.replace(_PARTIAL, last, src_dir_fd=self._fd, dst_dir_fd=below)
        finally:
            os.close(below)

    def close(self) -> None:
        """Close the directory's descriptor; it may be closed already."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def _opened(whole: bytes) -> int:
    """A descriptor of the directory at an absolute path, which is made if it is missing.

    Links are followed one by one, and only those that nobody else can have put there.
    """
    names, links, way = _names(whole), 0, b"/"
    fd = os.open(way, _DIRECTORY)
    try:
        while names:
            require_safe(way, os.fstat(fd))
            name = names.pop(0)
            target = _target(name, fd, way)
            if target is None:
                way = os.path.normpath(os.path.join(way, name))
                try:
                    fd = _moved(fd, _made(name, fd))
                except NotADirectoryError:
                    reason = f"is not a directory; {_INSTEAD}"
                    raise SourceError(os.fsdecode(way), reason) from None
                except OSError as error:
                    reason = f"{why(error)}; {_INSTEAD}"
                    raise SourceError(os.fsdecode(way), reason) from None
                continue
            links += 1
            if links > _LINKS_MAX:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            names = _names(target) + names
            if target.startswith(b"/"):
                fd, way = _moved(fd, os.open(b"/", _DIRECTORY)), b"/"
    except BaseException:
        os.close(fd)
        raise
    return fd


def _moved(before: int, after: int) -> int:
    """The second descriptor, in place of the first."""
    os.close(before)
    return after


def _names(path: bytes) -> list[bytes]:
    return [name for name in path.split(b"/") if name not in (b"", b".")]


def _made(name: bytes, above: int) -> int:
    """A descriptor of the directory of that name, which is made if it is missing."""
    try:
        return os.open(name, _DIRECTORY, dir_fd=above)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=above)
    fd = os.open(name, _DIRECTORY, dir_fd=above)
    if os.fstat(fd).st_uid == os.geteuid():
        os.fchmod(fd, 0o700)
    return fd


def _target(name: bytes, above: int, way: bytes) -> bytes | None:
    """What a link of that name points to; `None` where it is no link."""
    try:
        fd = os.open(name, _LINK, dir_fd=above)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISLNK(found.st_mode):
            return None
        if found.st_uid not in (0, os.geteuid()):
            link = os.fsdecode(os.path.join(way, name))
            raise SourceError(link, f"is a link of {_user(found.st_uid)}; {_INSTEAD}")
        return os.readlink(b"", dir_fd=fd)
    finally:
        os.close(fd)


def require_safe(way: bytes, found: os.stat_result, instead: str = _INSTEAD) -> None:
    """Raise `SourceError` for a directory whose contents somebody else can replace.

    `instead` is what to do about it.
    """
    place = os.fsdecode(way)
    if found.st_uid not in (0, os.geteuid()):
        reason = f"belongs to {_user(found.st_uid)}, who could replace what is in it; {instead}"
        raise SourceError(place, reason)
    by_group = found.st_mode & stat.S_IWGRP and not _is_own_group(found.st_gid)
    if (by_group or found.st_mode & stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
        reason = f"others may write to it; run: chmod go-w {place}, or {instead}"
        raise SourceError(place, reason)


def _is_own_group(gid: int) -> bool:
    """Whether a group is the caller's alone: of the same name, and without another member."""
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and not group.gr_mem


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"
