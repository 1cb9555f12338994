"""The daemon as a process: started, asked, told to read again, and stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.programs import Receiver, until
from tests.support import labelled
from xenwatch.alerts.outbox import Outbox
from xenwatch.alerts.states import Active, Alerts, Change, State
from xenwatch.alerts.table import ALERTS

ROOT = Path(__file__).resolve().parent.parent


class Process:
    """A running daemon: its log, line by line, and its pages."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.url = ""

    def until(self, event: str) -> dict[str, Any]:
        """The next line of the log with that event."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            if self.log[-1]["event"] == event:
                return self.log[-1]
        raise AssertionError(f"the log ended without {event!r}: {self.log}")

    def get(self, path: str) -> bytes:
        """What it serves at a path."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            body: bytes = answer.read()
        return body

    def get_ready(self) -> None:
        """Ask until the first pass is complete."""
        while True:
            try:
                self.get("-/ready")
            except urllib.error.HTTPError as error:
                error.close()
            else:
                return

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end. Returns the exit status."""
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=30)
        self.log += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode


@contextlib.contextmanager
def daemon(
    *arguments: str, keep: Iterable[int] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """A Python process with these arguments and descriptors, once it has said where it listens."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=tuple(keep),
    ) as process:
        try:
            running = Process(process)
            running.url = running.until("started")["open"][0]
            yield running
        finally:
            process.kill()


def xenwatch(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[Process]:
    """`xenwatch run` with these arguments, on this machine and at a free port."""
    listen = ("--web.listen-address", "127.0.0.1:0")
    return daemon("-m", "xenwatch", "run", *listen, *arguments, environment=environment)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(number: int) -> None:
    """SIGTERM and SIGINT end the daemon with status 0 and no complaint."""
    with xenwatch() as running:
        running.get_ready()
        assert b"xenwatch_build_info" in running.get("metrics")
        assert running.stop(number) == 0

    assert running.log[-1]["event"] == "stopped"
    assert not any(entry["level"] == "error" for entry in running.log)


def test_it_says_what_it_reads_and_why() -> None:
    """The first line of the log names version, source, reason and the address to open."""
    with xenwatch("--source", "host") as running:
        started = running.log[-1]

    assert started["source"] == "host"
    assert started["reason"] == "as configured"
    assert started["open"][0].startswith("http://127.0.0.1:")


def test_stdout_stays_empty() -> None:
    """Nothing but data belongs on stdout, and the daemon has none for it."""
    with xenwatch() as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.stdout is not None
        assert running.process.stdout.read() == ""


def test_a_probe_that_hangs_costs_itself_alone() -> None:
    """With a read that never returns, pages are served, overruns counted, and SIGTERM ends it."""
    with daemon("-m", "tests.hung_daemon") as running:
        failed = running.until("probe failed")
        running.get_ready()
        while labelled("xenwatch_probe_overruns_total", running.get("metrics"))[("irqs",)] < 1:
            running.get("metrics?collect[]=aio")
        page = running.get("metrics")

        assert failed["probe"] == "irqs"
        assert failed["reason"] == "no answer within 0.2 s; the read still hangs"
        success = labelled("xenwatch_probe_success", page)
        assert success["irqs",] == 0
        assert success["aio",] == 1
        assert b"xenwatch_irqs_used" not in page
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=1.5) == 0


def test_a_scraper_that_stays_connected_does_not_delay_the_end() -> None:
    """An idle connection and a half-sent request end with the daemon."""
    with xenwatch() as running:
        host, port = running.url.removeprefix("http://").rstrip("/").split(":")
        with (
            socket.create_connection((host, int(port))) as idle,
            socket.create_connection((host, int(port))) as half,
        ):
            idle.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
            assert idle.recv(12) == b"HTTP/1.1 200"
            half.sendall(b"GET /metrics HTTP/1.1\r\nHo")
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(timeout=1.5) == 0


def test_all_that_hangs_together_does_not_delay_the_end(tmp_path: Path) -> None:
    """Probe, receiver, disk, equipment, source and scraper hang, and SIGTERM ends the daemon."""
    (tmp_path / "alerts.json").write_text(json.dumps(undelivered()))
    os.mkfifo(tmp_path / "alerts.json.new")  # whoever opens it to write waits for a reader
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        settings = {
            "webhook.url": f"http://127.0.0.1:{receiver.getsockname()[1]}/",
            "alerts.state_file": str(tmp_path / "alerts.json"),
            "web.max_requests": 1,
        }
        with daemon("-m", "tests.hung_daemon", json.dumps(settings)) as running:
            told, _ = receiver.accept()
            running.until("probe failed")
            running.get_ready()
            with told, stuck_scraper(running), idle_scraper(running):
                running.process.send_signal(signal.SIGTERM)
                assert running.process.wait(timeout=1.5) == 0
            running.stop()

    late = [entry["what"] for entry in running.log if entry["event"] == "not closed in good order"]
    assert sorted(late) == ["alerts", "equipment", "source"]
    assert running.log[-1]["event"] == "stopped"


def undelivered() -> dict[str, Any]:
    """What a daemon kept that had an alert to tell and nobody who took it."""
    alert = next(alert for alert in ALERTS if alert.name == "aio_requests_near_limit")
    firing = Active(alert, "warning", (), since=1.0, value=0.875, fired=1.0)
    change = Change(firing, State.PENDING, State.FIRING, 1.0)
    box = Outbox("host1", "r/", ["webhook"])
    box.take(Alerts({(alert.name, firing.severity, ()): firing}, {}, (change,)))
    return box.kept(1.0)


@contextlib.contextmanager
def stuck_scraper(running: Process) -> Iterator[None]:
    """A client that asks for more than it takes, when the one request it is allowed hangs."""
    host, port = running.url.removeprefix("http://").rstrip("/").split(":")
    with socket.socket() as scraper:
        scraper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        scraper.connect((host, int(port)))
        scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 500)
        refused = 0
        while refused < 20:
            try:
                running.get("metrics")
                refused = 0
            except urllib.error.HTTPError as error:
                error.close()
                refused += 1
        yield


@contextlib.contextmanager
def idle_scraper(running: Process) -> Iterator[None]:
    """A client that has its answer and owes the rest of its request."""
    host, port = running.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port))) as scraper:
        scraper.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        assert scraper.recv(12) == b"HTTP/1.1 200"
        yield


def test_a_bad_configuration_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    """SIGHUP takes up a good file, refuses a bad one with its problems, and goes on."""
    file = tmp_path / "xenwatch.toml"
    file.write_text("[probes.aio]\nenabled = false\n")
    with xenwatch("--config.file", str(file)) as running:
        running.get_ready()
        assert b"xenwatch_aio_requests_used" not in running.get("metrics")

        file.write_text("[probes.aio]\nenabled = 1\n[web]\nfoo = 1\n")
        running.process.send_signal(signal.SIGHUP)
        refused = running.until("configuration refused, the old one stays")
        assert refused["problem"] == f"{file}:2: probes.aio.enabled: 1 is neither true nor false"
        running.until("configuration refused, the old one stays")
        assert b"xenwatch_aio_requests_used" not in running.get("metrics")

        file.write_text('[web]\ntelemetry_path = "/other"\n')
        running.process.send_signal(signal.SIGHUP)
        assert running.until("this change needs a restart")["key"] == "web.telemetry_path"
        while b"xenwatch_aio_requests_used" not in running.get("metrics"):
            pass
        assert running.stop() == 0


def test_thresholds_are_taken_up(tmp_path: Path) -> None:
    """A threshold changed at SIGHUP is on the page without a reading in between."""
    file = tmp_path / "xenwatch.toml"
    file.touch()
    series = ("ptys", "warning")
    with xenwatch("--config.file", str(file)) as running:
        running.get_ready()
        file.write_text("[limits.ptys]\nwarning = 0.123\n")
        running.process.send_signal(signal.SIGHUP)
        running.until("configuration read again")
        while labelled("xenwatch_limit_threshold_ratio", running.get("metrics"))[series] != 0.123:
            pass


def test_shapes_are_taken_up(tmp_path: Path) -> None:
    """A shape configured at SIGHUP can be asked for at once."""
    file = tmp_path / "xenwatch.toml"
    file.touch()
    with xenwatch("--config.file", str(file)) as running:
        running.get_ready()
        file.write_text("[shapes.big]\nvcpus = 16\n")
        running.process.send_signal(signal.SIGHUP)
        running.until("configuration read again")
        answer = json.loads(running.get("api/v1/headroom?shape=big"))
        assert answer["plans"][0]["shapes"][0]["vcpus"] == 16


def test_alerts_are_switched_on_and_off(tmp_path: Path) -> None:
    """The states of alerts are on the page, and gone when SIGHUP brings a file without alerts."""
    file = tmp_path / "xenwatch.toml"
    file.touch()
    with xenwatch("--config.file", str(file)) as running:
        running.get_ready()
        assert b"xenwatch_alert_state{" in running.get("metrics")
        file.write_text("[alerts]\nenabled = false\n")
        running.process.send_signal(signal.SIGHUP)
        running.until("configuration read again")
        while b"xenwatch_alert_state{" in running.get("metrics"):
            pass


def test_who_is_told_hears_of_a_reload(tmp_path: Path) -> None:
    """Alerts switched off by SIGHUP are over, switched on they fire anew, with runbooks as set."""
    file, receiver = tmp_path / "xenwatch.toml", Receiver()

    def write(alerts: str) -> None:
        file.write_text(
            "[limits.domids]\nwarning = 1e-9\n"
            f'[webhook]\nurl = "{receiver.url}"\n'
            f"[alerts.near_limit]\nfor = 0\n[alerts]\n{alerts}\n"
        )

    def heard() -> list[tuple[str, str, str]]:
        return [
            (alert["status"], alert["state"], alert["annotations"]["runbook_url"])
            for document in receiver.got
            for alert in document["alerts"]
        ]

    name = "XenwatchDomidsNearLimit.md"
    told = [("firing", "firing", f"file:///a/{name}")]
    steps = [
        ('enabled = false\nrunbooks = "file:///a/"', ("resolved", "unknown", f"file:///a/{name}")),
        ('runbooks = "file:///b/"', ("firing", "firing", f"file:///b/{name}")),
    ]
    write('runbooks = "file:///a/"')
    with (
        receiver.running(),
        xenwatch("--source", "synthetic:debian-12", "--config.file", str(file)) as running,
    ):
        until(lambda: heard() == told, "it fires")
        for alerts, expected in steps:
            write(alerts)
            running.process.send_signal(signal.SIGHUP)
            told.append(expected)
            until(lambda: heard() == told, alerts)
        assert running.stop() == 0


def test_what_is_kept_names_the_boot(tmp_path: Path) -> None:
    """The file of what fires says which boot of the host that was."""
    file, kept = tmp_path / "xenwatch.toml", tmp_path / "alerts.json"
    file.write_text(f'[webhook]\nurl = "http://127.0.0.1:1/"\n[alerts]\nstate_file = "{kept}"\n')
    with xenwatch("--source", "host", "--config.file", str(file)) as running:
        assert running.stop() == 0

    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    assert json.loads(kept.read_text())["boot"] == boot.strip()


def test_a_port_in_use_is_an_error() -> None:
    """A port that is taken ends the daemon with status 1 and a line that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "xenwatch", "run", "--web.listen-address", address],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    assert done.returncode == 1
    entry = json.loads(done.stderr)
    assert entry["event"] == "cannot start"
    assert f"cannot listen on {address}: Address already in use" in entry["reason"]


def test_a_socket_of_systemd_is_served(tmp_path: Path) -> None:
    """With socket activation the daemon serves on the socket it was given."""
    starter = tmp_path / "starter.py"
    starter.write_text(
        "import os, sys\n"
        "os.dup2(int(sys.argv[1]), 3, inheritable=True)\n"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])\n"
    )
    arguments = ("-m", "xenwatch", "run", "--web.systemd-socket")
    with socket.create_server(("127.0.0.1", 0)) as passed:
        number = passed.fileno()
        with daemon(str(starter), str(number), *arguments, keep=[number]) as running:
            assert running.url == f"http://127.0.0.1:{passed.getsockname()[1]}/"
            assert running.get("-/healthy") == b"healthy\n"
            assert running.stop() == 0


def test_systemd_is_told() -> None:
    """Ready, reloading, ready again, stopping and signs of life are sent to the manager."""
    with (
        tempfile.TemporaryDirectory(prefix="xw") as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(f"{directory}/notify")
        manager.settimeout(30)
        environment = {
            "NOTIFY_SOCKET": f"{directory}/notify",
            "WATCHDOG_USEC": "100000",
        }
        heard: list[str] = []

        def hear(word: str) -> None:
            while not heard or not heard[-1].startswith(word):
                heard.append(manager.recv(1000).decode())

        with xenwatch(environment=environment) as running:
            hear("READY=1")
            hear("WATCHDOG=1")
            running.process.send_signal(signal.SIGHUP)
            hear("RELOADING=1\nMONOTONIC_USEC=")
            hear("READY=1")
            assert running.stop() == 0
            hear("STOPPING=1")
