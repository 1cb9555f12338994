"""A reader and those who ask it: what hangs, what ends, what is garbage, and what it costs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import weakref
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reader.serving import UPTIME, Hanging, asking, reason, serving, standing_clock
from tests.sources.fakes import TableSource
from xenwatch.reader import server
from xenwatch.reader.listener import MODE, listening
from xenwatch.reader.server import checked
from xenwatch.reader.verbs import TOGETHER_MAX
from xenwatch.readings.origin import LIVE
from xenwatch.sockets.unix import listen_unix
from xenwatch.sources import base, frames
from xenwatch.sources.base import READ_LIMIT, CommandOutput, SourceError, programs_time, read_ahead
from xenwatch.sources.frames import FrameError
from xenwatch.sources.host import HostSource
from xenwatch.sources.remote import RemoteSource
from xenwatch.sources.tracefs import PollHistograms


def test_hung_reads_hang_nothing_else(tmp_path: Path) -> None:
    """With 64 reads that hang all else is answered; each fails in time; they free their threads."""
    host = Hanging()
    with asking(host, tmp_path, seconds=1.0) as remote:
        found: list[str] = []
        threads = [
            threading.Thread(target=lambda n=n: found.append(reason(remote, f"/proc/{n}/comm")))
            for n in range(64)
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            host.waiting.acquire()
        assert remote.read("/proc/uptime") == UPTIME["/proc/uptime"]
        for thread in threads:
            thread.join()
        assert found == ["reader: timed out"] * 64
        host.free.set()
        assert remote.read("/proc/1/comm") == b"late\n"


def test_a_question_that_hangs_is_not_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a read hangs the same one is refused at once, so that the threads are not used up."""
    monkeypatch.setattr(server, "HANGS", 0.0)
    host = Hanging()
    with asking(host, tmp_path, seconds=0.5) as remote:
        assert reason(remote, "/proc/1/comm") == "reader: timed out"
        assert reason(remote, "/proc/1/comm") == (
            "/proc/1/comm: an earlier question for it still hangs"
        )
        host.free.set()
        host.waiting.acquire()
        while True:
            with contextlib.suppress(SourceError):
                assert remote.read("/proc/1/comm") == b"late\n"
                break


def test_asking_often_does_not_hide_that_a_question_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs since the first of those that wait for it, however soon others came after that."""
    clock = standing_clock(monkeypatch)
    host = Hanging()
    with asking(host, tmp_path, seconds=0.5) as remote:
        for clock.now in (0.0, 0.8 * server.HANGS):
            assert reason(remote, "/proc/1/comm") == "reader: timed out"
            host.waiting.acquire()
        clock.now = 1.6 * server.HANGS
        assert reason(remote, "/proc/1/comm").endswith("an earlier question for it still hangs")
        host.free.set()


def test_who_comes_when_all_threads_hang_is_told_so(tmp_path: Path) -> None:
    """With every thread waiting a further connection is rejected with the reason."""
    host = Hanging()
    with asking(host, tmp_path, seconds=1.0, threads_max=2) as remote:
        for number in (1, 2):
            assert reason(remote, f"/proc/{number}/comm") == "reader: timed out"
        assert reason(remote, "/proc/uptime") == "reader: busy: all 2 threads wait for an answer"
        host.free.set()
        while True:
            with contextlib.suppress(SourceError):
                assert remote.read("/proc/uptime") == UPTIME["/proc/uptime"]
                break


def test_who_connects_again_and_again_fills_no_log(tmp_path: Path) -> None:
    """A reason for rejections is told once a minute."""
    path = tmp_path / "reader.sock"
    with serving(TableSource(UPTIME), path, threads_max=0) as said:
        for _ in range(20):
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
                client.connect(str(path))
                assert b"busy" in client.recv(1 << 16)
    assert said == ["a connection was rejected: busy: all 0 threads wait for an answer"]


def test_without_a_reader_nothing_is_missing(tmp_path: Path) -> None:
    """No socket, and one nobody listens on, are errors about the reader, not about the file."""
    path = tmp_path / "reader.sock"
    remote = RemoteSource(str(path))
    assert reason(remote, "/proc/uptime") == (
        f"reader: no socket {path}; is xenwatch-reader.socket running?"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
        with pytest.raises(SourceError) as caught:
            remote.read("/proc/uptime")
    assert str(caught.value) == ("reader: connection refused; is xenwatch-reader.socket running?")
    assert not caught.value.missing
    with pytest.raises(SourceError, match="reader: Not a directory") as caught:
        RemoteSource(str(path / "below")).read("/proc/uptime")
    assert not caught.value.missing


def test_a_reader_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    """Connections that ended with a reader are replaced when the next one listens, unnoticed."""
    path = tmp_path / "reader.sock"
    with contextlib.closing(RemoteSource(str(path))) as remote:
        for content in (b"1\n", b"2\n"):
            with serving(TableSource(files={"/proc/uptime": content}), path):
                assert remote.read("/proc/uptime") == content
        assert "connection refused" in reason(remote, "/proc/uptime")


@pytest.mark.parametrize("answer", [b"", b"\0", b"\0\0\0\x05hello", b"\xff\xff\xff\xffrest"])
def test_a_reader_that_answers_garbage_is_an_error(tmp_path: Path, answer: bytes) -> None:
    """An answer that is cut short, too long or of another form fails the one question."""
    listener = listen_unix(str(tmp_path / "reader.sock"), MODE)

    def once() -> None:
        with listener, listener.accept()[0] as connection:
            connection.sendall(frames.greeting("a test", LIVE))
            connection.recv(1000)
            connection.sendall(answer)

    thread = threading.Thread(target=once)
    thread.start()
    with contextlib.closing(RemoteSource(str(tmp_path / "reader.sock"))) as remote:
        assert reason(remote, "/proc/uptime").startswith("reader: ")
    thread.join()


@settings(deadline=None, max_examples=25)
@given(garbage=st.binary(max_size=200))
def test_garbage_ends_its_connection_alone(
    garbage: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is sent ends that connection, or is answered with an error; others are served."""
    directory = tmp_path_factory.mktemp("garbage")
    with asking(TableSource(files=UPTIME), directory) as remote:
        assert remote.read("/proc/uptime") == UPTIME["/proc/uptime"]
        for sent in (garbage, frames.framed(garbage or b"[]"), b'[["read"'):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(60)
                client.connect(str(directory / "reader.sock"))
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                while client.recv(1 << 16):
                    pass
        assert remote.read("/proc/uptime") == UPTIME["/proc/uptime"]


def test_a_front_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    """A front that ends within a question, or takes no answer, costs the reader no thread."""
    host = Hanging()
    with asking(host, tmp_path, threads_max=2) as remote:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(tmp_path / "reader.sock"))
            client.sendall(frames.question("read", ["/proc/1/comm"], 100))
            host.waiting.acquire()
        host.free.set()
        for _ in range(3):
            assert remote.read("/proc/1/comm") == b"late\n"


def test_the_cpu_time_of_the_reader_is_charged(tmp_path: Path) -> None:
    """What a question costs the reader, its programs included, counts for the thread that asks."""

    class Busy(TableSource):
        def run(self, argv: object, deadline: float = 5.0) -> CommandOutput:
            base.charge(3.0)
            return CommandOutput(0, b"", b"")

    with asking(Busy(), tmp_path) as remote:
        before = programs_time()
        remote.run(("/usr/sbin/xl", "dmesg"))
        assert 3.0 <= programs_time() - before < 4.0


def test_what_was_read_ahead_is_given_once(tmp_path: Path) -> None:
    """Files read ahead are answered from that one question, each once, and errors as errors."""
    host = TableSource(files=UPTIME, stats={"/boot/xen.gz": b"1 2\n"})
    with asking(host, tmp_path) as remote:
        read_ahead(remote, "read", ["/proc/uptime", "/proc/stat", "/etc/shadow"])
        read_ahead(remote, "stat", ["/boot/xen.gz"])
        asked = len(host.asked)
        assert remote.read("/proc/uptime") == UPTIME["/proc/uptime"]
        assert remote.stat("/boot/xen.gz") == b"1 2\n"
        assert "No such file" in reason(remote, "/proc/stat")
        assert "refused by the reader" in reason(remote, "/etc/shadow")
        assert len(host.asked) == asked == 3
        assert list(remote.refused) == ["/etc/shadow"]
        remote.read("/proc/uptime")
        assert len(host.asked) == asked + 1


def test_an_error_goes_once_it_is_told(tmp_path: Path) -> None:
    """It keeps nothing of the run that asked for it until the collector comes."""
    with asking(TableSource(), tmp_path) as remote:
        read_ahead(remote, "read", ["/proc/stat"])
        for verb in (remote.read, remote.listdir):
            try:
                verb("/proc/stat")
            except SourceError as error:
                told = weakref.ref(error)
            assert told() is None


def test_what_was_read_ahead_grows_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that nobody has asked for in time is asked for again."""
    monkeypatch.setattr("xenwatch.sources.remote.AHEAD_SECONDS", 0.0)
    host = TableSource(files=UPTIME)
    with asking(host, tmp_path) as remote:
        read_ahead(remote, "read", ["/proc/uptime"])
        remote.read("/proc/uptime")
    assert host.asked == ["/proc/uptime"] * 2


def test_large_files_are_not_read_ahead(tmp_path: Path) -> None:
    """Beyond a size no more of the files is read at once; each is answered when it is asked for."""
    paths = [f"/proc/{number}/stat" for number in range(8)]
    large = b"x" * READ_LIMIT
    host = TableSource(files=dict.fromkeys(paths, large))
    with asking(host, tmp_path) as remote:
        read_ahead(remote, "read", paths)
        assert len(host.asked) == TOGETHER_MAX // READ_LIMIT + 1
        assert remote.read(paths[7]) == large


def test_histograms_are_set_up_and_removed_by_the_reader(tmp_path: Path) -> None:
    """The front has the histograms in tracefs set up where the reader reads a host."""
    done: list[str] = []

    class Recorded(PollHistograms):
        def set_up(self) -> None:
            done.append("set up")

        def remove(self) -> None:
            raise SourceError("/sys/kernel/tracing", "Device or resource busy", 16)

    path = tmp_path / "reader.sock"
    with (
        serving(TableSource(), path, histograms=Recorded()),
        contextlib.closing(RemoteSource(str(path))) as remote,
    ):
        remote.set_up()
        with pytest.raises(SourceError, match="Device or resource busy"):
            remote.remove()
    assert done == ["set up"]


@pytest.mark.parametrize("last", ["set_up", "remove"])
def test_histograms_do_not_outlive_the_reader(last: str, tmp_path: Path) -> None:
    """What the reader has set up it removes at its end, for a front that is stopped with it."""
    done: list[str] = []

    class Recorded(PollHistograms):
        def set_up(self) -> None:
            done.append("set_up")

        def remove(self) -> None:
            done.append("remove")

    path = tmp_path / "reader.sock"
    with (
        serving(TableSource(), path, histograms=Recorded()),
        contextlib.closing(RemoteSource(str(path))) as remote,
    ):
        remote.set_up()
        if last == "remove":
            remote.remove()
    assert done == ["set_up", "remove"]


@pytest.mark.parametrize("bound", [10**400, True, "5", [5]], ids=["huge", "true", "text", "list"])
def test_a_bound_of_another_form_ends_the_connection(bound: object) -> None:
    """Whatever number is said for one, of a command or of a file, is taken or is a FrameError."""
    for verb, arguments in (("run", ["/usr/sbin/xl", "dmesg"]), ("read", ["/proc/uptime"])):
        asked = frames.question(verb, arguments)[frames.PREFIX : -len("null]")]
        frame = asked + json.dumps(bound).encode() + b"]"
        with contextlib.suppress(FrameError):
            checked(*frames.parse_question(frame))


def test_two_readers_do_not_share_a_socket(tmp_path: Path) -> None:
    """A second reader is refused; what a killed one left is replaced; a file is not."""
    path, taken = tmp_path / "reader.sock", "reader.sock: Address already in use; choose another"
    with serving(TableSource(), path), pytest.raises(SourceError, match=taken):
        listen(path)
    assert path.exists()
    with serving(TableSource(), path):
        assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    path.touch()
    with pytest.raises(SourceError, match=taken):
        listen(path)
    with pytest.raises(SourceError, match="path too long; choose another path with --socket"):
        listen(Path(f"{path}{'x' * 108}"))


def test_a_directory_of_others_is_refused(tmp_path: Path) -> None:
    """Where somebody else could replace the socket, there is none; a sticky one will do."""
    tmp_path.chmod(0o777)
    with pytest.raises(SourceError, match=r"others may write to it; run: chmod go-w .*--socket"):
        listen(tmp_path / "reader.sock")
    assert not list(tmp_path.iterdir())
    tmp_path.chmod(0o1777)
    listen(tmp_path / "reader.sock")


def listen(path: Path) -> None:
    """Listen at a path as the command does, and end at once."""
    with listening(str(path), {}):
        pass


def test_others_are_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is neither root nor the owner of the socket is told so, and nothing else."""
    monkeypatch.setattr("xenwatch.reader.listener.peer", lambda _: os.getuid() + 4242)
    with asking(TableSource(files=UPTIME), tmp_path) as remote:
        assert reason(remote, "/proc/uptime") == (
            "reader: permission denied: not root, nor the owner of the socket"
        )


@pytest.mark.no_cover
def test_an_idle_reader_uses_no_cpu(tmp_path: Path) -> None:
    """A reader with connections that say nothing waits in the kernel."""
    with asking(TableSource(files=UPTIME), tmp_path) as remote:
        remote.read("/proc/uptime")
        before = time.process_time()
        threading.Event().wait(2.0)
        assert time.process_time() - before < 0.02


def test_no_link_in_shared_memory_is_followed(tmp_path: Path) -> None:
    """A link that a user has put where tapdisks have their files leads the reader nowhere."""
    shared, secret = tmp_path / "dev/shm", tmp_path / "secret"
    secret.mkdir()
    (secret / "statistics").write_text("root's\n")
    shared.mkdir(parents=True)
    (shared / "td3-1").symlink_to(secret)
    (shared / "vbd3-1-2").symlink_to(secret)
    (shared / "vbd3-1-3").mkdir()
    (shared / "vbd3-1-3/statistics").symlink_to(secret / "statistics")
    (shared / "vbd3-1-4").mkdir()
    (shared / "vbd3-1-4/statistics").write_text("tapdisk's\n")
    source = HostSource(str(tmp_path))
    for path in ("/dev/shm/vbd3-1-2/statistics", "/dev/shm/vbd3-1-3/statistics"):
        assert "root" not in reason(source, path)
    with pytest.raises(SourceError):
        source.listdir("/dev/shm/td3-1")
    assert source.listdir("/dev/shm/vbd3-1-4") == ("statistics",)
    assert source.read("/dev/shm/vbd3-1-4/statistics") == b"tapdisk's\n"


def test_no_link_of_openvswitch_is_followed(tmp_path: Path) -> None:
    """Where Open vSwitch runs as a user of its own, a link for its pid file leads nowhere."""
    directory, secret = tmp_path / "run/openvswitch", tmp_path / "secret"
    secret.write_text("root's\n")
    directory.mkdir(parents=True)
    (directory / "ovs-vswitchd.pid").symlink_to(secret)
    (directory / "ovsdb-server.pid").write_text("12\n")
    source = HostSource(str(tmp_path))

    assert "root" not in reason(source, "/run/openvswitch/ovs-vswitchd.pid")
    assert source.read("/run/openvswitch/ovsdb-server.pid") == b"12\n"
