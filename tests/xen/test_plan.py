"""The number of a plan against the guests that then start, with ceilings so low that few fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.xen import guests
from tests.xen.daemon import PROGRAM
from tests.xen.guests import Shape
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = ""

FEWEST, MOST = 3, 8
PATTERN: Final = "plan0"
"""The guest that runs already, of the type of those that are to be started."""
LARGE_MIB: Final = 700
"""Memory of a guest, of which a few fill the host."""
PTYS_LEFT: Final = 5


@pytest.fixture
def pattern(vm: Vm) -> Iterator[str]:
    """No guest but one to plan by; all are gone afterwards."""
    guests.destroy(vm, *guests.running(vm))
    guests.start(vm, PATTERN, shapes={PATTERN: Shape("pv")})
    yield PATTERN
    guests.destroy(vm, *guests.running(vm))


def planned(vm: Vm, name: str, *options: str) -> dict[str, Any]:
    """The plan for guests like one that runs."""
    found = vm.run(f"{PROGRAM} plan --like {name} {' '.join(options)} --format json", 120)
    plan: dict[str, Any] = json.loads(found)["plans"][0]
    return plan


def started(vm: Vm, shape: Shape, *, with_console: bool = False) -> int:
    """How many guests start, one by one, until one does not."""
    for number in range(MOST + 1):
        name = f"plan{number + 1}"
        if guests.create(vm, name, shape).status:
            return number
        console = f"xenstore-read /local/domain/$(xl domid {name})/console/tty"
        if with_console and not vm.attempt(f"sleep 5; {console}").stdout.strip():
            return number
    return MOST + 1


def test_memory_is_full_when_the_plan_says(vm: Vm, pattern: str, report: Report) -> None:
    """As many guests with more memory start as `--like` with `--memory` says, by host_memory."""
    plan = planned(vm, pattern, f"--memory {LARGE_MIB}MiB")
    count = started(vm, Shape("pv", extra=(f"memory = {LARGE_MIB}", f"maxmem = {LARGE_MIB}")))
    report.note(f"guests until memory is full: planned {plan['at_most']}, started {count}", 0)
    assert plan["binding"] == "host_memory"
    assert FEWEST <= count <= MOST
    assert count == plan["at_most"]


def test_terminals_are_used_up_when_the_plan_says(vm: Vm, pattern: str, report: Report) -> None:
    """As many guests get a console as `--like` says, with few pseudo-terminals left."""
    before = vm.run("sysctl -n kernel.pty.max").strip()
    used = int(vm.run("sysctl -n kernel.pty.nr"))
    vm.run(f"sysctl -w kernel.pty.max={used + PTYS_LEFT}")
    try:
        plan = planned(vm, pattern)
        count = started(vm, Shape("pv"), with_console=True)
    finally:
        vm.run(f"sysctl -w kernel.pty.max={before}")
    report.note(f"guests with a terminal: planned {plan['at_most']}, started {count}", 0)
    assert plan["binding"] == "ptys"
    assert FEWEST <= count <= MOST
    assert count == plan["at_most"]
