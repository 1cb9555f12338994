"""`make demo`: one command that starts daemon, Prometheus and Alertmanager, and ends them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.e2e.programs import PATIENCE, ROOT, free_port, get, until
from tests.tools import tool

# Three programs start here, which a busy machine may let wait.
pytestmark = pytest.mark.timeout(240)

NAMES: Final = ("daemon", "prometheus", "alertmanager")
SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
AS_BY_AMPERSAND: Final = ("/usr/bin/env", "--ignore-signal=INT", "--default-signal=HUP")
"""Starts a program as a shell does for `&`, which lets it ignore SIGINT; whoever runs the tests may
have told them to ignore SIGHUP, as nohup does."""


class Demo:
    """A demonstration that runs. `process` is its own, its stdout a pipe."""

    def __init__(self, process: subprocess.Popen[str], talk: Path) -> None:
        self.process = process
        self._talk = talk

    def talk(self) -> str:
        """What it has written to stderr."""
        return self._talk.read_text()

    def printed(self) -> list[int]:
        """The ports of the addresses it prints when all answer."""
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in NAMES]
        return [int(port) for line in lines for port in re.findall(r"127.0.0.1:(\d+)/ ", line)]

    def children(self) -> list[psutil.Process]:
        """The programs it has started."""
        return psutil.Process(self.process.pid).children()

    def ended(self) -> tuple[int, str]:
        """Its exit status and what it printed, once it has ended."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out


@contextlib.contextmanager
def demo(
    directory: Path,
    ports: Mapping[str, int],
    source: str = "synthetic:debian-12",
    path: str = os.environ["PATH"],
) -> Iterator[Demo]:
    """The demonstration, its programs on these ports; at worst killed with all it has started."""
    tool("prometheus")
    tool("prometheus-alertmanager")
    argv = [*AS_BY_AMPERSAND, sys.executable, "contrib/demo.py", f"--source={source}"]
    argv += [f"--{name}-port={port}" for name, port in ports.items()]
    env = {**os.environ, "PATH": path, "TMPDIR": str(directory)}
    talk = directory / "talk"
    with talk.open("w") as stderr, subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True, env=env
    ) as process:  # fmt: skip
        try:
            yield Demo(process, talk)
            process.terminate()
            process.wait(PATIENCE)
        finally:
            if process.poll() is None:
                for child in psutil.Process(process.pid).children():
                    child.kill()
                process.kill()


def free_ports() -> dict[str, int]:
    """A free port for each program."""
    return {name: free_port() for name in NAMES}


def first_target(port: int) -> str:
    """The health of what Prometheus scrapes, empty while there is none."""
    found = get(f"http://127.0.0.1:{port}/api/v1/targets")["data"]["activeTargets"]
    return str(found[0]["health"]) if found else ""


def running(programs: list[psutil.Process]) -> list[psutil.Process]:
    """Those of the programs that have not ended."""
    return [program for program in programs if program.is_running()]


def test_all_three_work_together(tmp_path: Path) -> None:
    """The printed addresses answer, and Prometheus has the rules, the daemon and Alertmanager."""
    ports = free_ports()
    with demo(tmp_path, ports) as demonstration:
        assert demonstration.printed() == list(ports.values()), demonstration.talk()

        asked = f"http://127.0.0.1:{ports['prometheus']}/api/v1"
        groups = get(f"{asked}/rules")["data"]["groups"]
        assert {group["name"] for group in groups} >= {"xenwatch-alerts", "xenwatch-watches"}
        until(lambda: bool(get(f"{asked}/alertmanagers")["data"]["activeAlertmanagers"]), "it")
        until(lambda: first_target(ports["prometheus"]) == "up", "a scrape")


@pytest.mark.parametrize("number", SIGNALS, ids=["terminal-closed", "ctrl-c", "kill"])
def test_a_signal_ends_all(tmp_path: Path, number: signal.Signals) -> None:
    """After Ctrl-C or its like, even one ignored by whoever started it, nothing is left."""
    ports = free_ports()
    with demo(tmp_path, ports) as demonstration:
        assert demonstration.printed() == list(ports.values()), demonstration.talk()
        programs = demonstration.children()
        demonstration.process.send_signal(number)
        status, _ = demonstration.ended()

    assert (status, demonstration.talk().splitlines()[-1]) == (0, "demo: stopped")
    assert (len(programs), running(programs)) == (len(NAMES), [])
    assert [left.name for left in tmp_path.iterdir()] == ["talk"]


def test_it_may_be_told_too_early_and_too_often(tmp_path: Path) -> None:
    """Signals while the programs start and while they end leave none of them behind."""
    with demo(tmp_path, free_ports()) as demonstration:
        until(lambda: bool(demonstration.children()), "the first program")
        programs = {*demonstration.children()}
        while demonstration.process.poll() is None:
            demonstration.process.send_signal(signal.SIGINT)
            with contextlib.suppress(psutil.NoSuchProcess):
                programs |= {*demonstration.children()}

    assert (demonstration.talk().splitlines()[-1], running([*programs])) == ("demo: stopped", [])


def test_a_program_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """A program that heeds no SIGTERM is killed, and waited for."""
    stubborn = tmp_path / "bin/prometheus"
    stubborn.parent.mkdir()
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\nexec sleep 600\n")
    stubborn.chmod(0o755)
    path = f"{stubborn.parent}:{os.environ['PATH']}"
    with demo(tmp_path, free_ports(), path=path) as demonstration:
        until(lambda: any(child.name() == "sleep" for child in demonstration.children()), "it runs")
        programs = demonstration.children()
        demonstration.process.terminate()
        status, _ = demonstration.ended()

    assert (status, running(programs)) == (0, []), demonstration.talk()


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """Where a port is taken, nothing is started, and the error says what to do."""
    ports = free_ports()
    with (
        socket.create_server(("127.0.0.1", ports["prometheus"])),
        demo(tmp_path, ports) as demonstration,
    ):
        assert demonstration.ended() == (1, "")

    assert f"127.0.0.1:{ports['prometheus']}: Address already in use" in demonstration.talk()
    assert "--prometheus-port" in demonstration.talk()


def test_a_program_that_ends_is_told_with_its_log(tmp_path: Path) -> None:
    """Where one of them does not start, its last words are shown and the others end."""
    with demo(tmp_path, free_ports(), "synthetic:none") as demonstration:
        assert demonstration.ended() == (1, "")

    assert "xenwatch exited with status 2:" in demonstration.talk()
    assert "synthetic:none" in demonstration.talk()
