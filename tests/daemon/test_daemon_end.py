"""How the daemon ends, whatever hangs."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import Process, daemon, xenwatch
from tests.support import labelled
from xenwatch.alerts.messages import Sender
from xenwatch.alerts.states import Active, Alerts, Change, State
from xenwatch.alerts.table import ALERTS
from xenwatch.daemon.daemon import SHUTDOWN
from xenwatch.delivery.outbox import Outbox
from xenwatch.readings.moment import Moment


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(number: int) -> None:
    """SIGTERM and SIGINT end the daemon with status 0 and no complaint."""
    with xenwatch() as running:
        running.get_ready()
        assert b"xenwatch_build_info" in running.get("metrics")
        assert running.stop(number) == 0

    assert running.log[-1]["event"] == "stopped"
    assert not any(entry["level"] == "error" for entry in running.log)


def test_the_deadline_of_a_shutdown_keeps_the_promise() -> None:
    """What hangs, as in the tests below for ever, is waited for less than the second promised."""
    assert SHUTDOWN < 1


def test_a_probe_that_hangs_costs_itself_alone() -> None:
    """With a read that never returns, pages are served, overruns counted, and SIGTERM ends it."""
    with daemon("-m", "tests.daemon.hung") as running:
        failed = running.until("probe failed")
        running.get_ready()
        while labelled("xenwatch_probe_overruns_total", running.get("metrics"))[("irqs",)] < 1:
            running.get("metrics?collect[]=aio")
        page = running.get("metrics")

        assert failed["probe"] == "irqs"
        assert failed["reason"] == "timed out after 0.2 s; the read still hangs"
        success = labelled("xenwatch_probe_success", page)
        assert success["irqs",] == 0
        assert success["aio",] == 1
        assert b"xenwatch_irqs_used" not in page
        assert running.stop() == 0


def test_a_scraper_that_stays_connected_does_not_delay_the_end() -> None:
    """An idle connection and a half-sent request end with the daemon."""
    with (
        xenwatch() as running,
        socket.create_connection(running.address) as idle,
        socket.create_connection(running.address) as half,
    ):
        idle.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        half.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        assert running.stop() == 0


def test_all_that_hangs_together_does_not_delay_the_end(tmp_path: Path) -> None:
    """Probe, receiver, disk, equipment, source and scraper hang, and SIGTERM ends the daemon."""
    (tmp_path / "alerts.json").write_text(json.dumps(undelivered()))
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        settings = {
            "webhook.url": f"http://127.0.0.1:{receiver.getsockname()[1]}/",
            "alerts.state_file": str(tmp_path / "alerts.json"),
        }
        with daemon("-m", "tests.daemon.hung", json.dumps(settings)) as running:
            told, _ = receiver.accept()
            running.until("probe failed")
            running.get_ready()
            with told, stuck_scraper(running), idle_scraper(running):
                assert running.stop() == 0

    events = [entry["event"] for entry in running.log]
    assert sorted(event for event in events if event.startswith("shutdown: ")) == [
        "shutdown: closing the source timed out",
        "shutdown: removing probe setups timed out",
        "shutdown: saving alerts timed out",
    ]
    assert running.log[-1]["event"] == "stopped"


def undelivered() -> dict[str, Any]:
    """What a daemon kept that had an alert to tell and nobody who took it."""
    alert = next(alert for alert in ALERTS if alert.name == "aio_requests_near_limit")
    firing = Active(alert, "warning", (), since=1.0, value=0.875, fired=1.0)
    change = Change(firing, State.PENDING, State.FIRING, 1.0)
    box = Outbox(Sender("host1", "r/"), ["webhook"])
    box.enqueue(Alerts({(alert.name, firing.severity, ()): firing}, {}, (change,)), 1.0)
    return box.saved(Moment(1.0, 1.0))


@contextlib.contextmanager
def stuck_scraper(running: Process) -> Iterator[None]:
    """A client that asks on and on and takes nothing, once the daemon reads no more of it."""
    with socket.socket() as scraper:
        scraper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        scraper.connect(running.address)
        scraper.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while True:
                scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
        yield


@contextlib.contextmanager
def idle_scraper(running: Process) -> Iterator[None]:
    """A client that has its answer and owes the rest of its request."""
    with socket.create_connection(running.address) as scraper:
        scraper.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        assert scraper.recv(12) == b"HTTP/1.1 200"
        yield
