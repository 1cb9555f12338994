"""What the kernel knows of the quality of its clock: adjtimex(2), which sets nothing here.

A unit that denies the call with systemd's default action would have the kernel kill the daemon. So
under a filter of system calls a child of its own makes the first call.
"""

from __future__ import annotations

import ctypes
import errno
import re
import signal
import sys
from typing import Final

from xenwatch.sources import commands
from xenwatch.sources.base import SourceError

SUBJECT: Final = "adjtimex"
STATUS: Final = "/proc/self/status"
_FILTERED = re.compile(rb"^Seccomp:\t2$", re.MULTILINE)
"""SECCOMP_MODE_FILTER (proc(5))."""
_CHILD: Final = "import ctypes; ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))"
_CHILD_SECONDS: Final = 20.0
"""Time a child has to start in a starved dom0."""


class _Timex(ctypes.Structure):
    """The beginning of struct timex (uapi/linux/timex.h), and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    )


class ClockReader:
    """Reads the kernel's clock; what was denied once is not tried again."""

    def __init__(self, status: str = STATUS) -> None:
        self._status = status
        self._denied: bool | None = None

    def read(self) -> bytes:
        """See `Source.adjtimex`."""
        if self._denied is None:
            self._denied = self._kills()
        if self._denied:
            reason = "a filter of system calls would kill xenwatch for it"
            raise SourceError(SUBJECT, reason, errno.EPERM)
        timex = _Timex()  # with no mode set it is read only
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
            raise SourceError.from_os(SUBJECT, OSError(ctypes.get_errno(), ""))
        return b"%d %d\n" % (timex.maxerror, timex.esterror)

    def _kills(self) -> bool:
        """Whether the call kills a child. Raises `SourceError` where that is not found out."""
        try:
            with open(self._status, "rb") as file:
                filtered = _FILTERED.search(file.read())
        except OSError as error:
            raise SourceError.from_os(self._status, error) from error
        if not filtered:
            return False
        argv = (sys.executable, "-I", "-S", "-c", _CHILD)
        return commands.run(argv, _CHILD_SECONDS).status == -signal.SIGSYS
