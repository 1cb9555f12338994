#!/usr/bin/python3
"""Hold event channels of dom0 or connections to xenstored, as a leaking daemon would.

Of the lines on standard input `take N` takes N more channels, `leave N` takes all but N, `free N`
gives N back, and `connect N` makes N connections. Each line is answered by how many channels, or
connections, are held and, where fewer could be had than asked for, the errno. They are free again
when standard input ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import sys
import threading
from typing import Final

BIND_UNBOUND_PORT: Final = 4 << 16 | ord("E") << 8 | 2
"""IOCTL_EVTCHN_BIND_UNBOUND_PORT of Linux, include/uapi/xen/evtchn.h."""
UNBIND: Final = 4 << 16 | ord("E") << 8 | 3
"""IOCTL_EVTCHN_UNBIND of the same."""
ALL: Final = 1 << 20


def take(device: int, ports: list[int], count: int) -> str:
    """Take `count` channels offered to dom0 itself; the errno's name when there are no more."""
    for _ in range(count):
        try:
            ports.append(fcntl.ioctl(device, BIND_UNBOUND_PORT, bytearray(struct.pack("<I", 0))))
        except OSError as error:
            return errno.errorcode[error.errno or 0]
    return ""


def free(device: int, ports: list[int], count: int) -> None:
    """Give `count` channels back."""
    for _ in range(count):
        fcntl.ioctl(device, UNBIND, bytearray(struct.pack("<I", ports.pop())))


def connect(count: int) -> list[socket.socket]:
    """Connections to xenstored; each waits by itself until xenstored takes it up."""
    made = [socket.socket(socket.AF_UNIX) for _ in range(count)]
    for connection in made:
        wait = threading.Thread(target=connection.connect, args=["/run/xenstored/socket"])
        wait.daemon = True
        wait.start()
    return made


def main() -> None:
    """Obey until standard input ends."""
    device = os.open("/dev/xen/evtchn", os.O_RDWR | os.O_CLOEXEC)
    ports: list[int] = []
    connections: list[socket.socket] = []
    for line in sys.stdin:
        verb, number = line.split()
        stopped = ""
        if verb == "connect":
            connections += connect(int(number))
            print(len(connections), flush=True)
            continue
        if verb == "take":
            stopped = take(device, ports, int(number))
        elif verb == "leave":
            stopped = take(device, ports, ALL)
            free(device, ports, int(number))
        else:
            free(device, ports, int(number))
        print(len(ports), stopped, flush=True)


main()
