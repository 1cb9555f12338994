"""The daemon as a process: started, asked and told to read again."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.programs import Receiver, until
from tests.running import ROOT, daemon, xenwatch
from tests.support import labelled


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


def test_a_bad_configuration_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    """SIGHUP takes up a good file, refuses a bad one with its problems, and goes on."""
    file = tmp_path / "xenwatch.toml"
    file.write_text("[probes.aio]\nenabled = false\n")
    with xenwatch("--config.file", str(file)) as running:
        running.get_ready()
        assert b"xenwatch_aio_requests_used" not in running.get("metrics")

        file.write_text("[probes.aio]\nenabled = 1\n[web]\nfoo = 1\n")
        running.process.send_signal(signal.SIGHUP)
        refused = running.until("configuration rejected; keeping the current one")
        assert refused["problem"] == f"{file}:2: probes.aio.enabled: 1 must be true or false"
        running.until("configuration rejected; keeping the current one")
        assert b"xenwatch_aio_requests_used" not in running.get("metrics")

        file.write_text('[web]\ntelemetry_path = "/other"\n')
        running.process.send_signal(signal.SIGHUP)
        assert running.until("change takes effect after a restart")["key"] == "web.telemetry_path"

        file.write_text('[web]\ntelemetry_labels = true\n[labels]\nsite = "b"\n')
        running.process.send_signal(signal.SIGHUP)
        for key in ("web.telemetry_labels", "labels"):
            assert running.until("change takes effect after a restart")["key"] == key
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
        running.until("configuration reloaded")
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
        running.until("configuration reloaded")
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
        running.until("configuration reloaded")
        while b"xenwatch_alert_state{" in running.get("metrics"):
            pass


HUP_AT_ONCE = """\
import os, signal, sys
sys.argv = ["xenwatch", "run", *sys.argv[1:]]
from xenwatch import __main__
imported = __main__._imported
__main__._imported = lambda: (os.kill(os.getpid(), signal.SIGHUP), imported())[1]
sys.exit(__main__.main())
"""


def test_a_reload_before_the_start_waits_for_it() -> None:
    """SIGHUP while the daemon is still importing ends nothing; it reloads once it can."""
    with daemon(
        "-c", HUP_AT_ONCE, "--source=synthetic:debian-12", "--web.listen-address=127.0.0.1:0"
    ) as running:
        running.until("configuration reloaded")
        assert running.stop() == 0


def test_what_is_excluded_is_served_nowhere(tmp_path: Path) -> None:
    """A metric that the configuration excludes is on no page, no part of it and in no textfile."""
    file, name = tmp_path / "xenwatch.toml", b"xenwatch_aio_requests_used"
    file.write_text(
        f'[metrics]\nexclude = ["xenwatch_aio_*_used"]\n[textfile]\ndirectory = "{tmp_path}"\n'
    )
    textfile = tmp_path / "xenwatch.prom"
    with xenwatch("--config.file", str(file)) as running:
        running.get_ready()
        until(textfile.exists, "the textfile")
        texts = [
            running.get("metrics"),
            running.get("metrics?collect[]=aio"),
            textfile.read_bytes(),
        ]

    assert [name in text for text in texts] == [False] * 3
    assert [b"xenwatch_aio_requests_max" in text for text in texts] == [True] * 3


def test_a_rejected_configuration_is_on_the_page(tmp_path: Path) -> None:
    """The page says whether the newest configuration is in use, and since when that in use is."""
    file, states = tmp_path / "xenwatch.toml", []
    file.write_text("")
    with xenwatch("--config.file", str(file)) as running:
        running.get_ready()
        rejected = "configuration rejected; keeping the current one"
        for text, event in (("[wbe]", rejected), ("", "configuration reloaded")):
            states.append(accepted(running.get("metrics")))
            file.write_text(text)
            running.process.send_signal(signal.SIGHUP)
            running.until(event)
            while accepted(running.get("metrics")) == states[-1]:
                pass
        states.append(accepted(running.get("metrics")))

    (_, started), (_, kept), (_, reloaded) = states
    assert [good for good, _ in states] == [1, 0, 1]
    assert started == kept < reloaded


def accepted(page: bytes) -> tuple[float, float]:
    """Whether the newest configuration was accepted, and when that in use was read."""
    name = "xenwatch_config_last_reload_success"
    return labelled(f"{name}ful", page)[()], labelled(f"{name}_timestamp_seconds", page)[()]


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
    """A port that is taken ends the daemon with status 3 and a line that says what to do."""
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

    assert done.returncode == 3
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
