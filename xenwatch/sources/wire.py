"""Headers and types of netlink's and xenstore's messages.

Netlink: linux/netlink.h, genetlink.h, rtnetlink.h, if_link.h, cn_proc.h and taskstats.h.
Xenstore: xs_wire.h of Xen.
"""

from __future__ import annotations

import struct
from typing import Final

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17

NETLINK_HEADER: Final = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
GENERIC_HEADER: Final = struct.Struct("=BBxx")
"""struct genlmsghdr: command, version (linux/genetlink.h)."""
IFINFO: Final = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, device type, index, flags, change mask."""
ATTRIBUTE: Final = struct.Struct("=HH")
"""struct rtattr: length, type."""

NETLINK_ERROR: Final = struct.Struct("=16xi")
"""The error number, negative, of NLMSG_ERROR (struct nlmsgerr)."""
TASKSTATS_GET: Final = 1
TASKSTATS_NEW: Final = 2
TASKSTATS_ASK_TGID: Final = 2
"""TASKSTATS_CMD_ATTR_TGID: the attribute of a request with the id of a process."""

CN_PROC_WHAT: Final = struct.Struct("=36xI")
"""struct proc_event: what, behind struct nlmsghdr and cn_msg (linux/cn_proc.h)."""
CN_PROC_ERROR: Final = struct.Struct("=52xI")
"""The error number in the kernel's acknowledgement of a listener."""

XENSTORE_HEADER: Final = struct.Struct("=IIII")
"""struct xsd_sockmsg: type, request id, transaction id, length."""
XS_CONTROL: Final = 0
XS_READ: Final = 2
XS_WATCH: Final = 4
XS_WATCH_EVENT: Final = 15
XS_ERROR: Final = 16
XS_GET_QUOTA: Final = 25


def aligned(length: int) -> int:
    """Where the next netlink message or attribute begins: a multiple of four (NLMSG_ALIGN)."""
    return -(-length // 4) * 4
