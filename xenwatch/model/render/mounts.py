"""`/proc/mounts` (fs/proc_namespace.c, show_vfsmnt)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xenwatch.parse.mounts import Mount

_PATH = re.compile(rb"[ \t\n\\]")
_NAME = re.compile(rb"[ \t\n\\#]")
"""Names of devices and types are escaped so that no line looks like a comment."""


def render_mounts(mounts: Iterable[Mount]) -> bytes:
    """The file with these mounts."""
    return b"".join(map(_line, mounts))


def escaped_path(path: bytes) -> bytes:
    """A path without the characters that separate fields."""
    return _escape(_PATH, path)


def _line(mount: Mount) -> bytes:
    fields = (
        _escape(_NAME, mount.device),
        escaped_path(mount.mount_point),
        _escape(_NAME, mount.fstype),
        _escape(_PATH, mount.options),
    )
    return b" ".join(fields) + b" 0 0\n"


def _escape(special: re.Pattern[bytes], text: bytes) -> bytes:
    return special.sub(lambda match: b"\\%03o" % match[0][0], text)
