"""A record as it is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.record.disk import without_a_disk
from tests.record.test_store import BEGAN, filled, moment
from xenwatch.record import record as of_record
from xenwatch.record.record import Record
from xenwatch.record.store import SPAN, files
from xenwatch.sources.base import SourceError

__all__ = ["without_a_disk"]

TIMES = [BEGAN + 10 * n for n in range(150)]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """25 minutes of moments, one of ten seconds each."""
    filled(tmp_path, TIMES).close()
    return Record(str(tmp_path / "record"))


@pytest.mark.parametrize("after", [0.0, 0.5, 9.9])
@pytest.mark.parametrize("number", [0, 1, 59, 60, 149])
def test_the_newest_moment_at_a_time_is_found(record: Record, number: int, after: float) -> None:
    """That at the time itself, or the one before."""
    kept = record.at(TIMES[number] + after)
    assert kept.time == TIMES[number]
    assert record.load(kept)[1].values == moment(TIMES[number]).values


def test_before_its_begin_there_is_none(record: Record) -> None:
    """And that is said."""
    with pytest.raises(
        SourceError,
        match="before 2023-11-14 22:13:19 UTC; the oldest moment is of 2023-11-14 22:13:20 UTC",
    ):
        record.at(BEGAN - 1)
    with pytest.raises(SourceError, match="before 2023-11-14 22:13:20 UTC, the oldest moment"):
        record.at(BEGAN - 1e-6)


@pytest.mark.parametrize("number", [0, 1, 59, 60, 148])
def test_the_next_moment_is_found(record: Record, number: int) -> None:
    """Also across segments; after the last one there is none."""
    for time in (TIMES[number], TIMES[number] + 9.9):
        assert record.after(time).time == TIMES[number + 1]
    assert record.after(0.0).time == TIMES[0]
    with pytest.raises(SourceError, match="nothing was recorded after 2023-11-14 22:38:10 UTC"):
        record.after(TIMES[149])


def test_the_next_moment_is_looked_for_where_it_may_be(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a week of segments only those around the time are read."""
    read: list[Path] = []
    places = Record._places

    def counted(self: Record, path: Path) -> object:
        read.append(path)
        return places(self, path)

    monkeypatch.setattr(Record, "_places", counted)
    record.after(TIMES[148])

    assert len(read) == 1


def test_one_segment_is_a_record_too(tmp_path: Path, record: Record) -> None:
    """So that one can be sent to somebody."""
    second = files(tmp_path / "record")[1]
    alone = Record(str(second.path))
    assert [alone.at(time).time for time in (TIMES[60], 1e11)] == [TIMES[60], TIMES[119]]
    assert second.name.time == BEGAN + SPAN


def test_what_is_written_meanwhile_is_seen(tmp_path: Path) -> None:
    """A record is looked at while the daemon goes on."""
    store = filled(tmp_path, TIMES[:2])
    record = Record(str(tmp_path / "record"))
    assert record.at(1e11).time == TIMES[1]
    store.append(moment(TIMES[2]), store._header or pytest.fail("no header"))
    assert record.at(1e11).time == TIMES[2]
    store.close()


def test_a_segment_that_grows_is_kept_once(tmp_path: Path) -> None:
    """However often it is looked at, no earlier length of it stays."""
    store = filled(tmp_path, TIMES[:1])
    record = Record(str(tmp_path / "record"))
    before = len(of_record._SEGMENTS._read)
    for time in TIMES[1:20]:
        store.append(moment(time), store._header or pytest.fail("no header"))
        assert record.at(1e11).time == time
    store.close()
    assert len(of_record._SEGMENTS._read) == before + 1


def test_where_there_is_no_record_it_says_so(tmp_path: Path) -> None:
    """Whether there is nothing, an empty directory, or another file."""
    other = tmp_path / "other"
    other.write_text("mine")
    for path, reason in (
        (tmp_path / "none", "no record: No such file or directory"),
        (tmp_path, "no record: the daemon has recorded nothing here yet"),
        (other, "no record: not written by xenwatch, or damaged"),
    ):
        with pytest.raises(SourceError, match=reason):
            Record(str(path))


@pytest.mark.usefixtures("record")
def test_the_place_that_was_meant_is_named(tmp_path: Path) -> None:
    """The record in a state directory; a capture, which is none."""
    with pytest.raises(SourceError, match=f"no record; did you mean {tmp_path}/record\\?"):
        Record(str(tmp_path))
    capture = tmp_path / "capture"
    capture.mkdir()
    (capture / "manifest.json").touch()
    with pytest.raises(SourceError, match=f"a capture, .* tree:{capture}"):
        Record(str(capture))


def test_a_damaged_segment_hides_no_other(tmp_path: Path, record: Record) -> None:
    """What is in the others is found."""
    files(tmp_path / "record")[1].path.write_bytes(b"damaged")
    assert record.at(TIMES[100]).time == TIMES[59]
    assert record.at(1e11).time == TIMES[149]


def test_what_is_removed_meanwhile_is_an_error(tmp_path: Path, record: Record) -> None:
    """In words."""
    kept = record.at(TIMES[0])
    for file in files(tmp_path / "record"):
        file.path.unlink()
    with pytest.raises(SourceError, match="removed meanwhile"):
        record.load(kept)


def test_what_is_thinned_meanwhile_is_found(tmp_path: Path) -> None:
    """In the segment that has taken its place."""
    store = filled(tmp_path, TIMES)
    record = Record(str(tmp_path / "record"))
    kept = record.at(TIMES[0])
    store.close()
    store.tidy(BEGAN + 3 * 86400)
    store.close()
    assert record.load(kept)[1].values == moment(TIMES[0]).values


def test_a_later_format_is_told(tmp_path: Path, record: Record) -> None:
    """An older moment in its place would be wrong."""
    path = files(tmp_path / "record")[1].path
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2', 1))
    with pytest.raises(SourceError, match="format 2; update xenwatch"):
        record.at(TIMES[100])
    with pytest.raises(SourceError, match="format 2; update xenwatch"):
        Record(str(path)).kept()


def test_a_later_format_hides_no_other_moment_of_a_range(tmp_path: Path, record: Record) -> None:
    """After a downgrade the rest of the night is still there."""
    path = files(tmp_path / "record")[1].path
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2', 1))
    assert [one.time for one in record.kept()] == TIMES[:60] + TIMES[120:]
    assert record.after(TIMES[59]).time == TIMES[120]
    assert len(list(record.between(TIMES[0], TIMES[149]))) == 90
