"""What was saved is restored strictly: a file that somebody else wrote holds up nothing."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.delivery.test_ledger import event
from tests.delivery.test_notifier import AIO, FIRES, FIRING, KEY, OVER, notifier
from tests.fake_clock import START, FakeClock, at
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.messages import Sender
from xenwatch.alerts.states import Alerts
from xenwatch.alerts.table import ALERTS
from xenwatch.config import state_file
from xenwatch.delivery import notifier as module
from xenwatch.delivery.ledger import Ledger
from xenwatch.delivery.outbox import Outbox, moment_saved
from xenwatch.delivery.saved import SavedError, Value

EXPIRY = 240.0
PENDING = dataclasses.replace(FIRING, fired=None, severity="critical")
LASTING = next(alert for alert in ALERTS if alert.name == "vm_start_unfinished")
"""Its texts name the VM, and its value is a time span."""
LABELS = (("backend_domid", "3"), ("domid", "5"), ("uuid", "a"))
OTHER = dataclasses.replace(FIRING, alert=LASTING, labels=LABELS, value=60.0)


def document() -> dict[str, Any]:
    """A file with everything in it that is ever saved."""
    box = Outbox(Sender("host1", "r/"), ["webhook", "xapi"])
    box.enqueue(FIRES, 0.0)
    box.enqueue(OVER, 30.0)
    box.maintain(Maintenance(START + 3600, "disks"), at(40), 300.0)
    keys = {(one.alert.name, one.severity, one.labels): one for one in (FIRING, PENDING, OTHER)}
    box.enqueue(dataclasses.replace(FIRES, active=keys), 50.0, quiet=True)
    ledger = Ledger(20)
    for number in range(3):
        ledger.take(event(number), 0.0)
    task = ledger.next(0.0)
    assert task is not None
    ledger.done(task, 1.0)
    ledger.take(event(0, over=True), 2.0)
    found: dict[str, Any] = json.loads(
        json.dumps({**box.saved(at(60)), "xapi": ledger.saved(at(60))})
    )
    return found


SAVED = document()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document, but its own."""
    if path:
        yield path
    items = enumerate(value) if isinstance(value, list) else ()
    for key, item in value.items() if isinstance(value, dict) else items:
        yield from places(item, (*path, key))


def changed(path: tuple[Any, ...], value: Any, *, gone: bool = False) -> dict[str, Any]:
    """The document with another value at a place, or without any."""
    found = copy.deepcopy(SAVED)
    at_: Any = found
    for key in path[:-1]:
        at_ = at_[key]
    if gone:
        del at_[path[-1]]
    else:
        at_[path[-1]] = value
    return found


def live(found: Any) -> None:
    """A daemon's life with what was restored: all it may tell, and save, once and again."""
    box, ledger = Outbox(Sender("host1", "r/"), ["webhook", "xapi"]), Ledger(20)
    value, now = Value(found), at(70)
    box.restore(value, now, EXPIRY)
    ledger.restore(value["xapi"], moment_saved(value, now))
    alerts = box.alerts
    box.maintain(None, now, 300.0)
    for seconds in (70.0, 80.0, 1e6):
        now = at(seconds)
        box.enqueue(alerts, now.instant)
        json.dumps([box.current(now, EXPIRY), box.saved(now)])
        for message in box.queues["xapi"]:
            ledger.take(message.document(now), now.instant)
        while (task := ledger.next(now.instant)) is not None:
            ledger.done(task, now.instant)
        json.dumps(ledger.saved(now))
        alerts = Alerts()


def test_what_was_saved_is_restored() -> None:
    """The document that the other tests damage is restored as it is."""
    live(SAVED)
    box = Outbox(Sender("host1", "r/"), ["webhook", "xapi"])
    box.restore(Value(SAVED), at(60), EXPIRY)

    saved = json.loads(json.dumps(box.saved(at(60))))
    assert {name: value for name, value in saved.items() if name != "active"} == {
        name: value for name, value in SAVED.items() if name not in ("active", "xapi")
    }
    assert {KEY, (AIO.name, "critical", ())} <= box.alerts.active.keys()


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 1 << 37, 1e300])
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=5)
    | st.sampled_from(["x", "\ud800", "firing", "2026-01-31T14:00:00", "2026-01-31T14:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(places(SAVED))), odd, st.booleans())
def test_any_value_is_refused_or_harmless(path: tuple[Any, ...], value: Any, gone: bool) -> None:
    """Whatever stands in whichever place, it is refused where it stands, or can be lived with."""
    try:
        live(changed(path, value, gone=gone))
    except SavedError as error:
        around = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path[:-1])
        named = str(error).partition(": expected")[0]
        assert named == "file" or around[1:].startswith(named) or named.startswith(around[1:])


REFUSED = {
    "over[0].ends: expected a number, found 'x'": (("over", 0, "ends"), "x"),
    "saved: expected a finite number, found nan": (("saved",), float("nan")),
    "active[0].value: expected a finite number, found inf": (("active", 0, "value"), float("inf")),
    "active[0].since: expected a Unix time, found -1": (("active", 0, "since"), -1),
    "active[0].labels: expected an object": (("active", 0, "labels"), []),
    "active[0].labels.limit: expected a text, found 5": (("active", 0, "labels"), {"limit": 5}),
    "queues.webhook[0].endsAt: expected a date": (("queues", "webhook", 0, "endsAt"), "x"),
    "queues.webhook[0].labels: expected a field severity": (
        ("queues", "webhook", 0, "labels"), {"alertname": "a"},
    ),
    "over[0].state: expected one of: firing, ok, unknown": (("over", 0, "state"), "bad"),
    "boot: expected a text": (("boot",), True),
    "xapi.posted: expected an object": (("xapi", "posted"), 1),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_refused_is_named(reason: str) -> None:
    """The reason has the field and what is wrong with it."""
    with pytest.raises(SavedError) as caught:
        live(changed(*REFUSED[reason]))

    assert str(caught.value).startswith(reason)


def test_alerts_of_another_version_are_left_behind() -> None:
    """A name, a severity or labels that the table does not have cost that alert alone."""
    lasting = next(
        number for number, one in enumerate(SAVED["active"]) if one["alert"] == LASTING.name
    )
    for name, value in (("alert", "of_before"), ("severity", "info"), ("labels", {})):
        box = Outbox(Sender("host1", "r/"), ["webhook"])
        box.restore(Value(changed(("active", lasting, name), value)), at(70), EXPIRY)
        left = {alert.alert.name for alert in box.alerts.active.values()}
        assert left == {AIO.name}
        assert len(box.alerts.active) == len(SAVED["active"]) - 1


BAD = {
    "empty": b"",
    "no UTF-8": b'{"boot": "\xff"}',
    "deep": b"[" * 100_000,
    "a long number": b"1" * 10_000,
    "another": b"[]",
    "x": json.dumps(changed(("over", 0, "ends"), "x")).encode(),
}


def of(file: Path) -> module.Notifier:
    """A daemon's notifier with that file."""
    return notifier(FakeClock(), webhook__url="http://127.0.0.1:1", alerts__state_file=str(file))


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_is_set_aside(tmp_path: Path, name: str) -> None:
    """It is kept for its owner alone, one line says why, and the next start is as the first."""
    file, bad = tmp_path / "alerts.json", tmp_path / "alerts.json.bad"
    file.write_bytes(BAD[name])
    with capture_logs() as logs:
        delivery = of(file)
        assert await delivery.restore() == Alerts()
        assert not delivery.outbox.queues["webhook"]
        assert await of(file).restore() == Alerts()

    [line] = logs
    assert (line["event"], line["moved_to"]) == ("restoring saved alerts failed", str(bad))
    assert line["reason"]
    assert os.listdir(tmp_path) == [bad.name]
    assert bad.read_bytes() == BAD[name]
    assert stat.S_IMODE(bad.stat().st_mode) == 0o600


async def test_a_huge_file_is_set_aside_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of 100 MB is not read to its end, nor parsed."""
    file = tmp_path / "alerts.json"
    file.touch()
    os.truncate(file, 100 << 20)
    monkeypatch.setattr(json, "loads", None)
    delivery = of(file)
    with capture_logs() as logs:
        assert await delivery.restore() == Alerts()

    assert [line["reason"] for line in logs] == [
        f"must not be larger than {module.FILE_LIMIT} bytes"
    ]
    assert os.listdir(tmp_path) == ["alerts.json.bad"]


@pytest.mark.parametrize("error", [PermissionError(13, ""), OSError(5, "")], ids=str)
async def test_a_file_that_cannot_be_read_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    """What it says of alerts that were not delivered is not overwritten."""
    file = tmp_path / "alerts.json"
    file.write_text("kept")

    def refused(_path: str, _most: int) -> bytes:
        raise error

    monkeypatch.setattr(state_file, "read_own", refused)
    delivery = of(file)
    with capture_logs() as logs:
        assert await delivery.restore() == Alerts()
    delivery.save_on_shutdown()

    assert [line["moved_to"] for line in logs] == [f"{file}.bad"]
    assert (tmp_path / "alerts.json.bad").read_text() == "kept"
    assert json.loads(file.read_text())


async def test_a_file_that_is_not_read_in_time_is_set_aside_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file system may answer later, and what it has is then still there."""
    file, answers = tmp_path / "alerts.json", threading.Event()
    file.write_text("kept")

    def slow(_path: str, _most: int) -> bytes:
        answers.wait(60)
        raise OSError(5, "made to fail")

    monkeypatch.setattr(state_file, "read_own", slow)
    monkeypatch.setattr(module, "READ_DEADLINE", 0.01)
    delivery = of(file)
    with capture_logs() as logs:
        assert await delivery.restore() == Alerts()
    delivery.save_on_shutdown()
    answers.set()
    # As the thread does that nobody waits for: it must not set the new file aside.
    with pytest.raises(module._Unusable):
        delivery._read()

    assert [line["reason"] for line in logs] == ["TimeoutError"]
    assert (tmp_path / "alerts.json.bad").read_text() == "kept"
    assert json.loads(file.read_text())


async def test_a_file_that_cannot_be_set_aside_is_not_replaced(tmp_path: Path) -> None:
    """Its place is taken: that is said, and the file stays."""
    file = tmp_path / "alerts.json"
    file.write_text("kept")
    (tmp_path / "alerts.json.bad").mkdir()
    delivery = of(file)
    with capture_logs() as logs:
        assert await delivery.restore() == Alerts()
        delivery.save_on_shutdown()

    assert logs[-1]["reason"] == f"{file}.bad is a directory; move it away"
    assert file.read_text() == "kept"


async def test_a_link_in_its_place_is_left_alone(tmp_path: Path) -> None:
    """It could be read and never be replaced: each start would deliver the same again."""
    file = tmp_path / "alerts.json"
    file.symlink_to("elsewhere")
    with capture_logs() as logs:
        assert await of(file).restore() == Alerts()

    assert [(line["reason"], line["next"]) for line in logs] == [
        ("is a link, must be a file; replace it by the file", "move it away")
    ]


async def test_alerts_that_are_lost_at_the_end_are_said_to_be(tmp_path: Path) -> None:
    """The last save has a line in the log if none before has failed."""
    file = tmp_path / "alerts.json"
    (tmp_path / "alerts.json.new").mkdir()
    delivery = of(file)
    with capture_logs() as logs:
        delivery.save_on_shutdown()

    assert [(line["event"], line["file"]) for line in logs] == [("saving alerts failed", str(file))]


async def test_a_directory_in_its_place_is_left_alone(tmp_path: Path) -> None:
    """Somebody has put it there: it is told, and stays."""
    file = tmp_path / "alerts.json"
    file.mkdir()
    delivery = of(file)
    with capture_logs() as logs:
        assert await delivery.restore() == Alerts()

    assert [(line["reason"], "moved_to" in line) for line in logs] == [
        ("is a directory, must be a file", False)
    ]
    assert file.is_dir()
