"""A host some of whose answers are others: numbers, lines or bytes are changed, or they fail."""

from __future__ import annotations

import errno
import functools
import random
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from tests.sources.fakes import Question, in_turn
from xenwatch.readings.origin import Origin
from xenwatch.sources.base import (
    READ_LIMIT,
    CommandOutput,
    Hypercall,
    HypercallReply,
    Source,
    SourceError,
    XenstoreReply,
)

NUMBERS: Final = (
    *("0", "-1", "1", "7", "255", str(1 << 31), str((1 << 32) - 1), str(1 << 63)),
    *(str((1 << 64) - 1), str(1 << 64), "9" * 20, "1" + "0" * 400, "1" + "0" * 5000),
    *("nan", "inf", "-inf", "1e309", "1.5", "0x10", "", "-", "\u0661", "\u00b2"),
)
"""What a number is replaced by."""
WORDS: Final = (b"\0", b"\xff", b"\x80", b"\x7f", b"\1")
"""Bytes that integers of a struct are filled with."""
_NUMBER: Final = re.compile(rb"-?\d+(?:\.\d+)?")

T = TypeVar("T")
Mutation = Callable[[bytes, random.Random], bytes]


def one_number(data: bytes, chance: random.Random) -> bytes:
    """One number is another."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    at = chance.choice(found)
    return data[: at.start()] + chance.choice(NUMBERS).encode() + data[at.end() :]


def every_number(data: bytes, chance: random.Random) -> bytes:
    """All numbers are the same other one."""
    number = chance.choice(NUMBERS).encode()
    return _NUMBER.sub(lambda _: number, data)


def one_column(data: bytes, chance: random.Random) -> bytes:
    """The number at the same place of each line is another."""
    number, place = chance.choice(NUMBERS).encode(), chance.randrange(6)
    lines = data.split(b"\n")
    for row, line in enumerate(lines):
        found = list(_NUMBER.finditer(line))
        if place < len(found):
            at = found[place]
            lines[row] = line[: at.start()] + number + line[at.end() :]
    return b"\n".join(lines)


def truncated(data: bytes, chance: random.Random) -> bytes:
    """The end is missing."""
    return data[: chance.randrange(len(data) + 1)]


def doubled(data: bytes, _chance: random.Random) -> bytes:
    """All is there twice."""
    return data * 2


def shuffled(data: bytes, chance: random.Random) -> bytes:
    """The lines are in another order."""
    lines = data.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def without_a_line(data: bytes, chance: random.Random) -> bytes:
    """A line is missing."""
    lines = data.splitlines(keepends=True)
    if lines:
        del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def flipped(data: bytes, chance: random.Random) -> bytes:
    """Some bytes are others."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 3, 20)) if data else 0):
        changed[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    return bytes(changed)


def filled(data: bytes, chance: random.Random) -> bytes:
    """An integer of a struct is 0, the largest, or the like."""
    size = chance.choice((1, 2, 4, 8))
    start = size * chance.randrange(max(1, len(data) // size))
    return data[:start] + (chance.choice(WORDS) * size)[: len(data) - start] + data[start + size :]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    *(one_number, one_number, every_number, one_column, truncated, doubled),
    *(shuffled, without_a_line, flipped, filled, filled),
)
OF_BLOCKS: Final[tuple[Mutation, ...]] = (flipped, filled)
"""What may happen to memory that Xen has written: it is as long as before."""


@dataclass(frozen=True, slots=True)
class MutatedSource:
    """`inner`, whose answers to the questions that `chosen` says are mutated.

    `chance` decides how, the same way for every mutated answer; where `fails` they fail.
    """

    inner: Source
    chosen: Callable[[Question], bool]
    seed: int
    fails: bool = False

    @property
    def origin(self) -> Origin:
        """That of `inner`."""
        return self.inner.origin

    def _answer(self, question: Question, answer: T, change: Callable[[T, random.Random], T]) -> T:
        if not self.chosen(question):
            return answer
        if self.fails:
            raise SourceError(f"{question}", "made to fail", errno.EIO)
        return change(answer, random.Random(self.seed))

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file, changed."""
        found = self._answer(("read", path), self.inner.read(path, limit), _text)
        if len(found) > limit:
            raise SourceError(path, f"longer than {limit} bytes")
        return found

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        """The records, changed."""
        return self._answer(("kernel_log", after), self.inner.kernel_log(after, limit), _text)

    def listdir(self, path: str) -> tuple[str, ...]:
        """The names, changed."""
        return self._answer(("listdir", path), self.inner.listdir(path), _names)

    def readlink(self, path: str) -> str:
        """The target, changed."""
        return self._answer(("readlink", path), self.inner.readlink(path), _target)

    def certificates(self, path: str) -> bytes:
        """The certificates, changed."""
        return self._answer(("certificates", path), self.inner.certificates(path), _text)

    def stat(self, path: str) -> bytes:
        """The line, changed."""
        return self._answer(("stat", path), self.inner.stat(path), _text)

    def statvfs(self, path: str) -> bytes:
        """The line, changed."""
        return self._answer(("statvfs", path), self.inner.statvfs(path), _text)

    def uname(self) -> bytes:
        """The fields, changed."""
        return self._answer(("uname",), self.inner.uname(), _text)

    def adjtimex(self) -> bytes:
        """The line, changed."""
        return self._answer(("adjtimex",), self.inner.adjtimex(), _text)

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        """The output, changed."""
        return self._answer(("run", *argv), self.inner.run(argv, deadline), _output)

    def links(self) -> bytes:
        """The dump, changed."""
        return self._answer(("links",), self.inner.links(), _text)

    def taskstats(self, pids: Sequence[int]) -> bytes:
        """The counters, changed."""
        return self._answer(("taskstats", *pids), self.inner.taskstats(pids), _text)

    def hypercall(self, call: Hypercall) -> HypercallReply:
        """The reply, changed."""
        return self._answer(("hypercall", call), self.inner.hypercall(call), _reply)

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """The replies, each changed."""
        return in_turn(self.hypercall, calls)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """The reply, changed."""
        return self._answer(("xenstore", op, payload), self.inner.xenstore(op, payload), _node)

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        """The replies, each changed."""
        return tuple(
            self._answer(("xenstore_control", *request), reply, _node)
            for request, reply in zip(requests, self.inner.xenstore_control(requests), strict=True)
        )

    def round_trip(self, target: str) -> float:
        """The seconds, changed."""
        return self._answer(("round_trip", target), self.inner.round_trip(target), _seconds)

    def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """Those of `inner`."""
        return self.inner.events(topic)

    def close(self) -> None:
        """Closes `inner`."""
        self.inner.close()


def _text(data: bytes, chance: random.Random) -> bytes:
    return chance.choice(MUTATIONS)(data, chance)


def _names(names: tuple[str, ...], chance: random.Random) -> tuple[str, ...]:
    data = _text("\n".join(names).encode(errors="surrogateescape"), chance)
    changed = data.replace(b"/", b"!").replace(b"\0", b"!").decode(errors="surrogateescape")
    return tuple(sorted({name for name in changed.split("\n") if name not in ("", ".", "..")}))


def _target(target: str, chance: random.Random) -> str:
    data = _text(target.encode(errors="surrogateescape"), chance)
    return data.replace(b"\0", b"!").decode(errors="surrogateescape")


def _output(output: CommandOutput, chance: random.Random) -> CommandOutput:
    if chance.random() < 0.1:
        return replace(output, status=chance.choice((1, 127, -9)))
    return replace(output, stdout=_text(output.stdout, chance))


def _reply(reply: HypercallReply, chance: random.Random) -> HypercallReply:
    if not reply.block or chance.random() < 0.2:
        return replace(reply, result=chance.choice((0, 1, -1, -3, -22, 1 << 31, (1 << 63) - 1)))
    return replace(reply, block=chance.choice(OF_BLOCKS)(reply.block, chance))


def _node(reply: XenstoreReply, chance: random.Random) -> XenstoreReply:
    if chance.random() < 0.1:
        return replace(reply, type=chance.choice((2, 16, 1 << 31)))
    return replace(reply, payload=_text(reply.payload, chance))


def _seconds(_seconds: float, chance: random.Random) -> float:
    return chance.choice((0.0, 1e-9, 1.0, 1e9))


@functools.cache
def kind(question: Question) -> str:
    """What questions have in common that differ in numbers alone, such as a process's."""
    return re.sub(r"[0-9]+", "N", str(question))
