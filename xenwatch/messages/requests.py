"""What may be asked: a message to post or to remove, and values for xcp-rrdd. Nothing else.

One line of JSON each way. Names are those of the table of alerts, the rest is bounded: whoever
takes over the daemon can post and remove messages of xenwatch on this host and on VMs of its pool,
`MOST_POSTS` an hour, no more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.display.text import printable, shown
from xenwatch.values import dataclass

NAMES: Final = frozenset(alert.title for alert in ALERTS) | {alert.title for alert in WATCHES}
"""Names of messages: those of the alerts."""
PRIORITIES: Final = range(1, 6)
"""1: data may be lost, 2: service may fail, 3: service may suffer, 4: improved, 5: information.
Source: xapi, ocaml/xapi-consts/api_messages.ml."""
MOST_POSTS: Final = 200
"""Messages posted within an hour, whatever is asked: with 10,000 xapi deletes the oldest of the
pool, whoever posted them (xapi_globs.ml, message_limit)."""
LONGEST_BODY: Final = 1000
"""Characters. xapi has no limit, and keeps each message in a file that it reads whole."""
UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MOST_SHAPES: Final = 16
"""Shapes that become data sources: xcp-rrdd keeps 2,082 values of each."""
MOST_SHAPES_EVER: Final = 64
"""Different ones until the helper is started again, whatever is asked: xcp-rrdd forgets none."""
MOST_VMS: Final = 1 << 60
"""More than fit by a limit that VMs cannot exhaust."""
SHAPE: Final = r"[A-Za-z0-9_-]{1,40}"
LONGEST_LINE: Final = 8192
"""Bytes of a request or an answer, with the end of the line."""


class RequestError(ValueError):
    """A request that is not allowed; the text says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of xapi about a VM, or about this host where `vm` is empty.

    `priority` is one of `PRIORITIES`. `body` is one line: the command line of xapi separates
    arguments by newlines (ocaml/xe-cli/newcli.ml).
    """

    name: str
    priority: int
    body: str
    vm: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """Post a message; `again`: unless an attempt that seemed to fail has posted it."""

    message: Message
    again: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a message, however often it is there."""

    message: Message


@dataclass(frozen=True, slots=True)
class Values:
    """Values for xcp-rrdd; `None` is unknown.

    `vms` is how many more VMs fit, by shape; `fullest` the highest used ratio of all limits;
    `wakeups` those of all QEMUs per second.
    """

    vms: Mapping[str, int | None]
    fullest: float | None
    wakeups: float | None


Request = Post | Remove | Values


def dumps(request: Request) -> bytes:
    """A request as the line that is sent."""
    if isinstance(request, Values):
        document: dict[str, Any] = {
            "ask": "values",
            "vms": dict(request.vms),
            "fullest": request.fullest,
            "wakeups": request.wakeups,
        }
    else:
        message = request.message
        document = {
            "ask": "post" if isinstance(request, Post) else "remove",
            "name": message.name,
            "priority": message.priority,
            "body": message.body,
            "vm": message.vm,
        }
        if isinstance(request, Post):
            document["again"] = request.again
    return _line(document)


def _line(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def loads(line: bytes) -> Request:
    """The request of a line. Raises `RequestError` for anything that is not allowed."""
    if len(line) > LONGEST_LINE:
        raise RequestError(f"must be at most {LONGEST_LINE} bytes")
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise RequestError("must be JSON") from None
    if not isinstance(document, dict):
        raise RequestError("must be an object")
    asked = document.pop("ask", None)
    if asked == "post":
        again = document.pop("again", None)
        if not isinstance(again, bool):
            raise RequestError("again must be true or false")
        return Post(_message(document), again)
    if asked == "remove":
        return Remove(_message(document))
    if asked == "values":
        return _values(document)
    raise RequestError(f"cannot be asked: {shown(asked)}")


def _exactly(document: Mapping[str, Any], *names: str) -> None:
    if document.keys() != set(names):
        raise RequestError(f"must have exactly: ask, {', '.join(names)}")


def _message(document: Mapping[str, Any]) -> Message:
    _exactly(document, "name", "priority", "body", "vm")
    name, priority, body, vm = (document[each] for each in ("name", "priority", "body", "vm"))
    if not isinstance(name, str) or name not in NAMES:
        raise RequestError(f"not an alert: {shown(name)}")
    if type(priority) is not int or priority not in PRIORITIES:
        raise RequestError(f"priority must be 1 to 5, not {shown(priority)}")
    if not isinstance(body, str) or body != line_of(body) or not body:
        raise RequestError(f"body must be one line of at most {LONGEST_BODY} characters")
    if not isinstance(vm, str) or not (vm == "" or re.fullmatch(UUID, vm)):
        raise RequestError(f"not the UUID of a VM: {shown(vm)}")
    return Message(name, priority, body, vm)


def line_of(text: str) -> str:
    """A text as the body of a message: one printable line, shortened."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST_BODY else f"{line[: LONGEST_BODY - 1].rstrip()}…"


def _values(document: Mapping[str, Any]) -> Values:
    _exactly(document, "vms", "fullest", "wakeups")
    vms = document["vms"]
    if not isinstance(vms, dict) or len(vms) > MOST_SHAPES:
        raise RequestError(f"vms must be an object of at most {MOST_SHAPES} shapes")
    for shape, number in vms.items():
        if not re.fullmatch(SHAPE, shape):
            raise RequestError(f"not a shape: {shown(shape)}")
        if number is not None and (type(number) is not int or not 0 <= number <= MOST_VMS):
            raise RequestError(f"not a number of VMs: {shown(number)}")
    return Values(vms, _number(document["fullest"]), _number(document["wakeups"]))


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST_VMS:
        raise RequestError(f"not a number from 0: {shown(value)}")
    return float(value)


def dumps_answer(error: str) -> bytes:
    """The answer as the line that is sent: empty where it is done, else why it is not."""
    return _line({"error": line_of(error)})


def loads_answer(line: bytes) -> str:
    """The error of an answer, empty where it is done. Raises `ValueError` where it is none."""
    document = json.loads(line)
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, str):
        raise ValueError("no answer")
    return line_of(error)
