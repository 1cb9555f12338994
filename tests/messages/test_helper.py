"""What the helper does with xapi: posts, finds and removes messages."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.messages.stand_in import HOST, UNKNOWN_VM, VM, Xapi, helper
from xenwatch.messages import helper as module
from xenwatch.messages import requests
from xenwatch.messages.helper import DEADLINE, Helper
from xenwatch.messages.page_file import PageFile
from xenwatch.messages.requests import (
    LONGEST_BODY,
    MOST_POSTS,
    MOST_SHAPES_EVER,
    Message,
    Post,
    Remove,
    Request,
    Values,
)
from xenwatch.sources.base import CommandOutput

MESSAGE = Message("XenwatchZombieDomain", 3, "host1: VM web is a zombie = since 10:00Z", VM)


def asked(xapi: Xapi, directory: Path, request: Request) -> str:
    """The error of a request, empty where it was done."""
    return requests.loads_answer(helper(xapi, directory).answer(requests.dumps(request)))


def test_a_message_about_a_vm_is_posted(tmp_path: Path) -> None:
    """xe gets the message's fields as arguments, and the VM."""
    xapi = Xapi()

    assert asked(xapi, tmp_path, Post(MESSAGE)) == ""
    assert xapi.asked == [
        (
            *("xe", "message-create", "name=XenwatchZombieDomain", "priority=3"),
            *("body=host1: VM web is a zombie = since 10:00Z", f"vm-uuid={VM}"),
        )
    ]
    [posted] = xapi.messages.values()
    assert posted["body"] == MESSAGE.body


def test_a_message_without_a_vm_is_about_the_host(tmp_path: Path) -> None:
    """Everything else is about this host, whose UUID is in its inventory."""
    xapi = Xapi()

    assert asked(xapi, tmp_path, Post(dataclasses.replace(MESSAGE, vm=""))) == ""
    assert [message["obj-uuid"] for message in xapi.messages.values()] == [HOST]


def test_a_vm_that_xapi_does_not_know_is_told_of_the_host(tmp_path: Path) -> None:
    """A message about a VM that is gone is posted and removed as one of the host."""
    xapi = Xapi()
    message = dataclasses.replace(MESSAGE, vm=UNKNOWN_VM)

    assert asked(xapi, tmp_path, Post(message)) == ""
    assert [message["obj-uuid"] for message in xapi.messages.values()] == [HOST]
    assert asked(xapi, tmp_path, Remove(message)) == ""
    assert xapi.messages == {}


def test_only_the_message_itself_is_removed(tmp_path: Path) -> None:
    """Another alert of the same name about the same VM, and one of xapi itself, stay."""
    xapi = Xapi()
    other = dataclasses.replace(MESSAGE, body="host1: VM web is a zombie since 11:00Z")
    for message in (MESSAGE, other, MESSAGE):
        assert asked(xapi, tmp_path, Post(message)) == ""
    xapi.messages["own"] = {"name": "VM_STARTED", "body": MESSAGE.body, "obj-uuid": VM}

    assert asked(xapi, tmp_path, Remove(MESSAGE)) == ""
    assert xapi.bodies() == [other.body, MESSAGE.body]


def test_what_somebody_dismissed_is_removed_already(tmp_path: Path) -> None:
    """A message that is not there any more is no error."""
    assert asked(Xapi(), tmp_path, Remove(MESSAGE)) == ""


def test_a_message_that_was_posted_late_is_not_posted_twice(tmp_path: Path) -> None:
    """An attempt that timed out may have succeeded: the next one looks first."""
    xapi = Xapi(hangs=True, late=True)
    assert asked(xapi, tmp_path, Post(MESSAGE)) == "xe message-create: timed out after 20 s"
    xapi.hangs = False

    assert asked(xapi, tmp_path, Post(MESSAGE, again=True)) == ""
    assert len(xapi.messages) == 1
    xapi.messages.clear()
    assert asked(xapi, tmp_path, Post(MESSAGE, again=True)) == ""
    assert len(xapi.messages) == 1


def test_what_xe_says_is_the_error(tmp_path: Path) -> None:
    """An error of xe is handed back in one line."""
    error = asked(Xapi(down=True), tmp_path, Post(MESSAGE))

    assert error == "xe message-create: Error: Connection refused (calling connect)"


def test_the_reason_is_told_however_long_the_message(tmp_path: Path) -> None:
    """What xe was given is left out of the error, which has a bound too."""
    longest = dataclasses.replace(MESSAGE, body="x" * LONGEST_BODY)

    assert (
        asked(Xapi(hangs=True), tmp_path, Post(longest))
        == "xe message-create: timed out after 20 s"
    )


@pytest.mark.parametrize("content", [None, "", "INSTALLATION_UUID=''\n", "xINSTALLATION_UUID=1"])
def test_a_host_without_an_inventory_says_so(content: str | None, tmp_path: Path) -> None:
    """Without the host's UUID nothing is run."""
    xapi = Xapi()
    inventory = tmp_path / "other"
    if content is not None:
        inventory.write_text(content)

    answer = Helper(xapi.run, str(inventory)).answer(requests.dumps(Post(MESSAGE)))

    assert str(inventory) in requests.loads_answer(answer)
    assert xapi.asked == []


def test_all_runs_of_a_request_share_its_time(tmp_path: Path) -> None:
    """No run of xe gets more time than is left of the request's."""
    xapi = Xapi()
    given: list[float] = []

    def run(argv: Sequence[str], seconds: float) -> CommandOutput:
        given.append(seconds)
        return xapi.run(argv, seconds)

    inventory = tmp_path / "inventory"
    inventory.write_text(f"INSTALLATION_UUID='{HOST}'\n")
    Helper(run, str(inventory)).answer(requests.dumps(Post(MESSAGE, again=True)))

    assert len(given) == 3, "for the VM, for the host, and the message itself"
    assert all(0 < seconds <= 20 < DEADLINE for seconds in given)


def test_so_many_messages_are_posted_in_an_hour_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for more has nothing of others deleted by xapi; an hour later it goes on."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(module, "time", clock)
    xapi = Xapi()
    shared = helper(xapi, tmp_path)

    def post() -> str:
        return requests.loads_answer(shared.answer(requests.dumps(Post(MESSAGE))))

    assert {post() for clock.now in range(MOST_POSTS)} == {""}
    clock.now = 3599.0
    assert post() == f"{MOST_POSTS} messages were posted within an hour; retry later"
    assert requests.loads_answer(shared.answer(requests.dumps(Remove(MESSAGE)))) == ""
    clock.now = 3600.0
    assert post() == ""
    assert post() != ""


def test_a_request_does_not_wait_for_ever_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While xapi is busy with a request the next one fails in its time, and runs nothing."""
    xapi = Xapi()
    inside, go = threading.Event(), threading.Event()

    def run(argv: Sequence[str], seconds: float) -> CommandOutput:
        inside.set()
        go.wait()
        return xapi.run(argv, seconds)

    inventory = tmp_path / "inventory"
    inventory.write_text(f"INSTALLATION_UUID='{HOST}'\n")
    shared = Helper(run, str(inventory))
    line = requests.dumps(Post(MESSAGE))
    first = threading.Thread(target=shared.answer, args=(line,))
    first.start()
    inside.wait()
    monkeypatch.setattr(module, "DEADLINE", 0.01)
    error = requests.loads_answer(shared.answer(line))
    go.set()
    first.join()

    assert error == "xapi: an earlier request still waits for it"
    assert len(xapi.messages) == 1


def test_data_sources_that_are_ever_new_are_refused(tmp_path: Path) -> None:
    """xcp-rrdd keeps what it has seen: so many shapes are given a data source, and no more."""
    shared = Helper(pages=PageFile(str(tmp_path)))

    def ask(number: int) -> str:
        request = Values({f"shape{number}": 1}, None, None)
        return requests.loads_answer(shared.answer(requests.dumps(request)))

    assert {ask(number) for number in range(MOST_SHAPES_EVER)} == {""}
    assert "restart xenwatch-messages" in ask(MOST_SHAPES_EVER)
    assert ask(0) == ""
