"""`make demo`: one command that starts daemon, Prometheus and Alertmanager, and ends them."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.programs import PATIENCE, ROOT, free_port, get, until
from tests.tools import tool

NAMES = ("daemon", "prometheus", "alertmanager")


@contextlib.contextmanager
def demo(
    ports: Mapping[str, int], source: str = "synthetic:debian-12"
) -> Iterator[subprocess.Popen[str]]:
    """The demonstration, its programs on these ports."""
    tool("prometheus", "prometheus")
    tool("prometheus-alertmanager", "prometheus-alertmanager")
    argv = [sys.executable, "contrib/demo.py", f"--source={source}"]
    argv += [f"--{name}-port={port}" for name, port in ports.items()]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def free_ports() -> dict[str, int]:
    """A free port for each program."""
    return {name: free_port() for name in NAMES}


def printed(process: subprocess.Popen[str]) -> list[int]:
    """The ports of the addresses it prints when all answer."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in NAMES]
    return [int(port) for line in lines for port in re.findall(r"127.0.0.1:(\d+)/ ", line)]


def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def first_target(port: int) -> str:
    """The health of what Prometheus scrapes, empty while there is none."""
    found = get(f"http://127.0.0.1:{port}/api/v1/targets")["data"]["activeTargets"]
    return str(found[0]["health"]) if found else ""


def test_all_three_work_together() -> None:
    """The printed addresses answer, and Prometheus has the rules, the daemon and Alertmanager."""
    ports = free_ports()
    with demo(ports) as process:
        assert printed(process) == list(ports.values())

        asked = f"http://127.0.0.1:{ports['prometheus']}/api/v1"
        groups = get(f"{asked}/rules")["data"]["groups"]
        assert {group["name"] for group in groups} >= {"xenwatch-alerts", "xenwatch-watches"}
        until(lambda: bool(get(f"{asked}/alertmanagers")["data"]["activeAlertmanagers"]), "it")
        until(lambda: first_target(ports["prometheus"]) == "up", "a scrape")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "kill"])
def test_a_signal_ends_all(number: signal.Signals) -> None:
    """After Ctrl-C or a kill nobody listens any more."""
    ports = free_ports()
    with demo(ports) as process:
        assert printed(process) == list(ports.values())
        assert [port for port in ports.values() if not listens(port)] == []
        process.send_signal(number)
        _, talk = process.communicate(timeout=PATIENCE)

    assert (process.returncode, talk.splitlines()[-1]) == (0, "demo: ended")
    assert [port for port in ports.values() if listens(port)] == []


def test_a_port_in_use_is_named() -> None:
    """Where a port is taken, nothing is started, and the error says what to do."""
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports["prometheus"])), demo(ports) as process:
        out, talk = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (1, "")
    assert f"127.0.0.1:{ports['prometheus']}: Address already in use" in talk
    assert "--prometheus-port" in talk


def test_a_program_that_ends_is_told_with_its_log() -> None:
    """Where one of them does not start, its last words are shown and the others end."""
    ports = free_ports()
    with demo(ports, "synthetic:none") as process:
        out, talk = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (1, "")
    assert "xenwatch has ended (1):" in talk
    assert "synthetic:none" in talk
