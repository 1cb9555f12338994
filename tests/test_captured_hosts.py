"""Captured hosts against what their own tools said at the same moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.xen.checks import capturing, compare, replay
from tests.xen.truth import Truth

HOSTS = sorted(path.parent for path in (Path(__file__).parent / "hosts").glob("*/*/truth"))


def test_there_are_captured_hosts() -> None:
    """A glob that finds nothing would let every comparison pass."""
    assert len(HOSTS) >= 3


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: f"{host.parent.name}/{host.name}")
def test_a_capture_agrees_with_its_host_s_own_tools(host: Path) -> None:
    """Every value of a replayed capture is the one its host gave by another road."""
    capture = host / "capture"
    truth, before = Truth(host / "truth"), Truth(host / "before")

    _, wrong = compare(replay(capture), truth, before, capturing(capture))

    assert wrong == ""


RIGHT = {
    "xenwatch_ptys_max",
    "xenwatch_file_system_used_bytes",
    "xenwatch_file_system_max_bytes",
    "xenwatch_file_system_reserved_bytes",
    "xenwatch_loop_devices_max",
    "xenwatch_bridge_ports_used",
    "xenwatch_xenconsoled_fds_max",
    "xenwatch_daemon_cpu_seconds_total",
}
"""Metrics that were wrong once, or nearly: each must have its other road on every captured host."""


def test_with_ten_guests_174_series_are_compared() -> None:
    """What is compared never gets less, and holds what was wrong before.

    An independent comparison on real Xen found 174 series right.
    """
    [host] = [host for host in HOSTS if host.name == "10-guests"]

    facts = Truth(host / "truth").facts()

    assert len({(fact.metric, fact.labels) for fact in facts}) >= 174
    assert {fact.metric for fact in facts} >= RIGHT
