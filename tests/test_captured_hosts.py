"""Captured hosts against what their own tools said at the same moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.xen.checks import CAPTURING, compare, replay
from tests.xen.truth import Truth

HOSTS = sorted(path.parent for path in (Path(__file__).parent / "hosts").glob("*/*/truth"))


def test_there_are_captured_hosts() -> None:
    """A glob that finds nothing would let every comparison pass."""
    assert len(HOSTS) >= 3


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: f"{host.parent.name}/{host.name}")
def test_a_capture_agrees_with_its_host_s_own_tools(host: Path) -> None:
    """Every value of a replayed capture is the one its host gave by another road."""
    capture = replay(host / "capture")

    _, wrong = compare(capture, Truth(host / "truth"), Truth(host / "before"), CAPTURING)

    assert wrong == ""
