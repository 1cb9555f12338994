"""Delivery of alerts to receivers: resent, once, until accepted, and over restarts."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.delivery.support import server, until
from tests.fake_clock import FakeClock, running, settle
from xenwatch.alerts.inhibition import INTERVAL
from xenwatch.alerts.states import Active, Alerts, Change, State
from xenwatch.alerts.table import ALERTS
from xenwatch.config.settings import Settings
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.notifier import EXPIRY, Notifier
from xenwatch.delivery.receivers import Command, DeliveryError, http_session, post, shown

AIO = next(alert for alert in ALERTS if alert.name == "aio_requests_near_limit")
FIRING = Active(AIO, "warning", (), since=-60.0, value=0.875, fired=0.0)
KEY = (AIO.name, "warning", ())
FIRES = Alerts({KEY: FIRING}, {}, (Change(FIRING, State.PENDING, State.FIRING, 0.0),))
STILL = dataclasses.replace(FIRES, changes=())
OVER = Alerts({}, {}, (Change(FIRING, State.FIRING, State.OK, 30.0),))


def notifier(clock: FakeClock, resend: float = 3600, **settings: Any) -> Notifier:
    """A notifier with these settings, dots written as two underscores."""
    values = {name.replace("__", "."): value for name, value in settings.items()}
    return Notifier(Settings(values), clock, "host1", resend=resend)


def statuses(documents: list[Any]) -> list[list[str]]:
    """Of each webhook request, the status of its alerts."""
    return [[alert["status"] for alert in document["alerts"]] for document in documents]


async def test_alertmanager_gets_what_fires_and_when_it_is_resolved() -> None:
    """What fires is sent with an end ahead, and once it is over with the end it had."""
    clock = FakeClock()
    async with server() as receiver:
        delivery = notifier(clock, alertmanager__urls=(receiver.url + "/am/",))
        async with running(delivery.run()):
            delivery.enqueue(FIRES)
            await until(lambda: len(receiver.got) == 1)
            clock.now = 30
            delivery.enqueue(OVER)
            await until(lambda: len(receiver.got) == 2)

    assert set(receiver.paths) == {"/am/api/v2/alerts"}
    [first], [second] = receiver.got
    assert first["labels"] == second["labels"] == {
        "alertname": "XenwatchAioRequestsNearLimit",
        "severity": "warning",
        "limit": "aio_requests",
        "job": "xenwatch",
        "instance": "host1",
    }  # fmt: skip
    instance = first["labels"]["instance"]
    assert first["annotations"]["summary"] == f"{instance}: aio requests: 87.5% used"
    assert first["startsAt"] == second["startsAt"] == "2023-11-14T22:13:20.000+00:00"
    assert first["endsAt"] == "2023-11-15T02:13:20.000+00:00", EXPIRY
    assert second["endsAt"] == "2023-11-14T22:13:50.000+00:00"


async def test_current_alerts_are_resent_to_alertmanager() -> None:
    """Without a change current alerts are resent, so that a restarted Alertmanager has them."""
    async with server() as receiver:
        delivery = notifier(FakeClock(), resend=0.01, alertmanager__urls=(receiver.url,))
        async with running(delivery.run()):
            delivery.enqueue(FIRES)
            delivery.enqueue(STILL)
            await until(lambda: len(receiver.got) > 3)

    assert [[alert["startsAt"] for alert in alerts] for alerts in receiver.got] == [
        ["2023-11-14T22:13:20.000+00:00"]
    ] * len(receiver.got)


async def test_each_alertmanager_is_retried_by_itself() -> None:
    """One that rejects alerts does not delay another, and gets them once it accepts them."""
    clock = FakeClock()
    async with server() as good, server() as bad:
        bad.status = 500
        delivery = notifier(clock, alertmanager__urls=(bad.url, good.url))
        with capture_logs() as logs:
            async with running(delivery.run()):
                delivery.enqueue(FIRES)
                await until(lambda: bool(good.got) and bool(bad.paths) and bool(logs))
                for expected in (2, 3):
                    await clock.advance(2.0 ** (expected - 2))
                    await until(lambda most=expected: len(bad.paths) == most)  # type: ignore[misc]
                bad.status = 200
                await settle()
                await clock.advance(4)
                await until(lambda: len(bad.got) == 1)
                await until(lambda: len(logs) == 2)

    assert [log["event"] for log in logs] == [
        "alert delivery failed; will retry",
        "alert delivery recovered",
    ]
    assert logs[0]["reason"] == r"rejected with HTTP status 500: no\x1b[31m"


async def test_a_webhook_gets_each_event_once() -> None:
    """A webhook gets an alert when it begins to fire and when it is over, and never again."""
    async with server() as receiver:
        delivery = notifier(FakeClock(), webhook__url=receiver.url + "/hook")
        async with running(delivery.run()):
            for alerts in (FIRES, STILL, STILL):
                delivery.enqueue(alerts)
            await until(lambda: len(receiver.got) == 1)
            delivery.enqueue(STILL)
            delivery.enqueue(OVER)
            await until(lambda: len(receiver.got) == 2)

    assert receiver.paths == ["/hook", "/hook"]
    assert statuses(receiver.got) == [["firing"], ["resolved"]]


async def test_rejected_events_are_delivered_later(tmp_path: Path) -> None:
    """What a webhook rejected is queued, over a restart too, and delivered in order."""
    file = str(tmp_path / "alerts.json")
    clock = FakeClock()
    async with server() as receiver:
        receiver.status = 503
        delivery = notifier(clock, webhook__url=receiver.url, alerts__state_file=file)
        async with running(delivery.run()):
            delivery.enqueue(FIRES)
            await until(lambda: len(receiver.paths) == 1)
            delivery.enqueue(OVER)
        delivery.save_on_shutdown()

        receiver.status = 200
        anew = notifier(clock, webhook__url=receiver.url, alerts__state_file=file)
        assert (await anew.restore()).firing == ()
        async with running(anew.run()):
            await until(lambda: len(receiver.got) == 1)

    assert statuses(receiver.got) == [["firing", "resolved"]]


async def deliver_and_stop(url: str, file: str) -> None:
    """A daemon's life: it delivers an alert that fires, and saves it."""
    delivery = notifier(FakeClock(), webhook__url=url, alerts__state_file=file)
    async with running(delivery.run()):
        delivery.enqueue(FIRES)
        await until(lambda: not delivery.outbox.queues["webhook"])
    delivery.save_on_shutdown()


async def test_a_restart_repeats_nothing(tmp_path: Path) -> None:
    """After a restart what was delivered is not delivered again, and its end is once it comes."""
    file = str(tmp_path / "alerts.json")
    async with server() as receiver:
        await deliver_and_stop(receiver.url, file)

        anew = notifier(FakeClock(), webhook__url=receiver.url, alerts__state_file=file)
        assert [alert.fired for alert in (await anew.restore()).firing] == [0.0]
        async with running(anew.run()):
            anew.enqueue(STILL)
            anew.enqueue(OVER)
            await until(lambda: len(receiver.got) == 2)

    assert statuses(receiver.got) == [["firing"], ["resolved"]]


async def test_another_boot_is_noticed(tmp_path: Path) -> None:
    """What fired before a boot of the host is resolved when the daemon starts."""
    file = str(tmp_path / "alerts.json")
    async with server() as receiver:
        await deliver_and_stop(receiver.url, file)

        values = {"webhook.url": receiver.url, "alerts.state_file": file}
        anew = Notifier(Settings(values), FakeClock(), "host1", boot=lambda: "another")
        assert (await anew.restore()).active == {}
        async with running(anew.run()):
            await until(lambda: len(receiver.got) == 2)

    assert [alert["state"] for alert in receiver.got[1]["alerts"]] == ["unknown"]


async def test_what_is_delivered_is_saved_at_once(tmp_path: Path) -> None:
    """A daemon that is killed has left a file with what it had delivered."""
    file = tmp_path / "alerts.json"
    async with server() as receiver:
        delivery = notifier(FakeClock(), webhook__url=receiver.url, alerts__state_file=str(file))
        async with running(delivery.run()):
            delivery.enqueue(FIRES)
            await until(
                lambda: file.exists() and json.loads(file.read_text())["queues"]["webhook"] == []
            )

    kept = json.loads(file.read_text())
    assert [alert["alert"] for alert in kept["active"]] == ["aio_requests_near_limit"]
    assert sorted(os.listdir(tmp_path)) == ["alerts.json"]


DAMAGED = json.dumps(
    {
        "saved": 0,
        "boot": "",
        "active": [],
        "queues": {},
        "over": [{"labels": {}, "annotations": {}, "starts": 0, "ends": "soon", "state": "ok"}],
    }
)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "\xff", "[" * 100000,
        '{"saved": 0, "boot": "", "active": [{}], "over": [], "queues": {}}',
        DAMAGED,
        '{"saved": 1e300, "boot": "", "active": [], "over": [], "queues": {}}',
    ],
)  # fmt: skip
async def test_a_damaged_file_is_no_reason_not_to_start(tmp_path: Path, text: str) -> None:
    """A file that holds something else is logged, and nothing is restored."""
    file = tmp_path / "alerts.json"
    file.write_text(text, encoding="latin-1")
    delivery = notifier(
        FakeClock(), webhook__url="http://127.0.0.1:1", alerts__state_file=str(file)
    )
    with capture_logs() as logs:
        assert await delivery.restore() == Alerts()

    assert [log["event"] for log in logs] == ["restoring saved alerts failed"]


async def test_nobody_named_nothing_done(tmp_path: Path) -> None:
    """Without receivers nothing is sent and no file written."""
    delivery = notifier(FakeClock(), alerts__state_file=str(tmp_path / "alerts.json"))
    async with asyncio.timeout(30):
        await delivery.run()
    delivery.enqueue(FIRES)
    delivery.save_on_shutdown()

    assert os.listdir(tmp_path) == []


async def test_dropped_alerts_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that is down for too long costs events, and one line when that begins and ends."""
    monkeypatch.setattr("xenwatch.delivery.outbox.MOST_EVENTS", 3)
    clock = FakeClock()
    async with server() as receiver:
        receiver.status = 500
        delivery = notifier(clock, webhook__url=receiver.url)
        with capture_logs() as logs:
            async with running(delivery.run()):
                for alerts in (FIRES, OVER, FIRES, OVER, FIRES):
                    clock.now += INTERVAL
                    delivery.enqueue(alerts)
                await until(lambda: len(logs) == 2)
                receiver.status = 200
                await settle()
                await clock.advance(1)
                await until(lambda: not delivery.outbox.queues["webhook"] and len(logs) == 4)

    assert statuses(receiver.got) == [["firing", "resolved", "firing"]]
    said = [(log["event"], log.get("number")) for log in logs if log["log_level"] == "error"]
    assert said == [
        ("alerts dropped: delivery queue full", None),
        ("delivery queue drained, but alerts were dropped", 2),
    ]


async def test_a_command_gets_the_alerts_on_stdin(tmp_path: Path) -> None:
    """The command is run with its fixed arguments and reads the JSON a webhook would get."""
    out = tmp_path / "out"
    argv = ("/bin/sh", "-c", 'cat > "$0"; env > "$0.env"', str(out))
    delivery = notifier(FakeClock(), command__argv=argv)
    async with running(delivery.run()):
        delivery.enqueue(FIRES)
        await until(lambda: not delivery.outbox.queues["command"])

    document = json.loads(out.read_text())
    assert statuses([document]) == [["firing"]]
    names = {line.partition("=")[0] for line in (tmp_path / "out.env").read_text().splitlines()}
    assert names <= {"PATH", "LANG", "PWD", "SHLVL", "_", "OLDPWD"}


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (("/bin/false",), "failed with exit status 1"),
        (("/nonexistent",), "failed to start: .*No such file or directory"),
        (("/bin/sh", "-c", "sleep 1000 & sleep 1000"), "timed out after 0.1 s, killed"),
    ],
)
async def test_a_command_that_fails_says_why(argv: tuple[str, ...], reason: str) -> None:
    """A command that fails, is missing or hangs is a failed delivery; what hangs is killed."""
    with pytest.raises(DeliveryError, match=reason):
        await Command(argv, 0.1).deliver([])


async def test_a_command_that_cannot_be_killed_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program that hangs in the kernel, where no signal reaches it, does not hold up the rest."""
    begun: list[asyncio.subprocess.Process] = []
    begin = asyncio.create_subprocess_exec

    async def noted(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        begun.append(await begin(*arguments, **options))
        return begun[-1]

    with monkeypatch.context() as patch:
        patch.setattr("xenwatch.delivery.receivers.asyncio.create_subprocess_exec", noted)
        patch.setattr("xenwatch.delivery.receivers.os.killpg", lambda *_: None)
        with pytest.raises(DeliveryError, match="timed out after"):
            await Command(("/bin/sleep", "1000"), 0.1).deliver([])
    [process] = begun
    assert process.returncode is None
    process.kill()
    await process.wait()


async def test_a_server_that_is_not_there_says_why() -> None:
    """A refused connection is a failed delivery, without the password in it."""
    async with http_session() as session:
        with pytest.raises(DeliveryError, match="Cannot connect to host localhost:1"):
            await post(session, Endpoint("http://user:secret@localhost:1/"), "", {})

    assert shown("http://user:secret@localhost:1/x?key=secret") == "http://localhost:1/***"


async def test_without_a_thread_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be had to look up a name, that delivery fails, and no more."""

    def start(*_arguments: object) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        future.set_exception(RuntimeError("can't start new thread"))
        return future

    monkeypatch.setattr("xenwatch.delivery.receivers.threads.start", start)
    async with http_session() as session:
        with pytest.raises(DeliveryError, match="can't start new thread"):
            await post(session, Endpoint("http://alertmanager.example/"), "", {})


async def test_a_file_that_cannot_be_written_is_logged_once(tmp_path: Path) -> None:
    """A state file in a missing directory is one line in the log, and alerts are delivered."""
    file = str(tmp_path / "gone/alerts.json")
    async with server() as receiver:
        delivery = notifier(FakeClock(), webhook__url=receiver.url, alerts__state_file=file)
        with capture_logs() as logs:
            async with running(delivery.run()):
                delivery.enqueue(FIRES)
                await until(lambda: len(receiver.got) == 1 and bool(logs))
                delivery.enqueue(OVER)
                await until(lambda: len(receiver.got) == 2)
        delivery.save_on_shutdown()

    assert [log["event"] for log in logs] == ["saving alerts failed; will retry"]


async def test_a_full_disk_is_tried_again(tmp_path: Path) -> None:
    """What could not be saved is saved without another change, once there is room."""
    file, clock = tmp_path / "gone/alerts.json", FakeClock()
    async with server() as receiver:
        delivery = notifier(clock, webhook__url=receiver.url, alerts__state_file=str(file))
        with capture_logs() as logs:
            async with running(delivery.run()):
                delivery.enqueue(FIRES)
                await until(lambda: len(receiver.got) == 1 and bool(logs))
                file.parent.mkdir()
                await clock.advance(60)
                await until(file.exists)

    assert [log["event"] for log in logs] == [
        "saving alerts failed; will retry",
        "saving alerts recovered",
    ]
