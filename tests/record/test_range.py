"""A range of a record, and what is damaged in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.record.disk import without_a_disk
from tests.record.test_store import BEGAN, filled, moment
from xenwatch.record.record import Record
from xenwatch.record.segments import Segment
from xenwatch.record.store import SPAN, files
from xenwatch.sources.base import SourceError

__all__ = ["without_a_disk"]

TIMES = [BEGAN + 60 * n for n in range(40)]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Forty minutes, of which the fifth and the thirtieth were marked."""
    filled(tmp_path, TIMES, marked=(TIMES[5], TIMES[30])).close()
    return Record(str(tmp_path / "record"))


def test_a_range_has_its_moments(record: Record) -> None:
    """With both ends, from several files, and which are marked."""
    assert [one.time for one in record.kept()] == TIMES
    assert [one.time for one in record.kept(TIMES[7], TIMES[25])] == TIMES[7:26]
    assert [one.time for one in record.kept() if one.marked] == [TIMES[5], TIMES[30]]
    assert record.kept(BEGAN + 1e6) == []
    found = [one for _, one in record.between(TIMES[8], TIMES[12])]
    assert found == [moment(time) for time in TIMES[8:13]]


def test_one_file_has_its_range(tmp_path: Path, record: Record) -> None:
    """One that was sent to somebody, under another name."""
    sent = tmp_path / "sent"
    sent.write_bytes(files(tmp_path / "record")[1].path.read_bytes())
    alone = Record(str(sent))
    assert [one.time for one in alone.kept(TIMES[12])] == TIMES[12:20]
    assert [one.time for _, one in alone.between(TIMES[12], 1e11)] == TIMES[12:20]


def damage(path: Path, number: int) -> None:
    """Flip the last byte of the values of a frame."""
    place = Segment(path).places[number]
    raw = bytearray(path.read_bytes())
    raw[place.offset + place.begin.size - 1] ^= 0xFF
    path.write_bytes(raw)


def test_in_place_of_a_damaged_moment_is_the_one_before(tmp_path: Path, record: Record) -> None:
    """Also where it is the first of its file; what needs it is damaged too."""
    every = files(tmp_path / "record")
    damage(every[1].path, 3)
    damage(every[2].path, 0)
    for number, shown in ((12, 12), (13, 12), (15, 12), (20, 12), (22, 12)):
        assert record.load(record.at(TIMES[number]))[1] == moment(TIMES[shown]), number
    assert [one.time for _, one in record.between(0, 1e11)] == [*TIMES[:13], *TIMES[30:]]
    assert record.damaged == {
        every[1].path: "damaged from 2023-11-14 22:26:20 UTC on",
        every[2].path: "damaged from 2023-11-14 22:33:20 UTC on",
    }


def test_where_none_is_before_it_says_so(tmp_path: Path, record: Record) -> None:
    """In words."""
    damage(files(tmp_path / "record")[0].path, 0)
    with pytest.raises(SourceError, match=r"-0\.moments: damaged, and there is none before it"):
        record.load(record.at(TIMES[4]))


def test_a_range_is_read_while_it_is_thinned(tmp_path: Path) -> None:
    """What is left of a file that was thinned meanwhile is read."""
    store = filled(tmp_path, TIMES)
    record = Record(str(tmp_path / "record"))
    moments = record.between(0, 1e11)
    first = next(moments)[1]
    store.close()
    store.tidy(BEGAN + 2 * 86400)
    store.close()
    rest = [one.time for _, one in moments]
    assert first.time == TIMES[0]
    assert {BEGAN + SPAN, BEGAN + 2 * SPAN, BEGAN + 3 * SPAN} <= set(rest)
    assert rest == sorted(rest)


def test_a_clock_that_was_set_back_ends_no_range(tmp_path: Path) -> None:
    """Times ascend."""
    filled(tmp_path, [*TIMES[:20], *(time + 5 for time in TIMES[3:8])]).close()
    found = [one.time for one in Record(str(tmp_path / "record")).kept()]
    assert found == sorted(set(found))
