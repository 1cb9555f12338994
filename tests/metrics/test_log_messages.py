"""The metrics of messages of the logs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.metrics.test_metrics import values
from tests.support import full_snapshot

TOTAL = "xenwatch_log_messages_total"


def test_kinds_are_counted_by_log() -> None:
    """A kind without messages has a series too; earlier ones are told apart."""
    assert values(TOTAL) == {
        ("conntrack_full", "kernel"): 3,
        ("machine_check", "kernel"): 0,
        ("machine_check", "xen"): 0,
    }
    assert values("xenwatch_log_earlier_messages")["machine_check", "xen"] == 1


def test_recent_messages_name_the_runbook() -> None:
    """Only kinds with messages have a series, with the alert whose runbook explains them."""
    assert values("xenwatch_log_recent_messages") == {
        ("conntrack_full", "kernel", "XenwatchConntrackNearLimit"): 2
    }


def test_a_message_without_a_time_has_none() -> None:
    """The line of Xen that was there before has no time, and no sample."""
    assert values("xenwatch_log_last_message_timestamp_seconds") == {
        ("conntrack_full", "kernel"): 900.0,
        ("machine_check", "kernel"): 800.0,
    }


@pytest.mark.parametrize(
    ("field", "lost", "log"),
    [
        ("kernel_log", "xenwatch_kernel_log_lost_records_total", "kernel"),
        ("xen_console", "xenwatch_xen_console_lost_bytes_total", "xen"),
    ],
)
def test_a_log_that_was_not_read_has_no_series(field: str, lost: str, log: str) -> None:
    """Nothing is known of it, not even zeros; the other one is as it was."""
    nothing: dict[str, Any] = {field: None}
    unread = dataclasses.replace(full_snapshot(), **nothing)

    assert values(TOTAL, unread) == {
        key: value for key, value in values(TOTAL).items() if key[1] != log
    }
    assert values(lost, unread) == {}
    assert sum(values(lost).values()) > 0
