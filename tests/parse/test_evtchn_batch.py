"""Batches of EVTCHNOP_status: what is asked, and what is counted of the answers."""

from __future__ import annotations

import errno
from array import array
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.evtchn import render_status
from xenwatch.parse.errors import ParseError
from xenwatch.parse.evtchn import (
    CLOSED,
    INTERDOMAIN,
    KINDS,
    PIRQ,
    STATUS_SIZE,
    UNBOUND,
    UNKNOWN,
    VIRQ,
    Channel,
    parse_batch,
    parse_status,
    status_batch,
    status_call,
)
from xenwatch.sources.base import HypercallReply, hypercall_batch

U32 = st.integers(0, (1 << 32) - 1)
DOMID = st.integers(0, (1 << 16) - 1)
ERRORS = [-errno.EACCES, -errno.EINVAL, -errno.ESRCH]


@st.composite
def slots(draw: st.DrawFn) -> list[Channel | int]:
    """Slots by port from 0: channels, and errors of Xen."""
    found: list[Channel | int] = []
    for port in range(draw(st.integers(0, 24))):
        if draw(st.integers(0, 6)) == 0:
            found.append(draw(st.sampled_from(ERRORS)))
            continue
        kind = draw(st.sampled_from((*KINDS, UNKNOWN)))
        domain = draw(DOMID) if kind in (INTERDOMAIN, UNBOUND) else None
        number = draw(U32) if kind in (INTERDOMAIN, PIRQ, VIRQ) else None
        found.append(Channel(port, draw(U32), kind, domain, number))
    return found


class Xen:
    """Answers hypercalls one by one, and knows no batches."""

    def __init__(self, found: list[Channel | int], first: int) -> None:
        self._found = found
        self._first = first

    def hypercalls(self, calls: list[object]) -> tuple[HypercallReply, ...]:
        """Up to the first EINVAL."""
        replies = []
        for slot, call in zip(self._found, calls, strict=True):
            block = getattr(call, "block", b"")
            assert call == status_call(3, parse_status(block).port)
            if isinstance(slot, int):
                replies.append(HypercallReply(slot, block))
            else:
                replies.append(HypercallReply(0, render_status(3, slot)))
            if slot == -errno.EINVAL:
                break
        return tuple(replies)


@settings(deadline=None)
@given(slots())
def test_what_is_counted_is_what_one_by_one_says(found: list[Channel | int]) -> None:
    """Kinds, domains, highest port, slots and errors are those of the slots up to the end."""
    call = status_batch(3, 0, len(found))
    reply = hypercall_batch(Xen(found, 0), call, STATUS_SIZE)  # type: ignore[arg-type]
    batch = parse_batch(0, reply.results, reply.block)

    end = found.index(-errno.EINVAL) if -errno.EINVAL in found else len(found)
    there = [slot for slot in found[:end] if isinstance(slot, Channel)]
    opened = [slot for slot in there if slot.kind != CLOSED]
    assert batch.kinds == Counter(slot.kind for slot in opened)
    assert batch.domains == Counter(
        slot.domain for slot in opened if slot.kind in (INTERDOMAIN, UNBOUND)
    )
    assert batch.highest == max((slot.port for slot in opened), default=-1)
    assert batch.slots == end
    assert batch.owned == found[:end].count(-errno.EACCES)
    assert batch.failed == (errno.ESRCH if -errno.ESRCH in found[:end] else 0)
    assert batch.ended == (-errno.EINVAL in found)


@settings(deadline=None)
@given(DOMID, st.integers(0, 1 << 17), st.integers(1, 64))
def test_a_batch_is_its_calls_one_behind_another(domid: int, first: int, count: int) -> None:
    """Its block is the blocks of the single calls; number and arguments are theirs."""
    batch = status_batch(domid, first, count)
    calls = [status_call(domid, port) for port in range(first, first + count)]

    assert batch.block == b"".join(call.block for call in calls)
    assert {(batch.number, batch.args)} == {(call.number, call.args) for call in calls}


def test_ports_are_numbered_from_the_first() -> None:
    """The highest port of a later batch is not counted from its beginning."""
    block = b"".join(render_status(0, Channel(port, 0, "ipi")) for port in (512, 513))
    batch = parse_batch(512, array("q", [0, -errno.EINVAL]).tobytes(), block)

    assert (batch.highest, batch.slots) == (512, 1)


@settings(deadline=None)
@given(st.binary(max_size=64), st.binary(max_size=256))
def test_other_bytes_are_refused(results: bytes, block: bytes) -> None:
    """Results and blocks that do not belong together raise `ParseError`, whatever they are."""
    if len(results) % 8 or len(block) != len(results) // 8 * STATUS_SIZE:
        with pytest.raises(ParseError):
            parse_batch(0, results, block)
    else:
        parse_batch(0, results, block)
