"""The kernel log by /dev/kmsg, read on from where it was left."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from xenwatch.parse.kmsg import parse_kmsg
from xenwatch.sources.base import SourceError
from xenwatch.sources.kernel_log import KernelLogReader


class Device:
    """A /dev/kmsg in place of `os.open`, `os.read` and `os.close`, with the kernel's answers.

    `first` is the oldest record that is there; `at` is the next record of the open descriptor.
    """

    def __init__(self) -> None:
        self.first, self.next, self.at = 0, 0, 0
        self.opened = 0
        self.reads = 0

    def open(self, path: str, flags: int) -> int:
        """A descriptor at the oldest record."""
        assert path == "/root/dev/kmsg"
        assert flags & os.O_NONBLOCK
        assert not flags & os.O_RDWR
        self.opened += 1
        self.at = self.first
        return 70

    def read(self, fd: int, size: int) -> bytes:
        """The next record, EPIPE where it was overwritten, EAGAIN at the end."""
        assert (fd, size) == (70, 1 << 16)
        self.reads += 1
        if self.at < self.first:
            self.at = self.first
            raise OSError(errno.EPIPE, "")
        if self.at == self.next:
            raise OSError(errno.EAGAIN, "")
        self.at += 1
        return b"6,%d,0,-;message\n SUBSYSTEM=x,1\n" % (self.at - 1)

    def close(self, fd: int) -> None:
        """Close the descriptor."""
        assert fd == 70


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """A device with three records."""
    found = Device()
    found.next = 3
    with monkeypatch.context() as patch:
        for name in ("open", "read", "close"):
            patch.setattr(os, name, getattr(found, name))
        yield found


def numbers(log: bytes) -> list[int]:
    """The numbers of the records."""
    return [record.number for record in parse_kmsg(log)]


def test_each_record_is_read_once(device: Device) -> None:
    """A read goes on behind the last one, on the same descriptor, and costs one call at the end."""
    reader = KernelLogReader("/root")
    assert numbers(reader.read(-1, 4096)) == [0, 1, 2]
    before = device.reads
    assert numbers(reader.read(2, 4096)) == []
    assert device.reads == before + 1
    device.next = 5

    assert numbers(reader.read(2, 4096)) == [3, 4]
    assert device.opened == 1


def test_a_read_is_bounded(device: Device) -> None:
    """Records end with the one that makes it `limit` bytes; the next read has the rest."""
    reader = KernelLogReader("/root")
    device.next = 100

    assert numbers(reader.read(-1, 50)) == [0, 1]
    assert numbers(reader.read(1, 50)) == [2, 3]


def test_overwritten_records_are_passed_over(device: Device) -> None:
    """The oldest record there is follows; the gap shows in the numbers."""
    reader = KernelLogReader("/root")
    reader.read(-1, 4096)
    device.first, device.next = 7, 9

    assert numbers(reader.read(2, 4096)) == [7, 8]


def test_a_lost_answer_is_given_again(device: Device) -> None:
    """Asked for another place than the descriptor's, it is opened again and what is known skipped.

    As when a run of the probe missed its deadline after its records were read.
    """
    reader = KernelLogReader("/root")
    reader.read(-1, 4096)

    assert numbers(reader.read(0, 30)) == [1]
    assert numbers(reader.read(1, 4096)) == [2]
    assert device.opened == 2


def test_a_log_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """The error names the device, and the next read tries again."""
    reader = KernelLogReader(str(tmp_path))
    with pytest.raises(SourceError, match="/dev/kmsg: No such file or directory") as caught:
        reader.read(-1, 4096)
    assert caught.value.errno == errno.ENOENT
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kmsg").write_bytes(b"6,1,0,-;message\n")

    assert numbers(reader.read(-1, 4096)) == [1]
    reader.close()
    assert numbers(reader.read(-1, 4096)) == [1]
    reader.close()


def test_what_is_no_record_is_an_error(tmp_path: Path) -> None:
    """A file without numbers of records is no kernel log."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kmsg").write_bytes(b"message\n")

    with pytest.raises(SourceError, match="a record without a number"):
        KernelLogReader(str(tmp_path)).read(-1, 4096)
