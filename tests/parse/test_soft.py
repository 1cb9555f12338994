"""Formats of the soft limits: control groups, processes, kernel threads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.cgroup import render_membership, render_pressure
from xenwatch.model.render.process import render_stat, render_statm
from xenwatch.parse.cgroup import (
    Membership,
    Pressure,
    group_of,
    parse_flat,
    parse_membership,
    parse_pressure,
    parse_procs,
)
from xenwatch.parse.errors import ParseError
from xenwatch.parse.kthread import BLKBACK, NETBACK, DatapathThread, parse_thread
from xenwatch.parse.process import PAGE, ProcessStat, parse_schedstat, parse_stat, private_bytes

OF_V1 = b"5:cpu,cpuacct:/control.slice\n1:name=systemd:/system.slice/xapi.service\n0::/\n"


def test_version_1_names_the_group_of_the_controller() -> None:
    """What the CPU hierarchy says counts, not what systemd's own says."""
    memberships = parse_membership(OF_V1)

    assert group_of(memberships, "cpu") == "/control.slice"
    assert group_of(memberships, "memory") == "/"
    assert group_of((), "cpu") is None


def test_version_2_has_one_group() -> None:
    """The one line of version 2 answers for every controller, colons in a name included."""
    assert group_of(parse_membership(b"0::/system.slice/a:b.service\n"), "cpu") == (
        "/system.slice/a:b.service"
    )


@settings(deadline=None)
@given(st.binary(max_size=64), st.integers(-20, 19))
def test_any_name_of_a_process_is_read(comm: bytes, nice: int) -> None:
    """A name of any bytes, parentheses and newlines too, comes back with the numbers behind it."""
    numbers = (1, *(0,) * 9, 70, 30, 0, 0, 20, nice, 4, *(0,) * 20, 3, *(0,) * 11)
    stat = ProcessStat(17, comm, "R", numbers)

    found = parse_stat(render_stat(stat))

    assert found == stat
    assert (found.cpu_seconds, found.nice, found.policy) == (1.0, nice, 3)
    assert not found.kernel_thread


def test_schedstat_is_run_and_wait() -> None:
    """The three numbers are time on a CPU, time waiting for one, and turns."""
    found = parse_schedstat(b"14190551552 848539445 11326\n")

    assert (found.run_ns, found.wait_ns, found.timeslices) == (14190551552, 848539445, 11326)


@pytest.mark.parametrize(
    ("data", "pages"),
    [(b"17803 616 462 31 0 202 0\n", 154), (b"0 0 0 0 0 0 0\n", 0), (b"9 3 5 1 0 1 0\n", 0)],
    ids=["xl of a real guest", "kernel thread", "numbers that are off"],
)
def test_private_memory_is_resident_and_not_shared(data: bytes, pages: int) -> None:
    """Pages of files and shared memory are left out, and nothing is below zero."""
    assert private_bytes(data) == pages * PAGE


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_statm_survives(private: int, shared: int) -> None:
    """Any private memory comes back from the rendered file."""
    data = render_statm(2 * (private + shared), private + shared, shared)

    assert private_bytes(data) == private * PAGE


PRESSURES = st.builds(
    Pressure,
    st.sampled_from(["some", "full"]),
    st.tuples(*[st.integers(0, 10000)] * 3),
    st.integers(0, 1 << 63),
)


@settings(deadline=None)
@given(st.lists(PRESSURES, max_size=2))
def test_pressure_survives(rows: list[Pressure]) -> None:
    """Averages and totals are the same after rendering and parsing."""
    assert parse_pressure("cpu.pressure", render_pressure(rows)) == tuple(rows)


MEMBERSHIPS = st.builds(
    Membership,
    st.integers(0, 99),
    st.lists(st.sampled_from(["cpu", "cpuacct", "name=systemd"]), max_size=2).map(tuple),
    st.text("ab:/.-", max_size=9).map(lambda path: f"/{path}"),
)


@settings(deadline=None)
@given(st.lists(MEMBERSHIPS, max_size=3))
def test_memberships_survive(rows: list[Membership]) -> None:
    """Hierarchies, controllers and paths are the same after rendering and parsing."""
    assert parse_membership(render_membership(rows)) == tuple(rows)


@pytest.mark.parametrize(
    ("comm", "thread"),
    [
        (b"vif1.0-q0-guest-rx", DatapathThread(1, NETBACK)),
        (b"vif12.3-q1-deal", DatapathThread(12, NETBACK)),
        (b"vif32751.10-q10", DatapathThread(32751, NETBACK)),
        (b"vif7.0-dealloc", DatapathThread(7, NETBACK)),
        (b"3.xvda-0", DatapathThread(3, BLKBACK)),
        (b"blkback.14.xvda", DatapathThread(14, BLKBACK)),
        (b"kworker/0:1", None),
        (b"xenwatch", None),
        (b"vif1", None),
        (b"tapdisk", None),
    ],
)
def test_names_of_kernel_threads(comm: bytes, thread: DatapathThread | None) -> None:
    """A thread that serves a guest is told by its name, long, cut off or old."""
    assert parse_thread(comm) == thread


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_stat, b"12 (no end S 1\n"),
        (private_bytes, b"17803 616 462\n"),
        (private_bytes, b"17803 616 -462 31 0 202 0\n"),
        (parse_schedstat, b"1 2\n"),
        (parse_membership, b"cpu:/\n"),
        (lambda data: parse_flat("cpu.stat", data), b"usage_usec\n"),
        (lambda data: parse_pressure("cpu.pressure", data), b"some avg10=1\n"),
        (lambda data: parse_procs("cgroup.procs", data), b"12a\n"),
    ],
)
def test_other_formats_are_refused(parse: object, data: bytes) -> None:
    """What is not in the format is an error that names the file."""
    assert callable(parse)
    with pytest.raises(ParseError):
        parse(data)
