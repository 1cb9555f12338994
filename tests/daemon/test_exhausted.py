"""A daemon goes on where the host has no thread or no descriptor left."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator

from tests.running import Process, daemon
from tests.support import labelled
from tests.tools import need

ARGUMENTS = ("--source", "synthetic:xcp-ng-8.3", "--web.listen-address", "127.0.0.1:0")


@contextlib.contextmanager
def exhausted(number: int) -> Iterator[Process]:
    """A daemon every probe of which has run, then without what the signal takes."""
    need("root")
    with daemon("-m", "tests.daemon.exhausted", *ARGUMENTS) as running:
        running.get_ready()
        running.get("metrics")
        running.process.send_signal(number)
        yield running


def newest(page: bytes) -> float:
    """The time of the latest reading on a page."""
    return labelled("xenwatch_snapshot_timestamp_seconds", page)[()]


def test_without_a_thread_everything_goes_on() -> None:
    """Where no thread can be started, readings, page and status stay new, and nothing fails."""
    with exhausted(signal.SIGUSR1) as running:
        before = newest(running.get("metrics"))
        page = b""
        for _ in range(2):  # passes, each with the readings of a tick
            while newest(page := running.get("metrics")) == before:
                pass
            before = newest(page)
        assert 0 not in labelled("xenwatch_probe_success", page).values()
        assert running.get("metrics?collect[]=pids")
        assert running.get("")
        assert running.get("api/v1/headroom")
        assert running.stop() == 0
    assert not any("exception" in line for line in running.log)


def test_without_a_descriptor_a_new_client_is_answered() -> None:
    """Silent connections make room for those that ask; the log has lines, and no traceback."""
    with exhausted(signal.SIGUSR2) as running, contextlib.ExitStack() as stack:
        for _ in range(20):  # some of them are not accepted yet
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(running.address)
        for _ in range(5):
            assert running.get("-/healthy") == b"healthy\n"
        running.process.send_signal(signal.SIGRTMIN)
        counted = "xenwatch_web_refused_total"
        while not labelled(counted, running.get("metrics"))["descriptors",]:
            pass
        assert running.stop() == 0
    lines = [line for line in running.log if line["event"] == "web requests refused or delayed"]
    assert len(lines) == len({line["reason"] for line in lines})
    assert not any("exception" in line for line in running.log)
