"""The max of xapi's file descriptors where nobody knows how it waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support import full_snapshot
from xenwatch.limits import xapi_fds
from xenwatch.readings.processes import DaemonProcess, Daemons


@pytest.mark.parametrize(
    ("fds", "ceiling", "origin"), [(1024, 1024, "unconfirmed"), (1025, 4096, "process 720")]
)
def test_a_xapi_that_may_select_is_bound_by_1024_until_it_has_more(
    fds: int, ceiling: int, origin: str
) -> None:
    """Updates of XCP-ng 8.3 use epoll; a descriptor past 1,024 proves it."""
    full = full_snapshot()
    assert full.host is not None
    host = replace(full.host, platform="xcp-ng", platform_version="8.3.0")
    daemons = Daemons({"xapi": DaemonProcess(720, "xapi", fds, 4096)})
    found = xapi_fds.LIMIT.ceiling(replace(full, host=host, daemons=daemons))[""]

    assert found.value == ceiling
    assert origin in found.origin
