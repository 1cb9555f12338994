"""Alerts as messages of xapi, from the daemon's alerts to what xapi has, by a played clock."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.delivery.support import server, until
from tests.delivery.test_ledger import event
from tests.delivery.test_notifier import FIRES, FIRING, KEY, OVER, STILL, statuses
from tests.fake_clock import FakeClock, at, running, settle
from tests.messages.stand_in import HOST, Xapi, helper
from xenwatch.alerts.states import Alerts, Change, State
from xenwatch.assessment import Assessment, assess_pass
from xenwatch.config.settings import Settings
from xenwatch.delivery import xapi as module
from xenwatch.delivery.notifier import Notifier
from xenwatch.delivery.receivers import DeliveryError
from xenwatch.delivery.xapi import UPDATE, DataSources, directly, through_socket
from xenwatch.messages import requests
from xenwatch.messages import server as messages_server
from xenwatch.messages.requests import Message, Post, Request, Values
from xenwatch.readings.snapshot import Snapshot

MESSAGES = {"xapi.messages": True}
POST = Post(Message("XenwatchZombieDomain", 3, "a zombie"))


def inline(xapi: Xapi, directory: Path) -> Callable[[Request], Awaitable[None]]:
    """Asks the helper without a thread, so that the played clock is the only time."""
    shared = helper(xapi, directory)

    async def ask(request: Request) -> None:
        error = requests.loads_answer(shared.answer(requests.dumps(request)))
        if error:
            raise DeliveryError(error)

    return ask


def notifier(clock: FakeClock, xapi: Xapi, directory: Path, **settings: Any) -> Notifier:
    """A notifier that posts to that xapi; dots of settings are written as two underscores."""
    values = {name.replace("__", "."): value for name, value in settings.items()}
    return Notifier(Settings({**MESSAGES, **values}), clock, "host1", ask=inline(xapi, directory))


async def test_an_alert_is_a_message_while_it_fires(tmp_path: Path) -> None:
    """A message about the host is there from when the alert fires until it is resolved."""
    xapi, clock = Xapi(), FakeClock()
    delivery = notifier(clock, xapi, tmp_path)
    async with running(delivery.run()):
        for alerts in (FIRES, STILL, STILL):
            delivery.enqueue(alerts)
            await settle()
        [message] = xapi.messages.values()
        delivery.enqueue(OVER)
        await settle()

    assert message["name"] == "XenwatchAioRequestsNearLimit"
    assert message["priority"] == "3"
    assert message["obj-uuid"] == HOST
    assert message["body"].startswith(
        "host1: aio requests: 87.5% used (since 2023-11-14T22:13:20Z). "
    )
    assert message["body"].endswith("/XenwatchAioRequestsNearLimit.md")
    assert xapi.messages == {}
    assert xapi.commands() == ["message-create", "message-list", "message-destroy"]


async def test_it_is_off_by_default(tmp_path: Path) -> None:
    """Without the key nothing is asked of xapi."""
    xapi, clock = Xapi(), FakeClock()
    delivery = notifier(clock, xapi, tmp_path, xapi__messages=False)
    async with running(delivery.run()):
        delivery.enqueue(FIRES)
        await settle()

    assert not delivery.wanted
    assert xapi.asked == []


async def test_while_xapi_hangs_other_receivers_are_told(tmp_path: Path) -> None:
    """xapi is asked again ever more seldom, the webhook is told meanwhile, and in the end xapi."""
    xapi, clock = Xapi(hangs=True), FakeClock()
    async with server() as receiver:
        delivery = notifier(clock, xapi, tmp_path, webhook__url=receiver.url)
        with capture_logs() as logs:
            async with running(delivery.run()):
                delivery.enqueue(FIRES)
                await until(lambda: len(receiver.got) == 1)
                await clock.advance(3600)
                tries = len(xapi.asked)
                xapi.hangs = False
                await clock.advance(300)
                await settle()

    assert statuses(receiver.got) == [["firing"]]
    assert tries <= 7 + 3600 / 300
    assert len(xapi.messages) == 1
    assert [log["event"] for log in logs if "xapi" in log["event"]] == [
        "posting to xapi failed; will retry",
        "posting to xapi recovered",
    ]
    assert logs[0]["reason"] == "xe message-create: timed out after 20 s"


async def test_what_xapi_did_late_is_not_there_twice(tmp_path: Path) -> None:
    """xapi that answers too late and does it all the same has one message."""
    xapi, clock = Xapi(hangs=True, late=True), FakeClock()
    delivery = notifier(clock, xapi, tmp_path)
    async with running(delivery.run()):
        delivery.enqueue(FIRES)
        await settle()
        xapi.hangs = False
        await clock.advance(3600)
        await settle()
        assert len(xapi.messages) == 1
        delivery.enqueue(OVER)
        await settle()

    assert xapi.messages == {}


async def test_a_storm_waits_for_the_next_hour(tmp_path: Path) -> None:
    """No more messages are posted within an hour than configured; the others follow by time."""
    xapi, clock = Xapi(), FakeClock()
    storm = {
        number: dataclasses.replace(FIRING, labels=(("instance_of", str(number)),))
        for number in range(5)
    }
    began = tuple(
        Change(active, State.PENDING, State.FIRING, active.since) for active in storm.values()
    )
    alerts = Alerts({(KEY[0], KEY[1], one.labels): one for one in storm.values()}, {}, began)
    delivery = notifier(clock, xapi, tmp_path, xapi__messages_per_hour=2)
    async with running(delivery.run()):
        delivery.enqueue(alerts)
        found = []
        for _ in range(4):
            await settle()
            found.append(len(xapi.asked))
            await clock.advance(3600)
            delivery.enqueue(dataclasses.replace(alerts, changes=()))

    assert found == [2, 4, 5, 5]


async def test_a_restart_neither_repeats_nor_forgets(tmp_path: Path) -> None:
    """What was posted before a restart is not posted again, and is removed at its end."""
    xapi, clock, state = Xapi(), FakeClock(), tmp_path / "alerts.json"
    first = notifier(clock, xapi, tmp_path, alerts__state_file=str(state))
    async with running(first.run()):
        first.enqueue(FIRES)
        await settle()
        first.save_on_shutdown()
    second = notifier(clock, xapi, tmp_path, alerts__state_file=str(state))
    await second.restore()
    async with running(second.run()):
        second.enqueue(STILL)
        await settle()
        assert len(xapi.messages) == 1
        second.enqueue(OVER)
        await settle()

    assert xapi.messages == {}
    assert xapi.commands().count("message-create") == 1


async def test_a_message_of_before_a_reboot_is_removed(tmp_path: Path) -> None:
    """After a boot of the host the alerts of before are over, and so are their messages."""
    xapi, clock, state = Xapi(), FakeClock(), tmp_path / "alerts.json"
    first = notifier(clock, xapi, tmp_path, alerts__state_file=str(state))
    async with running(first.run()):
        first.enqueue(FIRES)
        await settle()
        first.save_on_shutdown()
    saved = json.loads(state.read_text())
    state.write_text(json.dumps({**saved, "boot": "another"}))
    second = notifier(clock, xapi, tmp_path, alerts__state_file=str(state))
    await second.restore()
    async with running(second.run()):
        await settle()

    assert xapi.messages == {}


@pytest.mark.parametrize("found", [[], {"waiting": 1}, {"waiting": {"a": {}}}, None])
async def test_a_broken_file_costs_its_content_alone(found: object, tmp_path: Path) -> None:
    """A state file of other content is told, and the daemon goes on without it."""
    state = tmp_path / "alerts.json"
    delivery = notifier(FakeClock(), Xapi(), tmp_path, alerts__state_file=str(state))
    document = {**delivery.outbox.saved(at(0)), "xapi": found}
    state.write_text(json.dumps(document))

    with capture_logs() as logs:
        await delivery.restore()

    assert [log["event"] for log in logs] == ["restoring saved alerts failed"]


async def test_the_helper_is_asked_at_its_socket(tmp_path: Path) -> None:
    """A request through the socket reaches xapi; what is refused there is an error here."""
    xapi, path = Xapi(), str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            try:
                messages_server.serve(listener, helper(xapi, tmp_path).answer)
            except OSError:  # shut down
                return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            await through_socket(path)(POST)
            xapi.down = True
            with pytest.raises(DeliveryError, match="Connection refused"):
                await through_socket(path)(POST)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            await asyncio.to_thread(thread.join)

    assert xapi.bodies() == ["a zombie"]


async def test_without_the_helper_the_next_step_is_told(tmp_path: Path) -> None:
    """Where there is no socket the error names the unit to start."""
    with pytest.raises(DeliveryError, match=r"systemctl start xenwatch-messages\.socket"):
        await through_socket(str(tmp_path / "missing"))(POST)


async def test_a_helper_that_does_not_answer_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper that hangs, or that closes without an answer, is a failed delivery."""
    monkeypatch.setattr(module, "DEADLINE", 0.01)
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with pytest.raises(DeliveryError, match="timed out"):
            await through_socket(path)(POST)
    with pytest.raises(DeliveryError):
        await through_socket(path)(POST)


async def test_root_does_it_itself(tmp_path: Path) -> None:
    """A daemon that is root has the same done in a thread of its own."""
    xapi = Xapi()
    ask = directly(helper(xapi, tmp_path))
    await ask(POST)
    xapi.down = True
    with pytest.raises(DeliveryError, match="Connection refused"):
        await ask(POST)

    assert xapi.bodies() == ["a zombie"]


async def test_the_values_are_kept_up_to_date() -> None:
    """The newest pass is told every few seconds, also where it is the same; failures once."""
    clock = FakeClock()
    asked: list[Request] = []
    fails = [False]
    newest: list[Assessment | None] = [None]

    async def ask(request: Request) -> None:
        if fails[0]:
            raise DeliveryError("no")
        asked.append(request)

    with capture_logs() as logs:
        async with running(DataSources(lambda: newest[0], ask, clock).run()):
            await clock.advance(3 * UPDATE)
            assert asked == []
            newest[0] = assess_pass(Snapshot())
            await clock.advance(2 * UPDATE)
            fails[0] = True
            await clock.advance(2 * UPDATE)
            fails[0] = False
            await clock.advance(UPDATE)

    assert asked == [Values({"linux": None, "windows": None}, None, None)] * len(asked)
    assert len(asked) >= 3
    assert UPDATE < 5, "xcp-rrdd reads every five seconds"
    assert [log["event"] for log in logs] == [
        "updating xcp-rrdd failed; will retry",
        "updating xcp-rrdd recovered",
    ]


def test_an_event_of_the_outbox_is_what_the_ledger_takes() -> None:
    """The events that these tests make have the fields of those that the daemon queues."""
    clock = FakeClock()
    delivery = Notifier(Settings(MESSAGES), clock, "host1")
    delivery.enqueue(FIRES)
    [message] = delivery.outbox.queues["xapi"]
    queued = message.document(clock.moment())

    assert queued.keys() >= event().keys()
    assert queued["annotations"].keys() == event()["annotations"].keys()
