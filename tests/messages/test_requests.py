"""What may be asked of the helper, and that nothing else may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.messages.stand_in import VM, Xapi, helper
from xenwatch.messages import requests
from xenwatch.messages.requests import (
    LONGEST_BODY,
    LONGEST_LINE,
    NAMES,
    UUID,
    Message,
    Post,
    Remove,
    Request,
    RequestError,
    Values,
)

GOOD = {
    "ask": "post",
    "name": "XenwatchXapiUnresponsive",
    "priority": 2,
    "body": "xapi does not answer",
    "vm": "",
    "again": False,
}
VALUES = {"ask": "values", "vms": {"linux": 3}, "fullest": 0.5, "wakeups": None}

messages = st.builds(
    Message,
    st.sampled_from(sorted(NAMES)),
    st.integers(1, 5),
    st.text().map(requests.line_of).filter(bool),
    st.from_regex(UUID, fullmatch=True) | st.just(""),
)
values = st.builds(
    Values,
    st.dictionaries(
        st.from_regex(requests.SHAPE, fullmatch=True),
        st.none() | st.integers(0, requests.MOST_VMS),
        max_size=16,
    ),
    st.none() | st.floats(0, 1e9),
    st.none() | st.floats(0, 1e9),
)


@settings(deadline=None)
@given(st.builds(Post, messages, st.booleans()) | st.builds(Remove, messages) | values)
def test_what_is_asked_is_understood(request_: Request) -> None:
    """Every request that the daemon can make is the same on the other side, in one line."""
    line = requests.dumps(request_)

    assert requests.loads(line) == request_
    assert line.count(b"\n") == 1
    assert len(line) <= LONGEST_LINE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ask": "destroy-all"}, "cannot be asked: 'destroy-all'"),
        ({"ask": None}, "cannot be asked: None"),
        ({"name": "ALARM"}, "not an alert: 'ALARM'"),
        ({"name": ["XenwatchXapiUnresponsive"]}, "not an alert: "),
        ({"priority": 0}, "priority must be 1 to 5"),
        ({"priority": 6}, "priority must be 1 to 5"),
        ({"priority": True}, "priority must be 1 to 5"),
        ({"priority": "2"}, "priority must be 1 to 5"),
        ({"body": ""}, "body must be one line"),
        ({"body": "a\nhost-uuid=b"}, "body must be one line"),
        ({"body": "a\0b"}, "body must be one line"),
        ({"body": "a\ud800"}, "body must be one line"),
        ({"body": " a"}, "body must be one line"),
        ({"body": "a" * (LONGEST_BODY + 1)}, "body must be one line"),
        ({"vm": "../../etc"}, "not the UUID of a VM"),
        ({"vm": VM + "\n"}, "not the UUID of a VM"),
        ({"vm": VM.upper()}, "not the UUID of a VM"),
        ({"vm": None}, "not the UUID of a VM"),
        ({"again": 1}, "again must be true or false"),
        ({"host": VM}, "must have exactly"),
    ],
)
def test_a_message_that_is_not_allowed_is_refused(change: dict[str, Any], reason: str) -> None:
    """A message has the name of an alert, a priority, one line and at most one VM."""
    with pytest.raises(RequestError, match=reason):
        requests.loads(json.dumps({**GOOD, **change}).encode())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"vms": []}, "vms must be an object"),
        ({"vms": {str(number): 1 for number in range(17)}}, "at most 16 shapes"),
        ({"vms": {'a"b': 1}}, "not a shape"),
        ({"vms": {"a": -1}}, "not a number of VMs"),
        ({"vms": {"a": 1.5}}, "not a number of VMs"),
        ({"vms": {"a": True}}, "not a number of VMs"),
        ({"vms": {"a": 10**400}}, "not a number of VMs"),
        ({"fullest": "1"}, "not a number from 0"),
        ({"fullest": float("nan")}, "not a number from 0"),
        ({"fullest": float("inf")}, "not a number from 0"),
        ({"wakeups": -1}, "not a number from 0"),
        ({"wakeups": 10**400}, "not a number from 0"),
    ],
)
def test_values_that_are_not_allowed_are_refused(change: dict[str, Any], reason: str) -> None:
    """Values are numbers from 0 or unknown, and there are few of them."""
    with pytest.raises(RequestError, match=reason):
        requests.loads(json.dumps({**VALUES, **change}).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
hostile = st.one_of(
    st.binary(max_size=LONGEST_LINE + 10),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from([*GOOD, *VALUES]), json_values).map(
        lambda changes: json.dumps({**GOOD, **changes}).encode()
    ),
    st.dictionaries(st.sampled_from(list(VALUES)), json_values).map(
        lambda changes: json.dumps({**VALUES, **changes}).encode()
    ),
    st.just(b"[" * LONGEST_LINE),
)


@settings(deadline=None)
@given(line=hostile)
def test_nothing_that_is_asked_gets_anything_else_run(
    line: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is asked is answered in one line, and xe is run with these arguments alone."""
    xapi = Xapi()
    answer = helper(xapi, tmp_path_factory.mktemp("host")).answer(line)

    assert answer.endswith(b"\n")
    assert len(answer) <= LONGEST_LINE
    requests.loads_answer(answer)
    for argv in xapi.asked:
        program, command, *parameters = argv
        names = [each.partition("=")[0] for each in parameters]
        assert (program, command, names) in [
            ("xe", "message-create", ["name", "priority", "body", "vm-uuid"]),
            ("xe", "message-create", ["name", "priority", "body", "host-uuid"]),
            ("xe", "message-list", ["name", "obj-uuid", "body", "params", "--minimal"]),
            ("xe", "message-destroy", ["uuid"]),
        ]
        assert not any("\n" in each or "\0" in each for each in argv)


def test_a_line_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """A request of more than its bound is not parsed."""
    line = json.dumps({**GOOD, "body": "x" * LONGEST_LINE}).encode()

    answer = requests.loads_answer(helper(Xapi(), tmp_path).answer(line))

    assert answer == f"must be at most {LONGEST_LINE} bytes"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" a\n b\t c ", "a b c"),
        ("bell \a", r"bell \x07"),
        ("x" * 1000, "x" * 1000),
        ("x" * 1001, "x" * 999 + "…"),
    ],
)
def test_a_text_becomes_one_line(text: str, line: str) -> None:
    """The text of an alert becomes one printable line, shortened where it is too long."""
    assert requests.line_of(text) == line
    assert requests.line_of(line) == line


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b"{}", b'{"error": 1}'])
def test_what_is_no_answer_is_told_apart(line: bytes) -> None:
    """An answer that is cut or of another program is an error, not a success."""
    with pytest.raises(ValueError, match=r"answer|Expecting"):
        requests.loads_answer(line)
