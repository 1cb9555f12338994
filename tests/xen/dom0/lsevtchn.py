#!/usr/bin/python3
"""What Xen's lsevtchn prints of a domain's event channels, for a dom0 whose packages lack it.

Usage: lsevtchn.py DOMID. It asks by libxenctrl, as that does.
"""

from __future__ import annotations

import ctypes
import errno
import sys
from pathlib import Path

CLOSED, UNBOUND, INTERDOMAIN, PIRQ, VIRQ, IPI = range(6)
"""EVTCHNSTAT_* of xen/include/public/event_channel.h."""


class Status(ctypes.Structure):
    """`struct evtchn_status` of the same; what `u` holds depends on the status."""

    _fields_ = (
        ("dom", ctypes.c_uint16),
        ("port", ctypes.c_uint32),
        ("status", ctypes.c_uint32),
        ("vcpu", ctypes.c_uint32),
        ("u", ctypes.c_uint32 * 2),
    )


def words(status: Status) -> str:
    """A channel's kind and its far end, in lsevtchn's words."""
    first, second = status.u
    return {
        UNBOUND: f"Interdomain (Waiting connection) - Remote Domain {first & 0xFFFF}",
        INTERDOMAIN: f"Interdomain (Connected) - Remote Domain {first & 0xFFFF}, Port {second}",
        PIRQ: f"Physical IRQ {first}",
        VIRQ: f"Virtual IRQ {first}",
        IPI: "IPI",
    }[status.status]


def main() -> None:
    """Ask for one port after the other until Xen has no more; some it keeps to itself."""
    xen = ctypes.CDLL(str(min(Path("/usr/lib").glob("*/libxenctrl.so.4.*"))), use_errno=True)
    xen.xc_interface_open.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(xen.xc_interface_open(None, None, 0))
    status, refused = Status(dom=int(sys.argv[1])), 0
    while refused in (0, errno.EACCES):
        failed = xen.xc_evtchn_status(handle, ctypes.byref(status))
        refused = ctypes.get_errno() if failed else 0
        if not failed and status.status != CLOSED:
            print(f"{status.port:4}: VCPU {status.vcpu}: {words(status)}")
        status.port += 1
    if refused != errno.EINVAL:
        sys.exit(f"lsevtchn.py: {errno.errorcode[refused]}")


main()
