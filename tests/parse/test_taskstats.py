"""Answers of taskstats: those of a real kernel, those we make, and what is none."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.model.render.taskstats import render_taskstats
from xenwatch.parse.errors import ParseError
from xenwatch.parse.taskstats import OLDEST, Counters, parse_taskstats
from xenwatch.sources.wire import NETLINK_HEADER, NLMSG_ERROR

REAL = Path(__file__).parent / "real" / "taskstats"
VERSION = 36
"""Where the struct begins in a message, and its version in it."""

COUNTERS = st.builds(Counters, *[st.integers(0, (1 << 64) - 1)] * 5)
ANSWERS = st.lists(st.tuples(st.integers(1, (1 << 32) - 1), st.none() | COUNTERS))


def processes(data: bytes) -> list[tuple[int, Counters]]:
    """The ids of processes and their counters."""
    rows = zip(*parse_taskstats(data), strict=True)
    return [(pid, Counters(*counters)) for pid, *counters in rows]


def test_the_answers_of_a_real_kernel_are_read() -> None:
    """Linux 6.18 about kthreadd and a process of four threads, whose files said the same.

    Their voluntary switches were 4, 1, 1 and 1; run, wait and timeslices are sums of schedstat.
    """
    first, process, last = processes(REAL.read_bytes())

    assert process == (11425, Counters(12, 71173770, 22147070, 1973267, 7))
    assert first == (2, Counters(64, 45423492, 11370005, 2175716756, 64))
    assert last == (2, first[1]._replace(age_us=2175716764))


@given(answers=ANSWERS)
def test_answers_come_back_in_order(answers: list[tuple[int, Counters | None]]) -> None:
    """All numbers of 64 bits are read, and a process that does not exist has no counters."""
    assert processes(render_taskstats(answers)) == [
        (pid, counters) for pid, counters in answers if counters is not None
    ]


@given(answers=ANSWERS.filter(bool), cut=st.integers(1, 400))
def test_a_part_of_a_message_is_none(answers: list[tuple[int, Counters | None]], cut: int) -> None:
    """Bytes that end within a message are refused, wherever they end."""
    data = render_taskstats(answers)
    last = len(render_taskstats(answers[-1:]))

    with pytest.raises(ParseError, match="taskstats: expected"):
        parse_taskstats(data[: -1 - cut % (last - 1)])


def test_another_error_is_no_missing_process() -> None:
    """Only ESRCH says that a process does not exist."""
    body = struct.pack("=i", -errno.EPERM) + bytes(16)
    data = NETLINK_HEADER.pack(NETLINK_HEADER.size + len(body), NLMSG_ERROR, 0, 7, 0) + body

    with pytest.raises(ParseError, match="no error but ESRCH"):
        parse_taskstats(data)


@pytest.mark.parametrize(("place", "value"), [(VERSION, OLDEST - 1), (16, 9), (22, 4), (34, 6)])
def test_another_layout_is_refused(place: int, value: int) -> None:
    """An older struct, another command, a thread's answer and padding are not taken for one."""
    data = bytearray(render_taskstats([(7, Counters(1, 2, 3, 4, 5))]))
    data[place] = value

    with pytest.raises(ParseError, match="an answer about a process, version 8 or newer"):
        parse_taskstats(bytes(data))


def test_newer_fields_are_passed_over() -> None:
    """A longer struct has its new fields behind those that are read."""
    old = render_taskstats([(7, Counters(1, 2, 3, 4, 5))])
    new = struct.pack("=I", len(old) + 80) + old[4:] + bytes(range(80))

    assert processes(new + old) == processes(new + new) == processes(old) * 2
