"""What the daemon itself tells: one trouble once in half an hour, and no symptom of it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.fake_clock import at
from xenwatch.alerts.inhibition import INTERVAL
from xenwatch.alerts.messages import Message
from xenwatch.delivery.gate import Gate
from xenwatch.delivery.saved import Value


def message(name: str, severity: str = "critical", *, over: bool = False, **labels: str) -> Message:
    """An alert of this host that fires or is over."""
    named = {"alertname": f"Xenwatch{name}", "severity": severity, "job": "xenwatch"}
    state = "ok" if over else "firing"
    return Message({**labels, **named, "instance": "a"}, {}, 1.0, 2.0 if over else None, state)


HUNG, BLOCKED = message("StorageHung"), message("TasksBlocked", "warning")
ETH0, ETH1 = message("UplinkLost", device="eth0"), message("UplinkLost", device="eth1")
LOST = message("UplinkLost", over=True, device="eth1")


def told(gate: Gate, changes: list[Message], firing: list[Message], now: float) -> list[str]:
    """The names of what passes, with the device if there is one."""
    passed = gate.passed(changes, firing, now)
    return [each.labels.get("device", each.labels["alertname"][8:]) for each in passed]


def test_a_symptom_is_told_once_its_cause_is_over() -> None:
    """While storage hangs nobody is told of blocked tasks; if they stay blocked, they are."""
    gate = Gate()

    assert told(gate, [BLOCKED, HUNG], [BLOCKED, HUNG], 0) == ["StorageHung"]
    over = message("StorageHung", over=True)
    assert told(gate, [over], [BLOCKED], 60) == ["TasksBlocked", "StorageHung"]


def test_a_symptom_that_ends_with_its_cause_is_not_told() -> None:
    """Neither the symptom nor its end is told, where both end together."""
    gate = Gate()
    told(gate, [BLOCKED, HUNG], [BLOCKED, HUNG], 0)
    ends = [message("TasksBlocked", "warning", over=True), message("StorageHung", over=True)]

    assert told(gate, ends, [], 60) == ["StorageHung"]


@pytest.mark.parametrize(("after", "then"), [(INTERVAL - 1, []), (INTERVAL, ["eth1"])])
def test_more_of_the_same_waits_for_half_an_hour(after: float, then: list[str]) -> None:
    """A second series of an alert waits for half an hour, and is told then if it still fires."""
    gate = Gate()

    assert told(gate, [ETH0], [ETH0], 0) == ["eth0"]
    assert told(gate, [ETH1], [ETH0, ETH1], 60) == []
    assert told(gate, [], [ETH0, ETH1], after) == then


def test_what_flaps_is_told_once() -> None:
    """An alert that comes and goes is told once with its end, and not again within half an hour."""
    gate = Gate()
    again = [told(gate, [ETH1], [ETH1], at) + told(gate, [LOST], [], at + 60)
             for at in (0, 120, 240)]  # fmt: skip

    assert again == [["eth1", "eth1"], [], []]


def test_what_could_not_be_judged_meanwhile_is_told_again() -> None:
    """An alert whose end was told as unknown fires anew, as after alerts were switched off."""
    gate = Gate()
    unsure = dataclasses.replace(LOST, state="unknown")

    assert told(gate, [ETH1], [ETH1], 0) == ["eth1"]
    assert told(gate, [unsure], [], 60) == ["eth1"]
    assert told(gate, [ETH1], [ETH1], 120) == ["eth1"]


def test_what_becomes_critical_is_told_at_once() -> None:
    """A limit whose warning was told is told again when it is critical, and its forecast is not."""
    gate = Gate()
    near = message("AioRequestsNearLimit", "warning", limit="aio_requests")
    soon = message("LimitFullSoon", "warning", limit="aio_requests")
    full = message("AioRequestsNearLimit", limit="aio_requests")

    assert told(gate, [soon], [soon], 0) == ["LimitFullSoon"]
    assert told(gate, [near], [soon, near], 60) == []
    assert told(gate, [full], [soon, near, full], 120) == ["AioRequestsNearLimit"]


def test_a_restart_tells_nothing_twice() -> None:
    """What was told, and what waits, is known after a restart."""
    gate, anew = Gate(), Gate()
    told(gate, [ETH0], [ETH0], 0)
    told(gate, [ETH1], [ETH0, ETH1], 60)
    anew.restore(Value(json.loads(json.dumps(gate.saved(at(60))))), at(60))

    assert told(anew, [], [ETH0, ETH1], 120) == []
    assert told(anew, [], [ETH0, ETH1], INTERVAL) == ["eth1"]
