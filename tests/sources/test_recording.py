"""What a capture has in it, and that a replay answers as the host did."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.fakes import TableSource
from xenwatch import __version__
from xenwatch.parse.taskstats import Counters
from xenwatch.sources.base import (
    BLOCK,
    CommandOutput,
    Hypercall,
    HypercallReply,
    Source,
    SourceError,
    XenstoreReply,
)
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource

ODD = os.fsdecode(b"/sys/\xff\n\"'\xc3\xa9/\x01")
CALLS = tuple(Hypercall(32, (5, BLOCK), bytes([port]), ((8, 16),)) for port in range(4))
REPLIES = dict(
    zip(
        CALLS,
        [
            HypercallReply(0, b"\x00\xff"),
            HypercallReply(-errno.EACCES, b""),
            HypercallReply(-errno.EINVAL, b"x"),
        ],
        strict=False,
    )
)
SOURCE = TableSource(
    files={
        "/proc/meminfo": b"MemTotal: 1 kB\n",
        ODD: bytes(range(256)),
        "/proc/../etc/x": b"up",
        "/etc/x.pem": b"x\n-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
    },
    directories={"/sys": ("a", os.fsdecode(b"\xff\n"))},
    targets={"/sys/driver": os.fsdecode(b"../\xfe")},
    stats={"/sys/driver": b"7 1500\n"},
    timex=b"2310 180\n",
    counters={7: Counters(1, 2, 3, 4, 5)},
    commands={("/bin/x", "a b"): CommandOutput(-9, b"\xff\x00", b"why\n")},
    replies=REPLIES,
    nodes={(2, b"/local/domain\x00"): XenstoreReply(16, b"ENOENT\x00\xff")},
)
ASKING: list[Callable[[Source], Any]] = [
    lambda source: source.read("/proc/meminfo"),
    lambda source: source.read(ODD),
    lambda source: source.read("/proc/../etc/x"),
    lambda source: source.read("/proc/none"),
    lambda source: source.read("/proc/meminfo", 3),
    lambda source: source.listdir("/sys"),
    lambda source: source.listdir("/none"),
    lambda source: source.readlink("/sys/driver"),
    lambda source: source.certificates("/etc/x.pem"),
    lambda source: source.certificates("/none"),
    lambda source: source.stat("/sys/driver"),
    lambda source: source.stat("/none"),
    lambda source: source.statvfs("/"),
    lambda source: source.adjtimex(),
    lambda source: source.uname(),
    lambda source: source.run(["/bin/x", "a b"], 1),
    lambda source: source.run(["/bin/y"]),
    lambda source: source.links(),
    lambda source: source.taskstats((2, 7)),
    lambda source: source.hypercall(CALLS[1]),
    lambda source: source.hypercalls(CALLS),
    lambda source: source.hypercalls(CALLS[3:]),
    lambda source: source.xenstore(2, b"/local/domain\x00"),
    lambda source: source.xenstore(1, b"\xff"),
    lambda source: source.xenstore_control([(2, b"/local/domain\x00"), (0, b"quota\0")]),
]


def outcome(ask: Callable[[Source], Any], source: Source) -> Any:
    """The answer, or all there is to an error."""
    try:
        return ask(source)
    except SourceError as error:
        return (error.subject, error.reason, error.errno)


@pytest.mark.parametrize("ask", ASKING)
def test_a_replay_answers_as_the_host_did(ask: Callable[[Source], Any], tmp_path: Path) -> None:
    """Each verb's answer, and each error with its number, comes back the same by both roads."""
    recorder = RecordingSource(SOURCE, tmp_path / "capture")
    expected = outcome(ask, SOURCE)
    assert outcome(ask, recorder) == expected
    recorder.close()
    assert outcome(ask, TreeSource(tmp_path / "capture")) == expected


def test_nothing_is_saved_but_what_was_asked(tmp_path: Path) -> None:
    """One read leaves one file, at its own path, besides the manifest and the empty calls."""
    recorder = RecordingSource(SOURCE, tmp_path / "capture", clock=lambda: 1000.5)
    recorder.read("/proc/meminfo")
    recorder.close()
    files = {
        str(path.relative_to(tmp_path / "capture")): path.read_bytes()
        for path in (tmp_path / "capture").rglob("*")
        if path.is_file()
    }
    manifest = json.loads(files.pop("manifest.json"))
    assert files == {"files/proc/meminfo": b"MemTotal: 1 kB\n", "calls.jsonl": b""}
    assert manifest == {
        "format": 1,
        "xenwatch": __version__,
        "time": 1000.5,
        "origin": "host",
        "complete": True,
    }
    assert TreeSource(tmp_path / "capture").time == 1000.5


@pytest.mark.parametrize("ask", ASKING)
def test_a_question_asked_again_has_its_first_answer(
    ask: Callable[[Source], Any], tmp_path: Path
) -> None:
    """Whatever the host would say now, what was asked before is answered and saved as then."""
    inner = copy.copy(SOURCE)
    recorder = RecordingSource(inner, tmp_path / "capture")
    expected = outcome(ask, recorder)
    inner.files, inner.directories, inner.targets = {}, {}, {}
    inner.commands, inner.replies, inner.nodes, inner.raw = {}, {}, {}, b"other"
    for other in ASKING:
        outcome(other, recorder)
    assert outcome(ask, recorder) == expected
    recorder.close()
    assert outcome(ask, TreeSource(tmp_path / "capture")) == expected


def test_what_was_not_there_at_first_stays_away(tmp_path: Path) -> None:
    """A file that comes while the host is captured is missing in the pass and in its replay."""
    files: dict[str, bytes] = {}
    recorder = RecordingSource(TableSource(files=files), tmp_path / "capture")
    missing = outcome(lambda source: source.read("/a"), recorder)
    files["/a"] = b"late"
    assert outcome(lambda source: source.read("/a"), recorder) == missing
    recorder.close()
    assert outcome(lambda source: source.read("/a"), TreeSource(tmp_path / "capture")) == missing


def test_hypercalls_asked_before_are_not_asked_again(tmp_path: Path) -> None:
    """Of several hypercalls those known keep their answer, and the others are asked in turn."""
    inner = copy.copy(SOURCE)
    recorder = RecordingSource(inner, tmp_path / "capture")
    known = recorder.hypercall(CALLS[1])
    inner.replies = {**REPLIES, CALLS[1]: HypercallReply(7, b"other")}
    expected = (REPLIES[CALLS[0]], known, REPLIES[CALLS[2]])
    assert recorder.hypercalls(CALLS) == expected
    recorder.close()
    assert TreeSource(tmp_path / "capture").hypercalls(CALLS) == expected


def test_an_interrupted_capture_can_be_replayed(tmp_path: Path) -> None:
    """Before it is closed a capture already has all that was asked so far, and says so."""
    recorder = RecordingSource(SOURCE, tmp_path / "capture")
    recorder.read("/proc/meminfo")
    recorder.listdir("/sys")
    replayed = TreeSource(tmp_path / "capture")
    assert replayed.read("/proc/meminfo") == b"MemTotal: 1 kB\n"
    assert replayed.listdir("/sys") == SOURCE.directories["/sys"]
    assert not json.loads((tmp_path / "capture/manifest.json").read_bytes())["complete"]
    recorder.close()


def test_closing_closes_what_was_recorded(tmp_path: Path) -> None:
    """The recorder owns the source it wraps."""
    inner = TableSource()
    RecordingSource(inner, tmp_path / "capture").close()
    assert inner.closed


def test_a_file_is_no_place_for_a_capture(tmp_path: Path) -> None:
    """A file in place of the directory is named, and left as it is."""
    (tmp_path / "file").write_text("kept")
    with pytest.raises(
        SourceError, match="file: is not a directory; use a new directory in one of"
    ):
        RecordingSource(TableSource(), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_directory_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """Two captures never mix."""
    (tmp_path / "old").touch()
    with pytest.raises(SourceError, match=f"{tmp_path}: directory is not empty; use a new one"):
        RecordingSource(SOURCE, tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A capture that cannot be begun says where and why."""
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=f"{tmp_path}/file: is not a directory; use a new"):
        RecordingSource(SOURCE, tmp_path / "file" / "capture")


def test_a_read_that_cannot_be_saved_is_no_success(tmp_path: Path) -> None:
    """A write that fails is an error to whoever asked, and at the end: never silently short."""
    recorder = RecordingSource(SOURCE, tmp_path / "capture")
    (tmp_path / "capture/files").touch()
    with pytest.raises(SourceError, match="capture: "):
        recorder.read("/proc/meminfo")
    with pytest.raises(SourceError, match="capture: incomplete: Not a directory"):
        recorder.close()
    assert not json.loads((tmp_path / "capture/manifest.json").read_bytes())["complete"]


async def heard(source: Source, topic: str, count: int) -> list[bytes]:
    """So many items of a topic."""
    async with contextlib.aclosing(source.events(topic)) as events:
        return [await asyncio.wait_for(anext(events), 30) for _ in range(count)]


async def test_a_replay_says_what_the_host_said(tmp_path: Path) -> None:
    """Events come again in order and once, by topic, with the error that ended them; then none."""
    lost = SourceError("xenstored", "closed the connection", errno.EPIPE)
    inner = TableSource(heard={"links": [b"", b"\xff\0"], "domains": [b"", b"up", lost]})
    recorder = RecordingSource(inner, tmp_path / "capture")
    assert await heard(recorder, "links", 2) == [b"", b"\xff\0"]
    with pytest.raises(SourceError, match="closed the connection"):
        await heard(recorder, "domains", 3)
    recorder.close()

    replayed = TreeSource(tmp_path / "capture")
    assert await heard(replayed, "domains", 2) == [b"", b"up"]
    with pytest.raises(SourceError, match="xenstored: closed the connection") as error:
        await heard(replayed, "domains", 1)
    assert error.value.errno == errno.EPIPE
    assert await heard(replayed, "links", 2) == [b"", b"\xff\0"]
    for topic in ("links", "domains", "processes"):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard(replayed, topic, 1), 0.05)


async def test_events_are_saved_with_their_time(tmp_path: Path) -> None:
    """A line of the calls has the time at which the host said it."""
    times = iter([1000.0, 1003.5, 1004.0])
    inner = TableSource(heard={"links": [b"", b"up"]})
    recorder = RecordingSource(inner, tmp_path / "capture", clock=lambda: next(times))
    await heard(recorder, "links", 2)
    lines = (tmp_path / "capture/calls.jsonl").read_text().splitlines()
    recorder.close()

    assert [json.loads(line) for line in lines] == [
        {"verb": "events", "arguments": ["links"], "time": 1003.5, "answer": ""},
        {"verb": "events", "arguments": ["links"], "time": 1004.0, "answer": "up"},
    ]


async def test_an_event_that_cannot_be_saved_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture is never silently short of an event."""
    recorder = RecordingSource(TableSource(heard={"links": [b"up"]}), tmp_path / "capture")

    def full(_saved: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder._saving, "save", full)
    with pytest.raises(SourceError, match="No space left on device"):
        await heard(recorder, "links", 1)
    with pytest.raises(SourceError, match="incomplete: No space left on device"):
        recorder.close()


paths = st.binary(min_size=1, max_size=30).map(lambda raw: "/" + os.fsdecode(raw))


@settings(deadline=None)
@given(path=paths, content=st.binary(max_size=50))
def test_any_path_survives(
    tmp_path_factory: pytest.TempPathFactory, path: str, content: bytes
) -> None:
    """Whatever a path is made of, its content is replayed and nothing is written elsewhere."""
    base = tmp_path_factory.mktemp("any")
    recorder = RecordingSource(TableSource(files={path: content}), base / "capture")
    recorder.read(path)
    recorder.close()
    assert TreeSource(base / "capture").read(path) == content
    assert os.listdir(base) == ["capture"]
    assert set(os.listdir(base / "capture")) <= {"manifest.json", "calls.jsonl", "files"}
