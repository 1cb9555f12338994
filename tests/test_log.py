"""The log: formats, levels, and bytes of strangers in it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import socket
from collections.abc import Iterator
from typing import TextIO

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import logging_restored
from xenwatch import log


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging as it was, afterwards."""
    with logging_restored():
        yield


def logged(style: str, level: str, **values: object) -> str:
    """What one warning comes to."""
    stream = io.StringIO()
    log.configure(level, style, stream)
    structlog.get_logger().warning("an event", **values)
    return stream.getvalue()


def test_a_line_is_json() -> None:
    """Where no person reads along, a line is an object with event, level and time."""
    entry = json.loads(logged("auto", "info", probe="aio"))

    assert entry.pop("timestamp").endswith("Z")
    assert entry == {"event": "an event", "level": "warning", "probe": "aio"}


def test_a_console_has_words() -> None:
    """On request a line is text, without colours where there is no terminal."""
    line = logged("console", "info", probe="aio")

    assert "an event" in line
    assert "probe=aio" in line
    assert "\x1b" not in line


def test_the_level_counts() -> None:
    """What is less severe than the level is not logged."""
    assert logged("json", "error") == ""


def test_libraries_are_logged_the_same_way() -> None:
    """What a library says is a line of the same format."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    logging.getLogger("aiohttp.server").error("went %s", "wrong")
    logging.getLogger("asyncio").info("not of interest")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["went wrong"]


def test_an_exception_is_logged() -> None:
    """A traceback is part of the line."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    try:
        raise ValueError("bad")
    except ValueError:
        structlog.get_logger().exception("an event")

    assert "ValueError: bad" in json.loads(stream.getvalue())["exception"]


def test_a_full_disk_is_survived() -> None:
    """A stream that cannot be written loses the line and nothing else."""

    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    log.configure("info", "json", Full())
    structlog.get_logger().warning("an event")


def test_a_closed_stderr_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without stderr the lines are lost and nothing else."""
    monkeypatch.setattr("sys.stderr", None)
    log.configure("info", "auto")
    structlog.get_logger().warning("an event")
    logging.getLogger("aiohttp.server").error("went wrong")


@settings(deadline=None)
@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_texts_of_strangers_stay_in_their_line(text: str) -> None:
    """Whatever a name holds, the log has one line of printable, encodable characters."""
    for style in ("json", "console"):
        line = logged(style, "info", name=text)

        assert line.endswith("\n")
        assert line[:-1].isprintable()
        assert line.encode()


@pytest.fixture(params=[os.pipe, socket.socketpair], ids=["pipe", "socket"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int, TextIO]]:
    """The end of a pipe that is read, and a stream to the other."""
    one, other = (each if isinstance(each, int) else each.detach() for each in request.param())
    os.set_blocking(one, False)
    with os.fdopen(other, "w") as stream:
        yield one, stream
    os.close(one)


def drained(descriptor: int) -> bytes:
    """All that there is to read."""
    found = b""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(descriptor, 1 << 16):
            found += part
    return found


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_pipe_that_nobody_reads_holds_up_nothing(ends: tuple[int, TextIO], style: str) -> None:
    """Lines that do not fit are dropped and counted, and none is lost in part."""
    source, stream = ends
    log.configure("info", style, stream)
    for number in range(2_000):
        structlog.get_logger().warning("an event", number=number, text="x" * 1_000)
    before = drained(source)
    structlog.get_logger().warning("the next")
    after = drained(source)

    lines = (before + after).decode().splitlines()
    told = [line for line in lines if "an event" in line]
    [gap] = [line for line in lines if "lines dropped" in line]
    assert all(line.count("x" * 1_000) == 1 for line in told)
    assert 10 < len(told) < 2_000
    assert str(2_000 - len(told)) in gap
    assert gap.startswith("{") == (style == "json")
    if style == "json":
        assert json.loads(gap).keys() == json.loads(told[0]).keys() - {"text"}
    assert lines.index(gap) == len(told)
    assert "the next" in lines[-1]
    assert len(lines) == len(told) + 2


def test_what_is_not_written_yet_outlives_a_reload(ends: tuple[int, TextIO]) -> None:
    """The rest of a line and the number of those dropped are not forgotten."""
    source, stream = ends
    log.configure("info", "json", stream)
    for _ in range(500):
        structlog.get_logger().warning("an event", text="x" * 9_000)
    log.configure("info", "json", stream)
    before = drained(source)
    structlog.get_logger().warning("the next")

    lines = [json.loads(line) for line in (before + drained(source)).splitlines()]
    events = [line["event"] for line in lines]
    assert events[-2:] == ["lines dropped: nobody read stderr", "the next"]
    assert lines[-2]["number"] == 500 - events.count("an event")


def test_what_a_finalizer_logs_meanwhile_comes_after_it(
    ends: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a line another one may come, in the same thread."""
    source, stream = ends
    log.configure("info", "json", stream)
    write, others = os.write, ["from a finalizer"]

    def interrupted(descriptor: int, data: bytes) -> int:
        if others:
            logging.getLogger("asyncio").error(others.pop())
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", interrupted)
    structlog.get_logger().warning("an event")

    events = [json.loads(line)["event"] for line in drained(source).splitlines()]
    assert events == ["an event", "from a finalizer"]


def test_lines_that_fail_are_counted(ends: tuple[int, TextIO]) -> None:
    """Of a pipe whose reader is gone nothing is begun; they are counted for the next one."""
    _, stream = ends
    log.configure("info", "json", stream)
    pipe = log._Pipe.of(stream)
    assert pipe is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(BrokenPipeError()))
        for _ in range(3):
            pipe.write(b"line\n")
    pipe.write(b"the next\n")

    assert drained(ends[0]).count(b'"number": 2') == 1
