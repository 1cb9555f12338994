"""A real Alertmanager, told by a daemon whose clock is set."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.support import after, leak
from tests.e2e.programs import Alertmanager, Receiver, until
from xenwatch.alerts.messages import Sender
from xenwatch.alerts.states import Alerts
from xenwatch.delivery import receivers
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.notifier import EXPIRY, RESEND
from xenwatch.delivery.outbox import Outbox
from xenwatch.readings.moment import Moment
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

HOURS = 3600.0


def now(ahead: float, later: float = 0.0) -> Moment:
    """By a clock that is so far ahead of Alertmanager's, and so much later than it is."""
    return Moment(time.time() + ahead, time.monotonic() + later)


def deliver(box: Outbox, keeper: Alertmanager, moment: Moment) -> None:
    """Send what is current."""

    async def send() -> None:
        async with receivers.http_session() as session:
            alerts = box.current(moment, EXPIRY * RESEND)
            await receivers.Alertmanager(session, Endpoint(keeper.url)).deliver(alerts)

    asyncio.run(send())


def one(keeper: Alertmanager) -> dict[str, Any]:
    """The alert that it has."""
    [alert] = keeper.alerts()
    return alert


@pytest.mark.timeout(120)
@pytest.mark.parametrize("ahead", [2 * HOURS, -1 * HOURS])
def test_what_is_over_after_the_clock_was_set_is_resolved(tmp_path: Path, ahead: float) -> None:
    """Set right while an alert fires, as after a boot in local time, its end is heard at once."""
    receiver = Receiver()
    keeper = Alertmanager(tmp_path, receiver.url)
    box, alerts = Outbox(Sender("host1", "r/"), []), Alerts()

    def page(used: int, moment: Moment) -> None:
        nonlocal alerts
        snapshot = Snapshot(moment.time, {"aio": Outcome(Status.OK)}, instant=moment.instant)
        alerts = after(alerts, leak(used), snapshot)
        box.enqueue(alerts, moment.instant)

    page(90, now(ahead))
    page(90, now(ahead, later=60))
    with receiver.running(), keeper.running():
        deliver(box, keeper, now(ahead, later=61))
        if ahead > 0:
            until(lambda: bool(keeper.alerts()), "Alertmanager has what fires")
        page(90, now(0, later=62))
        deliver(box, keeper, now(0, later=62))
        until(lambda: bool(keeper.alerts()), "it has it by the right clock")
        start = one(keeper)["startsAt"]
        page(10, now(0, later=63))
        page(10, now(0, later=400))
        deliver(box, keeper, now(0, later=401))
        until(lambda: not keeper.alerts(), "Alertmanager hears of the end")

    assert alerts.active == {}
    assert start[:19] <= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
