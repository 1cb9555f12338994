"""The error of an exhausted resource, in the words of the program that reports it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BACKEND: Final = "backend"
FRONTEND: Final = "frontend"

ERRNO: Final = {
    "channels": errno.ENOSPC,
    "irqs": errno.ENOMEM,
    "frames": errno.ENOSPC,
    "own_frames": errno.ENOSPC,
    "minors": errno.ENOMEM,
    "aio": errno.EAGAIN,
    "xenstored": errno.EMFILE,
    "xenconsoled": errno.EMFILE,
    "xenopsd": errno.EMFILE,
    "ptys": errno.ENOSPC,
    "memory": errno.ENOMEM,
    "low_memory": errno.ENOMEM,
    "tasks": errno.EAGAIN,
    "bridge_ports": errno.EXFULL,
    "loops": errno.ENOSPC,
    "host_memory": errno.ENOMEM,
    "xenstore_nodes": errno.ENOSPC,
    "xenstore_watches": errno.E2BIG,
}
"""The error number of each bound (`xenwatch.model.bounds`), and of a guest's quotas of xenstore."""

TEXTS: Final = {
    "channels": "EVTCHNOP_alloc_unbound: No space left on device",
    "irqs": "no interrupt descriptor: Cannot allocate memory",
    "minors": "BLKTAP_IOCTL_ALLOC_TAP: Cannot allocate memory",
    "aio": "Couldn't setup AIO context: need to increase the system-wide aio request limit",
    "xenstored": 'Unix.Unix_error(Unix.EMFILE, "accept", "")',
    "xenopsd": 'Unix.Unix_error(Unix.EMFILE, "socket", "")',
    "frames": "xen/grant-table: max_grant_frames reached",
    "ptys": "/dev/ptmx: No space left on device",
    "memory": "page allocation failure: Cannot allocate memory",
    "low_memory": "page allocation failure: Cannot allocate memory",
    "tasks": "fork: Resource temporarily unavailable",
    "loops": "losetup: cannot find an unused loop device",
    "xenstore_nodes": "writing feature-rx-copy: No space left on device",
    "xenstore_watches": "xen store gave: unknown error E2BIG",
}
"""The text of each bound; for the others the device has its own."""

IOEMU_FAILED: Final = 'xenopsd internal error: Device.Ioemu_failed("qemu-dm exited unexpectedly")'
"""The text of xapi where a VM's QEMU, or what belongs to it, does not start."""


class Refused(Exception):
    """The resource `bound` is exhausted; `errno` and the text are the host's error.

    `side` is the end of a device that reports it: the backend in dom0 or the guest's frontend.
    """

    def __init__(self, bound: str, text: str = "", side: str = BACKEND) -> None:
        self.bound = bound
        self.errno: int = ERRNO[bound]
        self.side = side
        self.text = text or TEXTS.get(bound) or f"{self.errno} {bound}"
        super().__init__(self.text)

    def reworded(self, text: str) -> Refused:
        """The same error in another program's words; `{errno}` in the text is its number."""
        return Refused(self.bound, text.format(errno=self.errno), self.side)


@contextmanager
def worded(text: str) -> Iterator[None]:
    """Reword a `Refused` raised inside; `{errno}` is replaced by its number."""
    try:
        yield
    except Refused as refusal:
        raise refusal.reworded(text) from None
