"""Commands of which a part raises: it is said on stderr, and the rest is printed."""

from __future__ import annotations

import dataclasses
import json
from typing import NoReturn

import pytest

from tests.cli.support import no_traces, run
from xenwatch.cli import live_terminal
from xenwatch.cli.top_feed import Feed
from xenwatch.fence import OPEN, Fence
from xenwatch.limits import LIMITS, states
from xenwatch.terminal.state import State

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

SYNTHETIC = "--source=synthetic:debian-12"
SAID = "xenwatch: limit ptys unknown: bug in xenwatch: ValueError: negative shift count\n"


def broken(*_: object) -> NoReturn:
    """A max that raises."""
    raise ValueError("negative shift count")


@pytest.fixture(autouse=True)
def broken_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The max of `ptys` raises."""
    table = tuple(dataclasses.replace(e, max=broken) if e.name == "ptys" else e for e in LIMITS)
    monkeypatch.setattr(states.assess_limits, "__defaults__", (None, table, OPEN, None))


def test_once_prints_the_other_limits(capsys: pytest.CaptureFixture[str]) -> None:
    """The limit is unknown in every format, and the exit status is that of printed."""
    found = run(capsys, "once", SYNTHETIC)
    (line,) = (line for line in found.out.splitlines() if line.startswith("ptys "))
    metrics = run(capsys, "once", SYNTHETIC, "--format=prometheus")
    document = json.loads(run(capsys, "once", SYNTHETIC, "--format=json").out)

    assert (found.status, found.err) == (metrics.status, metrics.err) == (0, SAID)
    assert line.split()[2:5] == ["-", "-", "unknown"]
    assert "\naio_requests " in found.out
    assert "xenwatch_ptys_used" in metrics.out
    assert "xenwatch_ptys_max" not in metrics.out
    assert {row["limit"]: row["state"] for row in document["limits"]}["ptys"] == "unknown"


def test_check_is_unknown_of_that_limit_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the limit it ends with 3, of another with 0."""
    found = run(capsys, "check", SYNTHETIC, "--limit=ptys")
    other = run(capsys, "check", SYNTHETIC, "--limit=aio_requests")

    assert (found.status, found.err) == (3, SAID)
    assert "ptys" in found.out
    assert "max unknown" in found.out
    assert (other.status, other.err) == (0, SAID)


def test_plan_promises_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Whether VMs fit is unknown, and how many do by the other limits is printed."""
    found = run(capsys, "plan", SYNTHETIC, "--shape=linux")
    asked = run(capsys, "plan", SYNTHETIC, "--shape=linux", "--count=1")

    assert (found.status, found.err) == (0, SAID)
    assert "unknown: ptys" in found.out
    assert (asked.status, asked.err) == (3, SAID)


def test_doctor_has_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """No probe has failed, and the exit status is that of a finding."""
    found = run(capsys, "doctor", SYNTHETIC)

    assert (found.status, found.err) == (1, SAID)
    assert " 0 failed" in found.out


def test_top_says_it_when_the_screen_is_gone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the host is looked at, there is one line, below the picture."""

    def twice(feed: Feed, _state: State, _fence: Fence) -> int:
        assert feed.take().look.status.limits == feed.take().look.status.limits
        assert capsys.readouterr().err == ""
        return 0

    monkeypatch.setattr(live_terminal, "run", twice)
    found = run(capsys, "top", SYNTHETIC)

    assert (found.status, found.err) == (0, SAID)
