#!/usr/bin/python3
"""Time from an event to what /metrics makes of it.

Usage: stopwatch.py EVENT appears|vanishes TEXT COMMAND...

Runs COMMAND, waits for EVENT (@introduceDomain or @releaseDomain of xenstored, or `done`, the end
of COMMAND) and then scrapes until TEXT is on the page, or is not. Prints how many seconds that took
after the event, how many after the end of COMMAND (0 when it was not done yet), and the command's
exit status.
"""

from __future__ import annotations

import http.client
import socket
import struct
import subprocess
import sys
import time
from typing import Final

HEADER: Final = struct.Struct("=IIII")
"""struct xsd_sockmsg of Xen's xs_wire.h: type, request, transaction, length."""
WATCH: Final = 4
WATCH_EVENT: Final = 15
DEADLINE: Final = 90.0
PAUSE: Final = 0.1


def exactly(connection: socket.socket, size: int) -> bytes:
    """That many bytes."""
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise EOFError("xenstored has closed the connection")
        data += chunk
    return data


def wait_for_event(connection: socket.socket) -> None:
    """Return when a watch fires."""
    while True:
        kind, _, _, size = HEADER.unpack(exactly(connection, HEADER.size))
        exactly(connection, size)
        if kind == WATCH_EVENT:
            return


def scrape() -> bytes:
    """The page."""
    client = http.client.HTTPConnection("127.0.0.1", 10730, timeout=10)
    try:
        client.request("GET", "/metrics")
        return client.getresponse().read()
    finally:
        client.close()


def begin(event: str, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start the command and return when the event happens."""
    if event == "done":
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        process.wait(DEADLINE)
        return process
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE)
        connection.connect("/run/xenstored/socket")
        payload = event.encode() + b"\0stopwatch\0"
        connection.sendall(HEADER.pack(WATCH, 0, 0, len(payload)) + payload)
        wait_for_event(connection)  # every watch fires once when it is set
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for_event(connection)
        return process


def main(event: str, wish: str, text: str, *command: str) -> None:
    """Measure and print."""
    process = begin(event, command)
    happened = time.monotonic()
    ended: float | None = None
    while (text.encode() in scrape()) != (wish == "appears"):
        if ended is None and process.poll() is not None:
            ended = time.monotonic()
        if time.monotonic() - happened > DEADLINE:
            sys.exit(f"{text} neither {wish} within {DEADLINE} s")
        time.sleep(PAUSE)
    seen = time.monotonic()
    status = process.wait(DEADLINE)
    print(f"{seen - happened:.3f} {max(0.0, seen - (ended or seen)):.3f} {status}")


main(*sys.argv[1:])
