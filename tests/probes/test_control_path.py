"""The control path: round trips counted, deadlines counted as failures, the daemons' times."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probes.support import BARE, FakeHost, after, dom0, failed, outcome_of, value_of
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.render.process import render_schedstat, render_stat
from xenwatch.model.source import ModelSource
from xenwatch.parse.process import ProcessStat, Schedstat
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.probes.control_path import CONTROL_PATH
from xenwatch.readings.control_path import BOUNDS, ControlPath
from xenwatch.readings.processes import DaemonProcess, Daemons
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import SourceError
from xenwatch.sources.xapi import round_trip

SILENT = SourceError("xenstored", "timed out after 2 s")
REFUSED = SourceError("xapi", "Connection refused", errno.ECONNREFUSED)


def passes(host: FakeHost, *seconds: float | SourceError, target: str = "xenstored") -> ControlPath:
    """The reading after one pass for each of these round trips."""
    known = Pass()
    for one in seconds:
        host.errors = {target: one} if isinstance(one, SourceError) else {}
        host.round_trips = {} if isinstance(one, SourceError) else {target: one}
        known = after(CONTROL_PATH, host, known)
    found = known.snapshot.control_path
    assert found is not None
    return found


def test_round_trips_add_up_by_bucket() -> None:
    """A value that is a bucket's bound is in that bucket, one above all bounds in the last."""
    found = passes(dom0(), 0.0001, 0.0003, 0.0004, 2.5).round_trips["xenstored"]

    assert found.counts == (1, 0, 2, *(0,) * (len(BOUNDS) - 3), 1)
    assert found.seconds == pytest.approx(2.5008)
    assert found.failures == 0


def test_a_deadline_is_a_failure_and_the_next_answer_counts() -> None:
    """A daemon that does not answer costs no reading: the probe goes on, the history stays."""
    found = passes(dom0(), 0.001, SILENT, SILENT, 0.001).round_trips["xenstored"]

    assert (sum(found.counts), found.failures) == (2, 2)


def test_a_daemon_that_was_never_here_is_not_asked_about() -> None:
    """Without xapi's socket there is no series of xapi, neither answers nor failures."""
    assert set(passes(dom0(), 0.001).round_trips) == {"xenstored"}


def test_a_daemon_that_is_gone_fails() -> None:
    """Once it answered, a socket that nobody listens on, or that is gone, is a failure."""
    gone = SourceError("xapi", "gone", errno.ENOENT)

    found = passes(dom0(), 0.001, REFUSED, gone, target="xapi").round_trips["xapi"]

    assert (sum(found.counts), found.failures) == (1, 2)


def test_a_failed_pass_does_not_begin_the_count_anew() -> None:
    """What was counted before the probe itself failed is still counted after."""
    host = dom0(round_trips={"xenstored": 0.00001})
    twice = after(CONTROL_PATH, host, after(CONTROL_PATH, host))

    found = value_of(CONTROL_PATH, host, failed(CONTROL_PATH, twice))

    assert found.round_trips["xenstored"].counts[0] == 3


def process(
    pid: int, ticks: int, start: int, *, threads: int = 1, **waits: int
) -> dict[str, bytes]:
    """A process's files: CPU time in ticks, start, and waiting by thread in nanoseconds."""
    numbers = [0] * 49
    numbers[10], numbers[16], numbers[18] = ticks, threads, start
    files = {f"/proc/{pid}/stat": render_stat(ProcessStat(pid, b"d", "S", tuple(numbers)))}
    for name, wait in waits.items():
        schedstat = render_schedstat(Schedstat(1, wait, 1))
        files[f"/proc/{pid}/task/{name[1:]}/schedstat"] = schedstat
    return files


def waited(before: Pass, files: dict[str, bytes]) -> tuple[Pass, float | None]:
    """What is known after a pass over these files, and what xapi waited by it."""
    tids = tuple(path.split("/")[4] for path in files if "/task/" in path)
    host = dom0(files, directories={"/proc/7/task": tids} if tids else {})
    known = after(CONTROL_PATH, host, before)
    assert known.snapshot.control_path is not None
    return known, known.snapshot.control_path.daemons["xapi"].wait_seconds


def test_waiting_of_threads_that_ended_is_not_lost() -> None:
    """The time waited only grows while the process lives, and begins anew with another."""
    first = Pass(Snapshot(daemons=Daemons({"xapi": DaemonProcess(7, "xapi", 1, None)})))
    both, before = waited(first, process(7, 100, 50, t7=2_000_000_000, t8=1_000_000_000))
    one, after = waited(both, process(7, 100, 50, t7=2_500_000_000))
    _, anew = waited(one, process(7, 1, 90, t7=500_000_000))

    assert (before, after, anew) == (3.0, 3.5, 0.5)


def test_waiting_is_told_a_second() -> None:
    """What a daemon waits a second is taken over five minutes, and anew for another process."""
    known = Pass(Snapshot(daemons=Daemons({"xapi": DaemonProcess(7, "xapi", 1, None)})))
    found = []
    for minute, start in ((0, 50), (1, 50), (2, 50), (8, 50), (9, 90)):
        files = process(7, 100, start, t7=minute**2 * 1_000_000_000)
        files["/proc/uptime"] = b"%d.00 1.00\n" % (60 * minute)
        host = dom0(files, directories={"/proc/7/task": ("7",)})
        known = after(CONTROL_PATH, host, known)
        assert known.snapshot.control_path is not None
        found.append(known.snapshot.control_path.daemons["xapi"].waiting)

    assert found == [None, 1 / 60, 4 / 120, 60 / 360, None]


def test_a_daemons_times() -> None:
    """CPU time is told without schedstat, waiting is not; a daemon that ended has none."""
    daemons = {
        "xapi": DaemonProcess(7, "xapi", 1, None),
        "xenstored": DaemonProcess(8, "oxenstored", 1, None),
    }
    host = dom0(process(7, 250, 50))

    found = value_of(CONTROL_PATH, host, Snapshot(daemons=Daemons(daemons)))

    assert set(found.daemons) == {"xapi"}
    assert found.daemons["xapi"].cpu_seconds == 2.5
    assert found.daemons["xapi"].wait_seconds is None


def test_a_kernel_that_keeps_no_waiting_tells_none() -> None:
    """Where every schedstat is zeros nothing was measured, and nothing is not no waiting."""
    files = process(7, 100, 50, t7=0)
    files["/proc/7/task/7/schedstat"] = b"0 0 0\n"

    first = Pass(Snapshot(daemons=Daemons({"xapi": DaemonProcess(7, "xapi", 1, None)})))
    _, wait = waited(first, files)

    assert wait is None


def test_it_does_not_apply_without_xen() -> None:
    """No daemon is asked on a host that is no dom0."""
    assert outcome_of(CONTROL_PATH, FakeHost(files=BARE)).status is Status.NOT_APPLICABLE


def test_a_stopped_xenstored_of_the_synthetic_host() -> None:
    """The model's xenstored can fall silent, and its xapi has a history of its own."""
    machine = Machine(PLATFORMS["xcp-ng-8.3"])
    source = ModelSource(machine)
    first = take(source, PROBES)
    machine.dom0.round_trips = {"xapi": 1.5}

    value = take(source, [CONTROL_PATH], before=first).snapshot.control_path

    assert value is not None
    assert value.round_trips["xenstored"].failures == 1
    assert sum(value.round_trips["xapi"].counts) == 2
    assert set(value.daemons) == {"xenstored", "xenconsoled", "xapi", "xenopsd"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tree of files by a short path: that of a socket may not be longer than 107 bytes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var/lib/xcp").mkdir(parents=True)
    (tmp_path / "var/xapi").mkdir(parents=True)
    return "."


@pytest.fixture
def listener(root: str) -> Iterator[socket.socket]:
    """A socket where xapi listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(f"{root}/var/lib/xcp/xapi")
        server.listen()
        yield server


def answered(server: socket.socket, root: str, answer: bytes) -> float:
    """A round trip to a xapi that gives this answer."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            assert connection.recv(4096).startswith(b"GET / HTTP/1.0\r\n")
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return round_trip(root)
    finally:
        thread.join(10)


@pytest.mark.parametrize("status", [b"200 OK", b"302 Found", b"404 Not Found"])
def test_any_status_of_xapi_is_an_answer(listener: socket.socket, root: str, status: bytes) -> None:
    """xapi that answers at all, a redirection or a refusal too, has answered."""
    seconds = answered(listener, root, b"HTTP/1.1 " + status + b"\r\n\r\n")

    assert 0 < seconds < 10


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Busy\r\n\r\n", b"", b"SSH-2.0-x y z\r\n"])
def test_other_answers_of_xapi_are_failures(
    listener: socket.socket, root: str, answer: bytes
) -> None:
    """A server error, a closed connection and another program's words are no round trip."""
    with pytest.raises(SourceError, match="xapi"):
        answered(listener, root, answer)


def test_a_xapi_that_says_nothing_is_left_after_the_deadline(
    listener: socket.socket, root: str
) -> None:
    """A xapi that takes the connection and hangs is a failure, not a hang."""
    assert listener.fileno() >= 0
    with pytest.raises(SourceError, match=r"timed out after 0\.05 s"):
        round_trip(root, deadline=0.05)


def test_without_a_socket_xapi_is_missing(root: str) -> None:
    """A host that never had xapi is told from one whose xapi does not answer."""
    with pytest.raises(SourceError) as caught:
        round_trip(root)

    assert caught.value.missing


def test_a_socket_nobody_listens_on_is_no_missing_one(root: str) -> None:
    """A xapi that has ended leaves its socket: that is a refusal."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(f"{root}/var/xapi/xapi")
    with pytest.raises(SourceError, match=os.strerror(errno.ECONNREFUSED)) as caught:
        round_trip(root)

    assert not caught.value.missing
