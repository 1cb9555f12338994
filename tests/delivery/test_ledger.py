"""Which alerts become messages of xapi, how many, and which are removed again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fake_clock import at
from xenwatch.delivery.ledger import GIVE_UP, HOUR, MOST_POSTED, MOST_WAITING, Ledger, message_of
from xenwatch.delivery.saved import Value
from xenwatch.messages import requests
from xenwatch.messages.requests import Post, Remove

VM = "0d4b2c1a-1f0f-4f0e-9f0a-000000000002"


def event(
    number: int = 0, *, over: bool = False, severity: str = "warning", second: int = 20
) -> dict[str, Any]:
    """An alert about VM `number` that begins to fire at that second, or is over."""
    return {
        "status": "resolved" if over else "firing",
        "labels": {
            "alertname": "XenwatchZombieDomain",
            "severity": severity,
            "instance": "host1",
            "job": "xenwatch",
            "name": f"web{number}",
            "uuid": VM,
        },
        "annotations": {
            "summary": f"host1: web{number} is a zombie",
            "description": "It holds\nmemory.",
            "runbook_url": "/runbooks/XenwatchZombieDomain.md",
        },
        "startsAt": f"2023-11-14T22:13:{second:02}.000+00:00",
    }


def do_all(ledger: Ledger, now: float) -> list[tuple[type, str]]:
    """Do what there is to do, and say what it was."""
    done = []
    while (task := ledger.next(now)) is not None:
        ledger.done(task, now)
        done.append((type(task.request), task.request.message.body.split()[1]))
    return done


def test_the_message_of_an_alert() -> None:
    """A message has the alert's name, a priority by its severity, its texts in one line, its VM."""
    message = message_of(event(severity="critical"))

    assert message == requests.Message(
        "XenwatchZombieDomain",
        2,
        "host1: web0 is a zombie (since 2023-11-14T22:13:20Z). It holds memory. "
        "Runbook: /runbooks/XenwatchZombieDomain.md",
        VM,
    )
    assert requests.loads(requests.dumps(Post(message))) == Post(message)


@pytest.mark.parametrize(("severity", "priority"), [("critical", 2), ("warning", 3), ("info", 5)])
def test_the_priority_is_that_of_the_severity(severity: str, priority: int) -> None:
    """Critical alerts are service that may fail, warnings service that may suffer."""
    assert message_of(event(severity=severity)).priority == priority


@pytest.mark.parametrize("uuid", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_an_alert_without_a_vm_of_xapi_is_about_the_host(uuid: str) -> None:
    """dom0, and what has no UUID, is told of the host."""
    alert = event()
    alert["labels"]["uuid"] = uuid

    assert message_of(alert).vm == ""


def test_an_alert_is_posted_once_and_removed_at_its_end() -> None:
    """One message for an alert, gone when it is resolved; the next one is a new message."""
    ledger = Ledger(20)
    for over in (False, False, True, True, False):
        ledger.take(event(over=over), 0)
        ledger_did = do_all(ledger, 0)
        assert len(ledger_did) <= 1

    assert list(ledger.posted.values()) == [message_of(event())]
    assert len(ledger.times) == 2


def test_what_was_over_before_it_was_posted_is_not_told() -> None:
    """An alert that began and ended while nothing could be posted leaves nothing."""
    ledger = Ledger(20)
    ledger.take(event(), 0)
    ledger.take(event(over=True), 1)

    assert do_all(ledger, 2) == []


def test_posts_are_bounded_by_the_hour_critical_ones_first() -> None:
    """A storm is posted at the rate that is configured, the critical alerts before the others."""
    ledger = Ledger(3)
    for number in range(5):
        ledger.take(event(number), number)
    ledger.take(event(9, severity="critical"), 9)

    assert do_all(ledger, 10) == [(Post, "web9"), (Post, "web0"), (Post, "web1")]
    assert ledger.free_at() == 10 + HOUR
    assert do_all(ledger, 9 + HOUR) == []
    assert do_all(ledger, 10 + HOUR) == [(Post, "web2"), (Post, "web3"), (Post, "web4")]
    assert ledger.free_at() is None


def test_removals_do_not_wait_for_the_hour() -> None:
    """What is resolved is removed at once, also where no more may be posted."""
    ledger = Ledger(1)
    ledger.take(event(0), 0)
    ledger.take(event(1), 0)
    assert do_all(ledger, 0) == [(Post, "web0")]
    ledger.take(event(0, over=True), 1)

    assert do_all(ledger, 1) == [(Remove, "web0")]


def test_messages_are_bounded_altogether() -> None:
    """However long alerts last, xapi has a bounded number of messages of this host."""
    ledger = Ledger(200)
    for number in range(MOST_POSTED + 50):
        ledger.take(event(number), 0)
    for hour in range(3):
        do_all(ledger, hour * HOUR)

    assert len(ledger.posted) == MOST_POSTED
    assert ledger.free_at() is None
    ledger.take(event(0, over=True), 3 * HOUR)
    assert (Post, f"web{MOST_POSTED}") in do_all(ledger, 3 * HOUR)


def test_what_waits_is_bounded() -> None:
    """Alerts beyond what may wait are counted as dropped, and their ends are nothing to do."""
    ledger = Ledger(1)
    for number in range(MOST_WAITING + 2):
        ledger.take(event(number), 0)
    ledger.take(event(MOST_WAITING + 1, over=True), 0)

    assert len(ledger.waiting) == MOST_WAITING
    assert ledger.dropped == 2
    assert not ledger.removals


def test_a_failed_post_looks_first_and_lets_others_pass() -> None:
    """What failed is tried after what was not tried, and then may find itself posted."""
    ledger = Ledger(20)
    ledger.take(event(0, severity="critical"), 0)
    ledger.take(event(1), 0)
    first = ledger.next(0)
    assert first is not None
    assert ledger.failed(first, 0)

    assert do_all(ledger, 1) == [(Post, "web1"), (Post, "web0")]
    ledger = Ledger(20)
    ledger.take(event(), 0)
    task = ledger.next(0)
    assert task is not None
    assert task.request == Post(message_of(event()), again=False)
    ledger.failed(task, 0)
    task = ledger.next(0)
    assert task is not None
    assert task.request == Post(message_of(event()), again=True)


def test_what_seemed_to_fail_is_removed_at_its_end() -> None:
    """An attempt that failed may have posted the message: the end removes it."""
    ledger = Ledger(20)
    ledger.take(event(), 0)
    task = ledger.next(0)
    assert task is not None
    ledger.failed(task, 0)
    ledger.take(event(over=True), 1)

    assert do_all(ledger, 1) == [(Remove, "web0")]


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_over_while_it_is_posted_is_removed(fails: bool) -> None:
    """An alert that ends while xe runs leaves no message, whether xe fails or not."""
    ledger = Ledger(20)
    ledger.take(event(), 0)
    task = ledger.next(0)
    assert task is not None
    ledger.take(event(over=True), 1)
    if fails:
        ledger.failed(task, 2)
    else:
        ledger.done(task, 2)

    assert do_all(ledger, 2) == [(Remove, "web0")]
    assert ledger.posted == {}


def test_after_a_day_it_is_given_up() -> None:
    """What could not be posted or removed for a day is left as it is."""
    ledger = Ledger(20)
    ledger.take(event(), 0)
    task = ledger.next(0)
    assert task is not None
    assert ledger.failed(task, GIVE_UP - 1)
    task = ledger.next(0)
    assert task is not None
    assert not ledger.failed(task, GIVE_UP)
    assert ledger.next(GIVE_UP) is None


def saved(ledger: Ledger, seconds: float = 0) -> Value:
    """What a ledger saves, read back."""
    return Value(json.loads(json.dumps(ledger.saved(at(seconds)))))


def test_it_survives_a_restart() -> None:
    """What is posted, waits or is to be removed is the same afterwards; the hour counts on."""
    ledger = Ledger(2)
    for number in range(4):
        ledger.take(event(number), 0)
    do_all(ledger, 0)
    ledger.take(event(0, over=True), 0)
    restored = Ledger(2)
    restored.restore(saved(ledger), at(0))

    assert saved(restored) == saved(ledger)
    restored.take(event(1), 1)
    assert do_all(restored, 1) == [(Remove, "web0")]
    restored.take(event(1, over=True), 2)
    assert do_all(restored, 2) == [(Remove, "web1")]
    task = restored.next(HOUR)
    assert task is not None
    assert task.request == Post(message_of(event(2)), again=True)


def test_labels_of_the_host_may_change_over_a_restart() -> None:
    """An alert posted before the labels were configured otherwise is removed all the same."""
    ledger = Ledger(20, frozenset({"instance", "job"}))
    ledger.take(event(), 0)
    do_all(ledger, 0)
    restored = Ledger(20, frozenset({"instance", "job", "pool"}))
    restored.restore(saved(ledger), at(0))
    over = event(over=True)
    over["labels"] |= {"instance": "host1.example", "pool": "p1"}
    restored.take(over, 1)

    assert do_all(restored, 1) == [(Remove, "web0")]


def test_a_message_of_an_alert_that_is_no_more_takes_no_place() -> None:
    """After an upgrade that drops an alert, its message is left to the operator."""
    ledger = Ledger(20)
    ledger.take(event(), 0)
    do_all(ledger, 0)
    kept = ledger.saved(at(0))
    for message in kept["posted"].values():
        message["name"] = "XenwatchOfBefore"
    restored = Ledger(20)
    restored.restore(Value(kept), at(0))

    assert restored.posted == {}


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["fires", "ends"]), st.integers(0, 4)),
        st.tuples(st.sampled_from(["done", "failed", "late", "restart"]), st.just(0)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps)
def test_whatever_happens_xapi_ends_with_what_fires(found: list[tuple[str, int]]) -> None:
    """After any order of alerts, failures and restarts xapi has one message of each that fires."""
    ledger = Ledger(1000)
    there: set[str] = set()
    firing: dict[int, str] = {}

    def carry_out(request: Post | Remove) -> None:
        (there.add if isinstance(request, Post) else there.discard)(request.message.body)

    for second, (what, number) in enumerate(found):
        now = float(second)
        if what == "fires" and number not in firing:
            began = event(number, second=second)
            ledger.take(began, now)
            firing[number] = message_of(began).body
        elif what == "ends":
            ledger.take(event(number, over=True), now)
            firing.pop(number, None)
        elif what == "restart":
            kept = saved(ledger, second)
            ledger = Ledger(1000)
            ledger.restore(kept, at(second))
        elif what in ("done", "failed", "late") and (task := ledger.next(now)) is not None:
            if what != "failed":
                carry_out(task.request)
            (ledger.done if what == "done" else ledger.failed)(task, now)
    while (task := ledger.next(60)) is not None:
        carry_out(task.request)
        ledger.done(task, 60)

    assert there == set(firing.values())
    assert ledger.waiting == {}
