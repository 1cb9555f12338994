"""Captures that are damaged, hostile or none at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.fakes import TableSource
from xenwatch.sources.base import Hypercall, HypercallReply, SourceError
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource

SOURCE = TableSource(files={"/proc/a": b"12345", "/proc/b": b"b"}, directories={"/x": ("y",)})
SECRET = b"not in the capture"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A good capture of two files and a directory, next to a file that is not part of it."""
    (tmp_path / "secret").write_bytes(SECRET)
    recorder = RecordingSource(SOURCE, tmp_path / "capture")
    recorder.read("/proc/a")
    recorder.read("/proc/b")
    recorder.listdir("/x")
    recorder.close()
    return tmp_path / "capture"


def refusal(source: TreeSource, path: str) -> SourceError:
    """The error a read of `path` ends in."""
    with pytest.raises(SourceError) as caught:
        source.read(path)
    return caught.value


def test_a_question_never_asked_is_not_a_missing_file(capture: Path) -> None:
    """What was not recorded is unknown, in every verb: it is not said to be missing."""
    source = TreeSource(capture)
    questions: tuple[Callable[[], object], ...] = (
        lambda: source.read("/proc/none"),
        lambda: source.read("/proc"),
        lambda: source.read("/proc/a/b"),
        lambda: source.listdir("/proc"),
        lambda: source.readlink("/x"),
        lambda: source.certificates("/etc/a"),
        lambda: source.stat("/sys/a"),
        lambda: source.statvfs("/"),
        source.adjtimex,
        source.uname,
        lambda: source.run(["/bin/true"]),
        source.links,
        lambda: source.taskstats((1,)),
        lambda: source.hypercall(Hypercall(32, ())),
        lambda: source.hypercalls([Hypercall(32, ())]),
        lambda: source.xenstore(1, b"/"),
    )
    for ask in questions:
        with pytest.raises(SourceError) as caught:
            ask()
        assert caught.value.errno == 0
        assert not caught.value.missing
        assert caught.value.reason == "not in this capture"
    assert str(refusal(source, "/proc/none")) == "/proc/none: not in this capture"


def test_a_longer_file_than_asked_for_is_an_error(capture: Path) -> None:
    """The bound of a read holds for a capture's files too."""
    source = TreeSource(capture)
    assert source.read("/proc/a", 5) == b"12345"
    with pytest.raises(SourceError, match="/proc/a: longer than 4 bytes"):
        source.read("/proc/a", 4)


def test_an_answer_of_null_is_the_content_of_the_file(capture: Path) -> None:
    """A read whose line says null stands in the capture's files, as in captures edited by hand."""
    with (capture / "calls.jsonl").open("ab") as calls:
        calls.write(b'{"verb": "read", "arguments": ["/proc/a"], "answer": null}\n')

    assert TreeSource(capture).read("/proc/a") == b"12345"


@pytest.mark.parametrize(
    "path", ["/../../secret", "/proc/../../../secret", "secret", "//secret", "/proc/\0"]
)
def test_no_path_leads_out(capture: Path, path: str) -> None:
    """A path that climbs, is relative or has a NUL in it is simply not in the capture."""
    assert refusal(TreeSource(capture), path).reason == "not in this capture"


def test_a_planted_link_leads_nowhere(capture: Path) -> None:
    """Symbolic links to files and directories outside cost the reads that meet them."""
    source = TreeSource(capture)
    assert refusal(source, "/up/secret").reason == "not in this capture"
    (capture / "files/proc/b").unlink()
    (capture / "files/proc/b").symlink_to(capture.parent / "secret")
    (capture / "files/up").symlink_to(capture.parent)
    assert refusal(source, "/proc/b").reason == (
        "files/proc/b in the capture: symbolic links are rejected"
    )
    assert "files/up/secret in the capture" in refusal(source, "/up/secret").reason
    assert source.read("/proc/a") == b"12345"


def test_a_planted_pipe_does_not_block(capture: Path) -> None:
    """A named pipe in the place of a file is refused at once."""
    os.mkfifo(capture / "files/proc/c")
    assert refusal(TreeSource(capture), "/proc/c").reason == (
        "files/proc/c in the capture: not a regular file"
    )


def test_a_capture_reached_by_a_link_is_a_capture(capture: Path) -> None:
    """The directory itself may be named by a symbolic link, or relatively."""
    (capture.parent / "link").symlink_to(capture)
    assert TreeSource(capture.parent / "link").read("/proc/a") == b"12345"
    assert TreeSource(os.path.relpath(capture)).read("/proc/a") == b"12345"


@pytest.mark.parametrize(
    "line",
    [b'{"verb": "listdir", "argum', b"\x00\xff\xfe", b"[1]", b"[" * 100000, b"{}", b'"x"'],
)
def test_a_broken_line_costs_only_its_own_question(capture: Path, line: bytes) -> None:
    """Lines that cannot be read are told to whoever finds no answer, with the line's number."""
    with (capture / "calls.jsonl").open("ab") as calls:
        calls.write(line + b"\n")
        calls.write(b'{"verb": "uname", "arguments": [], "answer": "Linux"}\n')
    source = TreeSource(capture)
    assert source.listdir("/x") == ("y",)
    assert source.uname() == b"Linux"
    assert refusal(source, "/none").reason == (
        "not in this capture; calls.jsonl in the capture: 1 invalid lines, the first is line 2"
    )


@pytest.mark.parametrize(
    ("verb", "arguments", "answer"),
    [
        ("read", ["/q"], {"answer": 5}),
        ("read", ["/q"], {"answer": "\u1234"}),
        ("read", ["/q"], {}),
        ("read", ["/q"], {"error": {"subject": "/q"}}),
        ("read", ["/q"], {"error": 3}),
        ("listdir", ["/q"], {"answer": "names"}),
        ("listdir", ["/q"], {"answer": [1]}),
        ("readlink", ["/q"], {"answer": None}),
        ("uname", [], {"answer": []}),
        ("run", ["/q"], {"answer": [0, "x"]}),
        ("run", ["/q"], {"answer": ["0", "x", "y"]}),
        ("links", [], {"answer": {}}),
        ("hypercall", [32, [5, -1], "", []], {"answer": [0, "xyz"]}),
        ("hypercall", [32, [5, -1], "", []], {"answer": 0}),
        ("xenstore", [1, "/q"], {"answer": [None, ""]}),
    ],
)
def test_an_answer_of_the_wrong_kind_names_its_line(
    capture: Path, verb: str, arguments: list[Any], answer: dict[str, Any]
) -> None:
    """A line that answers in the wrong shape costs its question and says where it stands."""
    with (capture / "calls.jsonl").open("ab") as calls:
        line = {"verb": verb, "arguments": arguments, **answer}
        calls.write(json.dumps(line).encode() + b"\n")
    source = TreeSource(capture)
    questions: dict[str, Callable[[], object]] = {
        "run": lambda: source.run(arguments),
        "hypercall": lambda: source.hypercall(Hypercall(32, (5, -1))),
        "xenstore": lambda: source.xenstore(1, b"/q"),
    }
    with pytest.raises(SourceError, match=r"line 2 of calls\.jsonl in the capture: ."):
        questions[verb]() if verb in questions else getattr(source, verb)(*arguments)
    assert source.read("/proc/a") == b"12345"


@settings(deadline=None)
@given(rubbish=st.binary(max_size=200))
def test_rubbish_instead_of_the_calls_leaves_the_files(
    tmp_path_factory: pytest.TempPathFactory, rubbish: bytes
) -> None:
    """Whatever calls.jsonl holds, the files of the capture are read as before."""
    directory = tmp_path_factory.mktemp("rubbish") / "capture"
    recorder = RecordingSource(SOURCE, directory)
    recorder.read("/proc/a")
    recorder.close()
    (directory / "calls.jsonl").write_bytes(rubbish)
    source = TreeSource(directory)
    assert source.read("/proc/a") == b"12345"
    with pytest.raises(SourceError):
        source.listdir("/x")


@pytest.mark.parametrize("room", [0, 5, 500])
def test_the_room_for_an_answer_is_no_part_of_a_question(tmp_path: Path, room: int) -> None:
    """A hypercall that gives more or less room for its answer than the recorded one is the same."""
    call = Hypercall(35, (-1,), b"\6\0\x15\xf0" + bytes(20), ((16, 20),))
    reply = HypercallReply(0, b"answer")
    recorder = RecordingSource(TableSource(replies={call: reply}), tmp_path / "capture")
    recorder.hypercall(call)
    recorder.close()
    source = TreeSource(tmp_path / "capture")

    assert source.hypercall(replace(call, block=b"\6\0\x15\xf0" + bytes(room))) == reply
    with pytest.raises(SourceError, match="not in this capture"):
        source.hypercall(replace(call, block=b"\6\0\x15\xf1" + bytes(20)))


def test_calls_that_are_gone_are_told(capture: Path) -> None:
    """Without its calls a capture still has its files, and says why it has no more."""
    (capture / "calls.jsonl").unlink()
    source = TreeSource(capture)
    assert source.read("/proc/a") == b"12345"
    with pytest.raises(
        SourceError, match=r"calls\.jsonl in the capture: No such file or directory"
    ):
        source.listdir("/x")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (None, "not a capture directory (as written by `xenwatch capture`): manifest.json: No"),
        (b"\xff", "not a capture directory"),
        (b"[]", "not a capture directory"),
        (b"{}", "manifest.json: format is missing"),
        (b'{"format": 1}', "manifest.json: time is missing"),
        (b"[" * 100000, "not a capture directory"),
        (b'{"format": 2, "time": 1}', "manifest.json: unsupported format 2, must be 1; update"),
    ],
)
def test_what_is_no_capture_is_refused(tmp_path: Path, manifest: bytes | None, reason: str) -> None:
    """A directory without a manifest, or with one of another kind, says what a capture is."""
    if manifest is not None:
        (tmp_path / "manifest.json").write_bytes(manifest)
    with pytest.raises(SourceError) as caught:
        TreeSource(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: ")
    assert reason in str(caught.value)
