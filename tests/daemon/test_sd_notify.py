"""Word to systemd, over both kinds of sockets."""

from __future__ import annotations

import os
import socket
import tempfile

import pytest

from xenwatch.daemon.sd_notify import notify, watchdog_seconds


@pytest.mark.parametrize("abstract", [False, True])
def test_messages_arrive(abstract: bool) -> None:
    """A message arrives at the service manager's socket, one with a path or an abstract one."""
    with (
        tempfile.TemporaryDirectory(prefix="xw") as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        place = f"{directory}/notify"
        manager.bind("\0" + place if abstract else place)
        notify("READY=1", {"NOTIFY_SOCKET": "@" + place if abstract else place})

        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("place", [None, "", "relative", "/nowhere/notify", "@nobody-listens"])
def test_nobody_listening_is_no_error(place: str | None) -> None:
    """Without a service manager nothing happens."""
    notify("READY=1", {} if place is None else {"NOTIFY_SOCKET": place})


def test_a_full_queue_is_not_waited_for() -> None:
    """A service manager that takes nothing in loses messages and delays nothing."""
    with (
        tempfile.TemporaryDirectory(prefix="xw") as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(f"{directory}/notify")
        for _ in range(2000):
            notify("WATCHDOG=1", {"NOTIFY_SOCKET": f"{directory}/notify"})


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "9" * 400}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_needed(
    environment: dict[str, str], seconds: float | None
) -> None:
    """The interval is half of systemd's, and there is none for another process."""
    assert watchdog_seconds(environment) == seconds
