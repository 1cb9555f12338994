"""`/proc/PID/mountstats`, see `xenwatch.parse.mountstats`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from xenwatch.model.render.mounts import escaped_path
from xenwatch.parse.mounts import Mount
from xenwatch.parse.mountstats import OPERATIONS, NfsMount

_OPERATIONS: Final = (
    *("NULL", "GETATTR", "SETATTR", "LOOKUP", "ACCESS", "READLINK", "READ", "WRITE", "CREATE"),
    *("MKDIR", "SYMLINK", "MKNOD", "REMOVE", "RMDIR", "RENAME", "LINK", "READDIR", "READDIRPLUS"),
    *("FSSTAT", "FSINFO", "PATHCONF", "COMMIT"),
)
"""Of NFS version 3 (fs/nfs/nfs3xdr.c)."""
_BEFORE: Final = (
    b" statvers=1.1\n"
    b"\topts:\trw,vers=3,rsize=131072,wsize=131072,namlen=255,soft,proto=tcp,timeo=200,retrans=4\n"
    b"\tage:\t86400\n"
    b"\tcaps:\tcaps=0x3fc7,wtmult=512,dtsize=32768,bsize=0,namlen=255\n"
    b"\tsec:\tflavor=1,pseudoflavor=1\n"
    b"\tevents:\t" + b"0 " * 27 + b"\n"
    b"\tbytes:\t" + b"0 " * 8 + b"\n"
    b"\tRPC iostats version: 1.0  p/v: 100003/3 (nfs)\n"
    b"\txprt:\ttcp 876 1 1 0 0 28 28 0 28 0 2 0 0\n"
)
"""What stands before the operations, with options of xapi's mounts (sm, libs/sm/nfs.py)."""


def render_mountstats(mounts: Iterable[Mount], counted: Mapping[bytes, NfsMount]) -> bytes:
    """The file with these mounts; of those `counted`, by mount point, all requests are reads."""
    return b"".join(_mount(mount, counted.get(mount.mount_point)) for mount in mounts)


def _mount(mount: Mount, counted: NfsMount | None) -> bytes:
    line = b"device %s mounted on %s with fstype %s" % (
        escaped_path(mount.device),
        escaped_path(mount.mount_point),
        mount.fstype,
    )
    if counted is None:
        return line + b"\n"
    numbers = {"READ": (counted.requests, counted.transmissions, counted.timeouts)}
    rows = (_row(name, numbers.get(name, (0, 0, 0))) for name in _OPERATIONS)
    return line + _BEFORE + OPERATIONS + b"\n" + b"".join(rows) + b"\n"


def _row(name: str, numbers: tuple[int, int, int]) -> bytes:
    return b"\t%12s: %d %d %d 0 0 0 0 0\n" % (name.encode(), *numbers)
