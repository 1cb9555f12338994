"""The reader and the front as processes: what they import, how they start, end and go on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reader.serving import asking, serving
from tests.running import ROOT, daemon
from tests.sources.fakes import TableSource
from xenwatch.cli.doctor import read_by
from xenwatch.reader.listener import listening
from xenwatch.reader.server import Server
from xenwatch.sources.remote import RemoteSource

FOREIGN = re.compile(
    r"aiohttp|prometheus_client|structlog|pyroute2"
    r"|xenwatch\.(?:alerts|assessment|config|delivery|http|limits|page|passes|probes|status|log)"
)
"""What listens, delivers, draws, or parses a configuration."""
IMPORTED = """
import json, sys
from xenwatch import __main__
from xenwatch.reader import server
server.Server.run = lambda self: print(json.dumps(sorted(sys.modules)))
sys.argv = ["xenwatch", "reader", "--socket", sys.argv[1], "--source", sys.argv[2]]
sys.exit(__main__.main())
"""
NOBODY = 65534


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that any user may enter, unlike one of pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def user() -> int:
    """A user without privileges that can read this checkout and what Python needs."""
    places = (ROOT / "xenwatch/__init__.py", Path(json.__file__), Path(pytest.__file__))
    parents = {parent for place in places for parent in (place, *place.parents)}
    open_to_all = all(parent.stat().st_mode & 0o005 >= 4 for parent in parents)
    return NOBODY if os.geteuid() == 0 and open_to_all else os.geteuid()


@contextlib.contextmanager
def reader(path: Path, source: str = "synthetic:xcp-ng-8.3") -> Iterator[subprocess.Popen[str]]:
    """A reader that listens at a path, for `user`."""
    command = [sys.executable, "-m", "xenwatch", "reader", "--source", source]
    with subprocess.Popen(
        [*command, "--socket", str(path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == f"xenwatch: serving {source} on {path}\n"
            os.chown(path, user(), -1)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("source", ["host", "tree:tests/hosts/qubes-driver-domain"])
def test_the_reader_imports_nothing_that_listens_or_delivers(source: str, tmp_path: Path) -> None:
    """What runs as root has none of the web server, the delivery, the page or the configuration."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, str(tmp_path / "sock"), source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = json.loads(done.stdout)

    assert "xenwatch.reader.server" in modules
    assert [name for name in modules if FOREIGN.match(name)] == []


def test_a_front_without_privileges_shows_what_the_reader_reads(directory: Path) -> None:
    """The daemon of another user serves what it gets, while readers and fronts are killed."""
    path = directory / "reader.sock"
    arguments = ("-m", "xenwatch", "run", "--web.listen-address", "127.0.0.1:0", "--source")
    with reader(path) as first, daemon(*arguments, f"reader:{path}", user=user()) as front:
        front.get_ready()
        page = front.get("metrics").decode()
        assert re.findall(r"^xenwatch_probe_success\{.*\} 0", page, re.MULTILINE) == []
        assert "xenwatch_aio_requests_used" in page
        first.kill()
        first.wait()
        failed = front.until("probe failed")
        assert failed["reason"].startswith("reader: ")
        assert b"xenwatch_probe_success" in front.get("metrics")
        with reader(path) as second:
            front.until("probe recovered")
            front.process.kill()
            front.process.wait()
            with contextlib.closing(RemoteSource(str(path))) as another:
                assert another.uname()
            second.send_signal(signal.SIGTERM)
            assert second.wait() == 0
            assert not path.exists()


def test_one_pass_and_the_doctor_ask_the_reader(directory: Path) -> None:
    """Commands of one pass print through the reader what they print without it."""
    path = directory / "reader.sock"
    with reader(path):
        printed = [
            subprocess.run(
                [sys.executable, "-m", "xenwatch", command, "--source", source],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for command in ("once", "doctor")
            for source in (f"reader:{path}", "synthetic:xcp-ng-8.3")
        ]

    printed = [text.replace("(reader:", "(") for text in printed]
    assert printed[0] == printed[1]
    served = "Read by xenwatch reader, which serves synthetic:xcp-ng-8.3\n"
    assert printed[2] == printed[3] + served


def test_a_socket_of_systemd_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that systemd passes is listened on, wherever the command would listen otherwise."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as passed:
        passed.bind(str(tmp_path / "passed.sock"))
        passed.listen()
        monkeypatch.setattr("xenwatch.sockets.passed.FIRST_DESCRIPTOR", os.dup(passed.fileno()))
        environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
        with listening(str(tmp_path / "own.sock"), environment) as taken:
            assert taken.getsockname() == str(tmp_path / "passed.sock")
            assert environment == {}
        assert (tmp_path / "passed.sock").exists()


@pytest.mark.parametrize(("command", "status"), [("reader", 3), ("messages", 2)])
def test_what_systemd_passes_must_listen(command: str, status: int) -> None:
    """With a file in place of a socket the parts that systemd starts name it and the unit."""
    run = ["-c", 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" -m xenwatch "$1" 3</dev/null']
    done = subprocess.run(
        ["/bin/sh", *run, sys.executable, command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert "systemd passed descriptor 3, which is not a listening socket; the socket" in done.stderr
    assert done.stderr.count("\n") == 1


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service manager hears that the reader is ready, that it goes on, and that it stops."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        with serving(TableSource(), tmp_path / "reader.sock"):
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100) == b"WATCHDOG=1"
        while (said := manager.recv(100)) != b"STOPPING=1":
            assert said == b"WATCHDOG=1"


def test_the_watchdog_bites_a_reader_whose_threads_all_hang(tmp_path: Path) -> None:
    """There is progress while a thread is free or a question was answered, and none otherwise."""
    with listening(str(tmp_path / "reader.sock"), {}) as listener:
        full = Server(TableSource(), listener, serves="a test", say=print, threads_max=0)
        free = Server(TableSource(), listener, serves="a test", say=print)
        assert free.progressed(0)
        assert full.progressed(-1)
        assert not full.progressed(0)


def test_a_reader_that_can_start_no_thread_makes_no_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where dom0 has no task left systemd may restart it; with the next thread all is well."""
    with listening(str(tmp_path / "reader.sock"), {}) as listener:
        server = Server(TableSource(), listener, serves="a test", say=print)
        with socket.socket(socket.AF_UNIX) as client:
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", _fails)
                client.connect(listener.getsockname())
                server._accept()
            assert not server.progressed(0)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(listener.getsockname())
            server._accept()
            assert server.progressed(0)


def _fails(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_reader_does_not_serve_a_reader(tmp_path: Path) -> None:
    """A source that is a reader itself is refused by the command."""
    done = subprocess.run(
        [sys.executable, "-m", "xenwatch", "reader", "--source", f"reader:{tmp_path}/a"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "a reader cannot read from another reader" in done.stderr


def test_doctor_names_what_the_reader_refuses(tmp_path: Path) -> None:
    """Questions that are not on the list are in the report, so that a defect is found."""
    with asking(TableSource(), tmp_path) as remote:
        for path in ("/etc/shadow", "/proc/1/mem"):
            with contextlib.suppress(Exception):
                remote.read(path)
        assert list(read_by(remote)) == [
            "Read by xenwatch reader, which serves a test",
            "The reader refused 2 questions: /etc/shadow, /proc/1/mem",
        ]
    assert list(read_by(TableSource())) == []
