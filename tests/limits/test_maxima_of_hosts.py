"""Maxima that real hosts contradicted: of ptys, xapi's descriptors and file systems."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planning.support import with_host
from xenwatch.limits import file_system, ptys
from xenwatch.limits.base import Max
from xenwatch.limits.states import Severity, assess
from xenwatch.readings.processes import DaemonProcess, Daemons, Ptys
from xenwatch.readings.storage import FileSystem, FileSystems


@pytest.mark.parametrize(
    ("version", "epoll", "maximum", "severity"),
    [
        ("8.3.0", True, 4096, Severity.OK),
        ("8.3.0", False, 1024, Severity.CRITICAL),
        ("8.3.0", None, None, Severity.UNKNOWN),
        ("8.2.1", None, 1024, Severity.CRITICAL),
        ("8.2.1", True, 4096, Severity.OK),
    ],
)
def test_a_xapi_of_950_descriptors(
    version: str, epoll: bool | None, maximum: int | None, severity: Severity
) -> None:
    """950 of 4,096 are 23 % where xapi waits with epoll, and 93 % of 1,024 where it selects."""
    daemons = Daemons({"xapi": DaemonProcess(720, "xapi", 950, 4096, epoll)})
    host = with_host(platform="xcp-ng", platform_version=version, kernel=(4, 19))
    snapshot = replace(host, daemons=daemons)
    [state] = [state for state in assess(snapshot) if state.limit.name == "xapi_fds"]

    assert (state.max.value if state.max else None) == maximum
    assert state.severity is severity
    if epoll:
        assert state.max == Max(4096, "Max open files of process 720, which waits with epoll")


@pytest.mark.parametrize(
    ("kernel", "maximum"),
    [((2, 6), 9), ((4, 4), 9), ((4, 18), 9), ((4, 19), 8), ((6, 1), 8), ((0, 0), None)],
)
def test_ptys_by_kernel(kernel: tuple[int, int], maximum: int | None) -> None:
    """From Linux 4.19 on one pty fewer than kernel.pty.max can be opened."""
    snapshot = replace(with_host(kernel=kernel), ptys=Ptys(3, 9))

    assert [maximum.value for maximum in ptys.maximum(snapshot).values()] == (
        [] if maximum is None else [maximum]
    )


def test_a_max_of_no_ptys_is_not_negative() -> None:
    """Where no pty is allowed there is none, not one fewer than none."""
    assert ptys.maximum(replace(with_host(), ptys=Ptys(0, 0)))[""].value == 0


def test_a_full_file_system_is_full_as_df_has_it() -> None:
    """With nothing left for users it is full, however much of its reserve root has left."""
    systems = FileSystems({"/": FileSystem(95, 0, 5)})
    [state] = [
        state
        for state in assess(replace(with_host(), file_systems=systems))
        if state.limit is file_system.LIMIT
    ]

    assert (state.ratio, state.severity) == (1.0, Severity.CRITICAL)
