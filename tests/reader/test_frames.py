"""What is said between front and reader: it comes back as it was, and garbage harms nobody."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.reader.server import checked
from xenwatch.reader.verbs import VERBS
from xenwatch.sources import answers, frames
from xenwatch.sources.base import (
    BLOCK,
    CommandOutput,
    Hypercall,
    HypercallReply,
    NotCaptured,
    SourceError,
    XenstoreReply,
)
from xenwatch.sources.frames import ANSWER_MAX, QUESTION_MAX, FrameError, Refused
from xenwatch.sources.tree import hypercall_arguments

TEXT = st.text(st.characters(codec=None), max_size=20)
"""Any code points, those of undecodable bytes too."""
NUMBER = st.integers(-(1 << 40), 1 << 40)
RAW = st.binary(max_size=200)
REPLIES = st.lists(st.builds(HypercallReply, NUMBER, RAW), max_size=4).map(tuple)
ERRORS = st.builds(
    lambda kind, *fields: kind(*fields),
    st.sampled_from([SourceError, NotCaptured, Refused]),
    TEXT,
    TEXT,
    st.integers(0, 200),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "read": RAW,
    "listdir": st.lists(TEXT, max_size=4).map(tuple),
    "readlink": TEXT,
    "round_trip": st.floats(0, 10),
    "run": st.builds(CommandOutput, NUMBER, RAW, RAW),
    "hypercalls": REPLIES,
    "xenstore": st.builds(XenstoreReply, NUMBER, RAW),
    "xenstore_control": st.lists(st.builds(XenstoreReply, NUMBER, RAW), max_size=4).map(tuple),
}
ANSWERS = st.sampled_from(sorted(VALUES)).flatmap(lambda v: st.tuples(st.just(v), VALUES[v]))


def content(frame: bytes) -> bytes:
    """A frame without its length, which must be right."""
    assert len(frame) == frames.PREFIX + frames.length_of(frame[: frames.PREFIX], ANSWER_MAX)
    return frame[frames.PREFIX :]


@given(TEXT, st.lists(TEXT | NUMBER | st.lists(NUMBER)), st.none() | NUMBER | st.floats(0, 9))
def test_a_question_comes_as_it_was_asked(verb: str, arguments: list[Any], bound: Any) -> None:
    """Verb, arguments of any code points and bound are the same on the other side."""
    asked = frames.question(verb, arguments, bound)

    assert frames.parse_question(content(asked)) == (verb, arguments, bound)


@given(st.integers(0, 99), RAW, st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99))))
def test_a_hypercall_comes_as_it_was_made(
    number: int, block: bytes, links: list[tuple[int, int]]
) -> None:
    """Number, arguments, block and pointers are the same on the other side."""
    call = Hypercall(number, (1, BLOCK), block, tuple(links))
    asked = frames.question("hypercalls", [hypercall_arguments(call)])
    _, [arguments], _ = frames.parse_question(content(asked))

    assert answers.call_of(arguments) == call


@given(ANSWERS, st.floats(0, 100))
def test_an_answer_comes_as_it_was_given(said: tuple[str, Any], seconds: float) -> None:
    """What a source returned, and what it cost, are the same on the other side."""
    verb, value = said
    frame = frames.answer(*answers.encode(verb, value), seconds)
    cost, head, body = frames.parse_answer(content(frame))

    assert (cost, answers.decode(verb, head, body)) == (seconds, value)


@given(ERRORS)
def test_an_error_comes_as_it_was_raised(error: SourceError) -> None:
    """Kind, subject, reason and number of an error are the same on the other side."""
    _, found, _ = frames.parse_answer(content(frames.failure(error, 0.0)))

    assert type(found) is type(error)
    assert vars(found) == vars(error)


@given(st.lists(RAW | ERRORS, max_size=5))
def test_files_read_ahead_come_with_their_errors(said: list[bytes | SourceError]) -> None:
    """Of several files each has its content or its own error."""
    frame = frames.answer(*answers.encode(frames.AHEAD, said), 0.0)
    _, head, body = frames.parse_answer(content(frame))
    found = answers.decode(frames.AHEAD, head, body)

    assert list(map(shown, found)) == list(map(shown, said))


def shown(said: bytes | SourceError) -> object:
    """An answer, or an error as what it is made of."""
    return said if isinstance(said, bytes) else (type(said), vars(said))


@given(RAW, ANSWERS, st.data())
def test_garbage_is_an_error_of_the_frame(garbage: bytes, said: Any, data: st.DataObject) -> None:
    """Bytes at random, or an answer with one changed, are read as something or are a FrameError."""
    verb, value = said
    good = bytearray(content(frames.answer(*answers.encode(verb, value), 0.0)))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] = data.draw(st.integers(0, 255))
    for frame in (garbage, bytes(good)):
        with contextlib.suppress(FrameError):
            frames.parse_question(frame)
        with contextlib.suppress(FrameError):
            _, head, body = frames.parse_answer(frame)
            answers.decode(verb, head, body)
        with contextlib.suppress(SourceError):
            frames.parse_greeting(frame)


JSON = st.recursive(
    st.none() | st.booleans() | st.sampled_from([10**400, -(10**400), inf, -inf, nan]) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=8,
)
"""What Python's JSON can hold, numbers that no C type can among it."""
BOUND = st.none() | st.sampled_from([10**400, -(10**400), inf, -inf, nan, -1, 0.5])


@given(st.sampled_from(sorted(VERBS)), st.lists(JSON, max_size=4), BOUND)
def test_a_question_of_any_shape_is_answered_or_malformed(
    verb: str, arguments: list[Any], bound: Any
) -> None:
    """Arguments and bounds of other kinds and sizes are refused, or are an error of the frame."""
    verb, arguments, bound = frames.parse_question(content(frames.question(verb, arguments, bound)))
    with contextlib.suppress(FrameError, SourceError):
        checked(verb, arguments, bound)


@given(st.sampled_from(sorted(answers.CODECS)), JSON, RAW)
def test_an_answer_of_any_shape_is_read_or_malformed(verb: str, head: Any, body: bytes) -> None:
    """A head of other kinds and sizes is an error of the frame, as an answer and as an error."""
    raw = content(frames.answer(head, body, 0.0))
    for frame in (raw, b"\x03" + raw[1:]):
        with contextlib.suppress(FrameError):
            _, found, rest = frames.parse_answer(frame)
            answers.decode(verb, found, rest)


@pytest.mark.parametrize(
    ("kind", "head"), [(b"\x00", 10**400), (b"\x03", ["/proc/stat", "failed", inf])]
)
def test_a_number_too_large_is_an_error_of_the_frame(kind: bytes, head: Any) -> None:
    """A time, or the number of an error, that no C type holds is malformed."""
    raw = content(frames.answer(head, b"", 0.0))
    with pytest.raises(FrameError, match="of unknown form"):
        answers.decode("round_trip", *frames.parse_answer(kind + raw[1:])[1:])


def test_a_deadline_too_large_is_an_error_of_the_frame() -> None:
    """Seconds for a command that no C type holds are malformed."""
    with pytest.raises(FrameError, match="run with arguments of unknown form"):
        checked("run", ["/usr/sbin/vgs"], 10**400)


@contextlib.contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that are connected."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@given(st.binary(min_size=1, max_size=300_000))
def test_a_frame_arrives_in_pieces(raw: bytes) -> None:
    """A frame of any length is received whole, whatever pieces it arrives in."""
    with pair() as (ours, theirs):
        sending = threading.Thread(target=theirs.sendall, args=(frames.framed(raw),))
        sending.start()
        assert frames.receive(ours, ANSWER_MAX) == raw
        sending.join()


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_frame_that_is_cut_short_is_an_error(raw: bytes, data: st.DataObject) -> None:
    """A stream that ends within a frame, or says nothing more, is an error and no wait."""
    cut = frames.framed(raw)[: data.draw(st.integers(1, len(raw) + 3))]
    with pair() as (ours, theirs):
        theirs.sendall(cut)
        with pytest.raises(TimeoutError):
            frames.receive(ours, ANSWER_MAX, rest=0.001)
    with pair() as (ours, theirs):
        theirs.sendall(cut)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(FrameError, match="ended within a frame"):
            frames.receive(ours, ANSWER_MAX)


@pytest.mark.parametrize("length", [0, QUESTION_MAX + 1, (1 << 32) - 1])
def test_a_frame_that_is_too_long_is_not_waited_for(length: int) -> None:
    """A length out of bounds is an error at once: nothing is allocated or waited for."""
    with pair() as (ours, theirs):
        theirs.sendall(struct.pack("!I", length))
        with pytest.raises(FrameError, match=f"a frame of {length} bytes"):
            frames.receive(ours, QUESTION_MAX)


def test_no_answer_is_longer_than_a_frame() -> None:
    """An answer that no frame holds is an error about it; a question fails before it is sent."""
    _, found, _ = frames.parse_answer(content(frames.answer(None, bytes(ANSWER_MAX), 0.0)))

    assert str(found) == f"reader: an answer of {ANSWER_MAX} bytes is too long"
    with pytest.raises(SourceError, match="exceeds"):
        frames.question("read", ["/" * QUESTION_MAX])


OTHER = "the process on the socket is not xenwatch reader"
GREETING = {"reader": frames.VERSION, "source": "tree:a"}


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b'{"reader": 2}', "speaks version 2, must be 1; restart both services"),
        (b"HTTP/1.1 400", OTHER),
        (b'{"error": "busy"}', "busy"),
        *(
            (
                json.dumps(GREETING | {"origin": {"kind": "tree", "captured": captured}}).encode(),
                OTHER,
            )
            for captured in (inf, nan, -1, 1e300, True, "yesterday")
        ),
    ],
)
def test_who_greets_otherwise_is_no_reader(greeting: bytes, reason: str) -> None:
    """A reader of another version, and what is none, are rejected with the reason."""
    with pytest.raises(SourceError) as caught:
        frames.parse_greeting(greeting)

    assert caught.value.reason == reason
