"""The live source: this machine, and roots of our own."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from xenwatch.parse.rtnl import parse_links
from xenwatch.parse.statvfs import parse_statvfs
from xenwatch.parse.text import uname
from xenwatch.sources import host
from xenwatch.sources.base import CommandOutput, Hypercall, SourceError
from xenwatch.sources.host import HostSource

PATH = "/etc/file"

VERBS: dict[str, Callable[[HostSource], object]] = {
    "read": lambda source: source.read("/nowhere"),
    "listdir": lambda source: source.listdir("/nowhere"),
    "readlink": lambda source: source.readlink("/nowhere"),
    "certificates": lambda source: source.certificates("/nowhere"),
    "stat": lambda source: source.stat("/nowhere"),
    "statvfs": lambda source: source.statvfs("/nowhere"),
    "run": lambda source: source.run(("/nowhere",)),
}


@pytest.fixture
def root(tmp_path: Path) -> HostSource:
    """A root with nothing but an empty /etc."""
    (tmp_path / "etc").mkdir()
    return HostSource(str(tmp_path))


def test_a_file_is_read_below_the_root(root: HostSource, tmp_path: Path) -> None:
    """Every byte of the file comes back, whatever it is."""
    content = bytes(range(256)) * 1000
    (tmp_path / "etc/file").write_bytes(content)

    assert root.read(PATH) == content


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_root_may_end_with_a_slash(tmp_path: Path, slash: str) -> None:
    """The root means the same with and without a slash at its end."""
    (tmp_path / "file").write_bytes(b"1")

    assert HostSource(f"{tmp_path}{slash}").read("/file") == b"1"


@pytest.mark.parametrize("size", [0, 9, 10])
def test_a_file_up_to_the_limit_is_read(root: HostSource, tmp_path: Path, size: int) -> None:
    """A file of as many bytes as may be read is not too long."""
    (tmp_path / "etc/file").write_bytes(bytes(size))

    assert root.read(PATH, 10) == bytes(size)


@pytest.mark.parametrize("size", [11, 1 << 20])
def test_a_longer_file_is_refused(root: HostSource, tmp_path: Path, size: int) -> None:
    """A file over the limit is an error and never a part of it."""
    (tmp_path / "etc/file").write_bytes(bytes(size))
    with pytest.raises(SourceError, match="/etc/file: longer than 10 bytes"):
        root.read(PATH, 10)


def test_an_endless_file_is_refused() -> None:
    """A file without end costs no more memory than the limit."""
    with pytest.raises(SourceError, match="/dev/zero: longer than"):
        HostSource().read("/dev/zero")


def test_the_kernel_log_is_cut_and_not_refused(
    monkeypatch: pytest.MonkeyPatch, root: HostSource, tmp_path: Path
) -> None:
    """Of a kernel log over the limit the oldest bytes are what is there."""
    monkeypatch.setattr(host, "KMSG", PATH)
    (tmp_path / "etc/file").write_bytes(b"oldest, newest")

    assert root.read(PATH, 6) == b"oldest"


def test_the_kernel_log_ends_where_it_would_block(
    monkeypatch: pytest.MonkeyPatch, root: HostSource, tmp_path: Path
) -> None:
    """Reading the kernel log ends at its newest record and passes over overwritten ones."""
    answers: list[bytes | OSError] = [
        b"first",
        OSError(errno.EPIPE, ""),
        b"second",
        OSError(errno.EAGAIN, ""),
    ]

    def read(fd: int, size: int) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    (tmp_path / "etc/file").touch()
    monkeypatch.setattr(host, "KMSG", PATH)
    monkeypatch.setattr(os, "read", read)

    assert root.read(PATH) == b"firstsecond"


def test_a_pipe_without_writer_does_not_hang(root: HostSource, tmp_path: Path) -> None:
    """A named pipe nobody writes to is empty."""
    os.mkfifo(tmp_path / "etc/file")

    assert root.read(PATH) == b""


def test_a_pipe_with_a_silent_writer_does_not_hang(root: HostSource, tmp_path: Path) -> None:
    """A named pipe whose writer says nothing is an error at once."""
    os.mkfifo(tmp_path / "etc/file")
    writer = os.open(tmp_path / "etc/file", os.O_RDWR)
    with pytest.raises(SourceError, match="/etc/file: Resource temporarily unavailable"):
        root.read(PATH)
    os.close(writer)


def test_a_directory_is_no_file(root: HostSource) -> None:
    """Reading a directory is an error that is not one of a missing file."""
    with pytest.raises(SourceError, match="/etc: Is a directory") as caught:
        root.read("/etc")

    assert not caught.value.missing


def test_names_are_sorted_and_may_be_any_bytes(root: HostSource, tmp_path: Path) -> None:
    """A directory's names come sorted, undecodable bytes as surrogates."""
    for name in (b"b", b"a", b"\xff"):
        Path(os.fsdecode(os.fsencode(tmp_path / "etc") + b"/" + name)).touch()

    assert root.listdir("/etc") == ("a", "b", "\udcff")


def test_a_link_is_told_and_not_followed(root: HostSource, tmp_path: Path) -> None:
    """A link's target is its text, whether or not there is such a file."""
    (tmp_path / "etc/file").symlink_to("../nowhere")

    assert root.readlink(PATH) == "../nowhere"


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_what_is_missing_is_named(verb: Callable[[HostSource], object]) -> None:
    """Of a file that is not there the error says which and that it is missing."""
    with pytest.raises(SourceError, match="/nowhere: No such file") as caught:
        verb(HostSource())

    assert caught.value.missing
    assert caught.value.subject == "/nowhere"


def test_a_root_is_no_part_of_the_name(root: HostSource) -> None:
    """Errors name the path as the probe asked for it, on any root."""
    with pytest.raises(SourceError) as caught:
        root.read("/proc/meminfo")

    assert caught.value.subject == "/proc/meminfo"


def test_a_file_system_is_a_line_of_six_numbers() -> None:
    """The file system's sizes are those the kernel tells."""
    stat, told = parse_statvfs("/proc", HostSource().statvfs("/proc")), os.statvfs("/proc")

    assert (stat.frsize, stat.blocks, stat.files) == (told.f_frsize, told.f_blocks, told.f_files)


def test_a_file_system_that_hangs_costs_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer is an error, at once when asked again, and others are read."""
    source, release, asked = HostSource(), threading.Event(), []

    def statvfs(path: str) -> os.statvfs_result:
        asked.append(path)
        if path == "/dead":
            release.wait()
        return real("/proc")

    real = os.statvfs
    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(source._statvfs, "seconds", 0.01)
    with pytest.raises(SourceError, match=r"/dead: timed out after 0\.01 s"):
        source.statvfs("/dead")
    monkeypatch.setattr(source._statvfs, "seconds", 30)
    with pytest.raises(SourceError, match="/dead: an earlier call still hangs"):
        source.statvfs("/dead")
    assert source.statvfs("/well")
    release.set()

    assert asked.count("/dead") <= 1


def test_the_kernel_is_named_without_the_host() -> None:
    """System, release, version and machine are there, the host's name is not."""
    told = os.uname()
    fields = uname(HostSource().uname())

    assert fields == (told.sysname, told.release, told.version, told.machine)


def test_a_command_is_run() -> None:
    """A command of the running system leaves its status and its output."""
    assert HostSource().run(("/bin/echo", "xen")) == CommandOutput(0, b"xen\n", b"")


def test_no_command_is_run_below_another_root(root: HostSource, tmp_path: Path) -> None:
    """Below another root a command would be this system's and is refused."""
    with pytest.raises(
        SourceError, match=f"/bin/echo xen: commands are not run with rootfs {tmp_path}"
    ):
        root.run(("/bin/echo", "xen"))


def test_the_links_are_this_machines() -> None:
    """The dump of links can be parsed."""
    assert parse_links(HostSource().links())


def test_without_xen_a_hypercall_names_the_device(root: HostSource) -> None:
    """Without privcmd a hypercall is an error that names it, each time it is tried."""
    for _ in range(2):
        with pytest.raises(SourceError, match="/dev/xen/privcmd: No such file"):
            root.hypercall(Hypercall(17, (0,)))


def test_without_xenstored_a_request_names_it(root: HostSource) -> None:
    """Without xenstored a request is an error that says what is missing."""
    with pytest.raises(SourceError, match="xenstored: neither /run/xenstored/socket"):
        root.xenstore(2, b"/a\0")


def test_closing_leaves_nothing_open(tmp_path: Path) -> None:
    """After reading and closing no descriptor is left, and closing again does no harm."""
    (tmp_path / "dev/xen").mkdir(parents=True)
    (tmp_path / "dev/xen/privcmd").touch()
    before = set(os.listdir("/proc/self/fd"))
    source = HostSource(str(tmp_path))
    source.read("/dev/xen/privcmd")
    with pytest.raises(SourceError, match="hypercall 17"):
        source.hypercall(Hypercall(17, (0,)))
    source.close()
    source.close()

    assert set(os.listdir("/proc/self/fd")) <= before
