"""Segments: what was written whole is there, whatever has become of the rest."""

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.readings.origin import Origin
from xenwatch.record import frames
from xenwatch.record.frames import FIXED, Begin, FrameError, Moment
from xenwatch.record.header import Header, HeaderError
from xenwatch.record.segments import Name, Segment, Writer

HEADER = Header("0.2.0", Origin("host"), {"xenwatch.readings.clock.Clock": ("a", "b")})


def moment(time: float, *, marked: bool = False, **values: bytes) -> Moment:
    """A moment with these values."""
    return Moment(time, time - 1000.0, marked, values)


WRITTEN = (
    moment(1e9, domains=b"three", irqs=b""),
    moment(1e9 + 10, domains=b"four", irqs=b""),
    moment(1e9 + 20, marked=True, domains=b"four", irqs=b"some"),
)
READ = tuple(one.values for one in WRITTEN)


def segment(directory: Path) -> Path:
    """A segment of three moments."""
    path = directory / str(Name(1e9, 0))
    writer = Writer(path, HEADER)
    for one in WRITTEN:
        writer.append(one)
    writer.close()
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Each moment has all values, those that have not changed too; and the header is the same."""
    found = Segment(segment(tmp_path))
    read = list(found.moments())
    assert [one.values for one in read] == list(READ)
    assert [(one.time, one.instant, one.marked) for one in read] == [
        (one.time, one.instant, one.marked) for one in WRITTEN
    ]
    assert found.header == HEADER
    assert [one.values for one in found.moments((2,))] == [READ[2]]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """It names VMs."""
    assert segment(tmp_path).stat().st_mode & 0o777 == 0o600


def test_cut_anywhere_the_moments_before_are_there(tmp_path: Path) -> None:
    """A crash in the middle of a write loses that moment alone."""
    path = segment(tmp_path)
    whole = path.read_bytes()
    ends = [place.offset + place.begin.size for place in Segment(path).places]
    for length in range(len(HEADER.line()), len(whole) + 1):
        path.write_bytes(whole[:length])
        read = Segment(path)
        assert [one.values for one in read.moments()] == list(
            READ[: sum(end <= length for end in ends)]
        )
        assert not read.is_damaged, "that is told of other damage"


def test_bytes_that_were_not_written_are_damage(tmp_path: Path) -> None:
    """In the mark of a frame, in its head, and where zeros follow, as after a power failure."""
    path = segment(tmp_path)
    whole = path.read_bytes()
    second = Segment(path).places[1].offset
    for at in (second, second + FIXED):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert Segment(path).is_damaged
        assert len(Segment(path).places) == 1
    path.write_bytes(whole + bytes(100))
    assert Segment(path).is_damaged


@settings(deadline=None)
@given(st.data())
def test_damaged_anywhere_it_is_none_or_the_moments_before(data: st.DataObject) -> None:
    """A flipped byte never makes a moment that there was not."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = segment(Path(directory))
        raw = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(raw)
        try:
            found = [one.values for one in Segment(path).moments()]
        except HeaderError:
            return
        if place >= len(HEADER.line()):
            assert found == list(READ[: len(found)])
            times = [place.head.time for place in Segment(path).places]
            assert times == [one.time for one in WRITTEN[: len(times)]]


@pytest.mark.parametrize("content", [b"", b"{}\n", b"text", b'{"format": 1}\n', b"[]\n", b"1\n"])
def test_another_file_is_no_segment(tmp_path: Path, content: bytes) -> None:
    """It is said so."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(HeaderError, match="not written by xenwatch, or damaged"):
        Segment(path)


def test_a_later_format_is_named(tmp_path: Path) -> None:
    """With what to do."""
    path = tmp_path / "other"
    path.write_bytes(HEADER.line().replace(b'"format": 1', b'"format": 2'))
    with pytest.raises(HeaderError, match="format 2; update xenwatch"):
        Segment(path)


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk half a frame is cut off again, and the next one can be read."""
    path = tmp_path / str(Name(1e9, 0))
    writer = Writer(path, HEADER)
    writer.append(WRITTEN[0])
    write, calls = os.write, []

    def full(fd: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return write(fd, data[:7])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            writer.append(WRITTEN[1])
    writer.append(WRITTEN[2])
    writer.close()
    assert [one.time for one in Segment(path).moments()] == [1e9, 1e9 + 20]


@pytest.mark.parametrize("writes", [0, 1])
def test_a_segment_without_a_moment_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """A full disk is not filled with empty files, nor with files that have a header alone."""
    write, left = os.write, [writes]

    def full(fd: int, data: bytes) -> int:
        if left[0]:
            left[0] -= 1
            return write(fd, data)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        Writer(tmp_path / str(Name(1e9, 0)), HEADER).append(WRITTEN[0])
    assert list(tmp_path.iterdir()) == []


def test_only_what_has_changed_is_written_again(tmp_path: Path) -> None:
    """The frame of a moment that is as the one before has no values."""
    path = tmp_path / str(Name(1e9, 0))
    writer = Writer(path, HEADER)
    for one in (WRITTEN[0], WRITTEN[0], WRITTEN[1]):
        writer.append(one)
    writer.close()
    whole = sum(map(len, WRITTEN[0].values.values()))
    assert [place.begin.values for place in Segment(path).places] == [
        whole,
        0,
        len(WRITTEN[1].values["domains"]),
    ]


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    """Root reads what another user can replace: nothing hangs or leads elsewhere."""
    path = tmp_path / str(Name(1e9 + 1, 0))
    if kind == "link":
        path.symlink_to(segment(tmp_path))
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(OSError, match=r"Too many levels|not a regular file"):
        Segment(path)


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000_000), st.integers(0, 2))
def test_a_name_is_read_back(milliseconds: int, level: int) -> None:
    """To the millisecond; and names sort by time."""
    name = Name(milliseconds / 1000, level)
    found = Name.of(str(name))
    assert found is not None
    assert abs(found.time - name.time) < 0.0011
    assert found.level == level


@pytest.mark.parametrize("file", ["", "a.moments", "99999999T999999.000Z-0.moments", "x-3.moments"])
def test_other_files_have_no_such_name(file: str) -> None:
    """They are left alone."""
    assert Name.of(file) is None


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_an_error(raw: bytes) -> None:
    """Damage raises `FrameError` alone."""
    begin = Begin(len(raw), zlib.crc32(raw), 0, 0)
    with contextlib.suppress(FrameError):
        frames.parse_begin(raw[:FIXED])
    with contextlib.suppress(FrameError):
        frames.parse_head(begin, raw)
