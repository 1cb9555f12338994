"""A tree of files in memory: contents rendered when read, symbolic links followed."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Callable
from typing import Final

from xenwatch.sources.base import SourceError

Content = bytes | Callable[[], bytes] | int
"""A file's bytes, a function that renders them, or the errno of reading it."""
_LINKS_MAX: Final = 40


class FileTree:
    """Files, directories and links by absolute path. Directories come with what is in them."""

    def __init__(self) -> None:
        self._files: dict[str, Content] = {}
        self._links: dict[str, str] = {}
        self._directories: dict[str, dict[str, None]] = {"/": {}}

    def file(self, path: str, content: Content) -> None:
        """Add a file."""
        self._enter(path)
        self._files[path] = content

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link; what is below it is found where it points."""
        self._enter(path)
        self._links[path] = target

    def directory(self, path: str) -> None:
        """Add a directory, with those above it."""
        if path not in self._directories:
            self._enter(path)
            self._directories[path] = {}

    def read(self, path: str) -> bytes:
        """A file's content. Raises `SourceError`."""
        place = self._resolve(path)
        content = self._files.get(place)
        if content is None:
            raise _error(path, errno.EISDIR if place in self._directories else errno.ENOENT)
        if isinstance(content, int):
            raise _error(path, content)
        return content if isinstance(content, bytes) else content()

    def listdir(self, path: str) -> tuple[str, ...]:
        """Sorted names in a directory. Raises `SourceError`."""
        place = self._resolve(path)
        if place not in self._directories:
            raise _error(path, errno.ENOTDIR if place in self._files else errno.ENOENT)
        return tuple(sorted(self._directories[place]))

    def readlink(self, path: str) -> str:
        """Target of a symbolic link. Raises `SourceError`."""
        parent, _, name = path.rpartition("/")
        place = f"{self._resolve(parent or '/').rstrip('/')}/{name}"
        if place not in self._links:
            exists = place in self._files or place in self._directories
            raise _error(path, errno.EINVAL if exists else errno.ENOENT)
        return self._links[place]

    def _enter(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        self.directory(parent or "/")
        self._directories[parent or "/"][name] = None

    def _resolve(self, path: str) -> str:
        if path in self._files or path in self._directories:
            return path
        waiting = path.strip("/").split("/")[::-1]
        place = ""
        followed = 0
        while waiting:
            place = posixpath.normpath(f"{place}/{waiting.pop()}")
            target = self._links.get(place)
            if target is not None:
                followed += 1
                if followed > _LINKS_MAX:
                    raise _error(path, errno.ELOOP)
                whole = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
                waiting += whole.strip("/").split("/")[::-1]
                place = ""
        return place or "/"


def _error(path: str, number: int) -> SourceError:
    return SourceError.from_os(path, OSError(number, ""))
