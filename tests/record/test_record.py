"""A record as it is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.record.disk import without_a_disk
from tests.record.test_store import BEGAN, filled, moment
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
    with pytest.raises(SourceError, match="the record begins later"):
        record.at(BEGAN - 1)


def test_moments_of_a_span_are_in_order(record: Record) -> None:
    """Those at both ends too."""
    found = [kept.time for kept in record.moments(TIMES[50], TIMES[125])]
    assert found == TIMES[50:126]


def test_one_segment_is_a_record_too(tmp_path: Path, record: Record) -> None:
    """So that one can be sent to somebody."""
    second = files(tmp_path / "record")[1]
    alone = Record(str(second.path))
    assert [kept.time for kept in alone.moments(0, 1e11)] == TIMES[60:120]
    assert second.name.time == BEGAN + SPAN


def test_what_is_written_meanwhile_is_seen(tmp_path: Path) -> None:
    """A record is looked at while the daemon goes on."""
    store = filled(tmp_path, TIMES[:2])
    record = Record(str(tmp_path / "record"))
    assert record.at(1e11).time == TIMES[1]
    store.append(moment(TIMES[2]), store._header or pytest.fail("no header"))
    assert record.at(1e11).time == TIMES[2]
    store.close()


def test_where_there_is_no_record_it_says_so(tmp_path: Path) -> None:
    """Whether there is nothing, an empty directory, or another file."""
    other = tmp_path / "other"
    other.write_text("mine")
    for path, reason in (
        (tmp_path / "none", "not a record: No such file or directory"),
        (tmp_path, "no record: the daemon has kept nothing here yet"),
        (other, "not a record: no record of xenwatch"),
    ):
        with pytest.raises(SourceError, match=reason):
            Record(str(path))


def test_a_damaged_segment_hides_no_other(tmp_path: Path, record: Record) -> None:
    """What is in the others is found."""
    files(tmp_path / "record")[1].path.write_bytes(b"damaged")
    assert [kept.time for kept in record.moments(0, 1e11)] == [*TIMES[:60], *TIMES[120:]]
    assert record.at(TIMES[100]).time == TIMES[59]


def test_a_segment_that_is_removed_meanwhile_is_an_error(tmp_path: Path, record: Record) -> None:
    """With its path."""
    kept = record.at(TIMES[0])
    for file in files(tmp_path / "record"):
        file.path.unlink()
    with pytest.raises(SourceError, match="No such file"):
        record.load(kept)
