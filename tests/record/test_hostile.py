"""Records that a stranger wrote: memory and time are in proportion to their bytes."""

from __future__ import annotations

import dataclasses
import pickle
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import pytest

from tests.record.test_past import HEADER, MOMENT, with_value
from tests.support import full_snapshot
from xenwatch.assessment import assess_pass
from xenwatch.fence import Fault, Fence
from xenwatch.limits.base import Max
from xenwatch.planning.forecast import History
from xenwatch.readings.snapshot import READINGS, Status
from xenwatch.readings.storage import Aio
from xenwatch.record import codec, frames, opcodes
from xenwatch.record.codec import CodecError
from xenwatch.record.frames import FrameError, Moment
from xenwatch.record.past import past
from xenwatch.status.check import edge

BEGIN = b"\x80\x05"


def decoded(body: bytes, kind: Any) -> Any:
    """What a pickle of these opcodes is."""
    return codec.decode(zlib.compress(BEGIN + body + b"."), codec.schema(), kind)


@pytest.mark.parametrize(
    "body",
    [
        b"N" + pickle.LONG_BINPUT + struct.pack("<I", 1000),
        b"]a" * 9,
        pickle.EMPTY_SET,
        pickle.LONG1 + b"\x20" + b"\x7f" * 32,
        b"I1\n",
        pickle.BINFLOAT + struct.pack(">d", 1e308),
        pickle.BINFLOAT + struct.pack(">d", float("nan")),
        b"N" + pickle.DUP,
        b"X\xff\xff\xff\xff",
        b"",
    ],
)
def test_opcodes_that_no_reading_has_are_refused(body: bytes) -> None:
    """Each is refused before anything is made: one has the unpickler take gigabytes."""
    with pytest.raises(ValueError, match=r"opcode|a number|cut off"):
        opcodes.plain(BEGIN + body)


def doubled(first: int) -> bytes:
    """A tuple of two tuples of two, 100 deep; `first` is the number of the innermost value."""
    return b"N\x94" + b"".join(
        b"h%ch%c\x86\x94" % (index, index) for index in range(first, first + 100)
    )


@pytest.mark.parametrize(
    "body",
    [doubled(0), b"}\x94" + doubled(1) + b"Ns", b"(" + doubled(0) + b"\x91\x94"],
    ids=["value", "key", "in a set"],
)
@pytest.mark.parametrize(
    "kind", [str, Mapping[str, int | None], Mapping[tuple[int, str], int], frozenset[int]]
)
def test_what_refers_to_itself_many_times_ends(kind: Any, body: bytes) -> None:
    """It is neither shown nor hashed."""
    with pytest.raises(CodecError):
        decoded(body, kind)


def test_one_mapping_in_many_places_is_paid_for_in_each() -> None:
    """Ten million values of twenty thousand bytes are too many."""
    inner = b"}\x94(" + b"".join(b"M" + struct.pack("<H", n) + b"K\x01" for n in range(500)) + b"u"
    outer = b"(" + inner + b"".join(b"h\x00" for _ in range(10_000)) + b"t\x94"
    with pytest.raises(CodecError, match="too large"):
        decoded(outer, tuple[Mapping[int, int], ...])


def test_a_moment_has_one_allowance_for_all_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readings that have no place any more failed, and the others are shown."""
    room = codec.Room
    monkeypatch.setattr(codec, "Room", lambda: room(4000))
    found = past(HEADER, MOMENT, "r").snapshot
    statuses = {found.outcomes[name].status for name in READINGS}
    assert {Status.OK, Status.FAILED} <= statuses
    assert "too large" in {each.detail.rpartition(": ")[2] for each in found.outcomes.values()}


def wrong(value: Any) -> Aio:
    """A reading whose fields are of another type."""
    return Aio(nr=value, max_nr=value)


@pytest.mark.parametrize("value", ["x", 1.5, None, (1,), [1], {1: 2}, b"x"])
def test_a_reading_with_a_field_of_another_type_failed(value: object) -> None:
    """It is not shown, and no other reading is lost."""
    found = past(HEADER, with_value("aio", codec.encode(wrong(value))), "r").snapshot
    assert found.aio is None
    assert found.outcomes["aio"].status is Status.FAILED
    assert found.irqs == full_snapshot().irqs


def test_a_file_cannot_ask_for_more_than_a_moment_has() -> None:
    """Neither by the length that it states, nor by many names."""
    with pytest.raises(FrameError):
        frames.parse_begin(struct.pack("<4sIIII", frames.MARK, 9, 0, frames.VALUES_MAX + 1, 0))
    many = {str(number): b"" for number in range(frames.NAMES_MAX + 1)}
    raw = frames.frame(Moment(1.0, 1.0, False, many), whole=True)
    begin = frames.parse_begin(raw[: frames.FIXED])
    with pytest.raises(FrameError):
        frames.parse_head(begin, raw[frames.FIXED : frames.FIXED + begin.head])


def test_the_edge_of_a_max_that_is_no_integer_is_an_error() -> None:
    """It ends, and says so."""
    with pytest.raises(TypeError):
        edge(0.5, 1e308)  # type: ignore[arg-type]


def test_a_limit_whose_instances_cannot_be_compared_has_no_forecast() -> None:
    """That of the others is made."""
    faults: list[Fault] = []
    snapshot = full_snapshot()
    states = [
        dataclasses.replace(state, max=Max("x", ""))  # type: ignore[arg-type]
        if state.limit.name == "aio_requests"
        else state
        for state in assess_pass(snapshot).states
    ]
    history = History().updated(states, snapshot, Fence(faults.append))
    assert [fault.name for fault in faults] == ["aio_requests"]
    assert ("aio_requests", "") in history.unknown
    assert history.series
