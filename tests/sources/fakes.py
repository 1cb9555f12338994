"""Sources made by hand."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xenwatch.model.render.taskstats import render_taskstats
from xenwatch.parse.taskstats import Counters
from xenwatch.readings.origin import LIVE, Origin
from xenwatch.sources.base import (
    READ_LIMIT,
    CommandOutput,
    Hypercall,
    HypercallReply,
    Source,
    SourceError,
    XenstoreReply,
    no_events,
)
from xenwatch.sources.pem import certificates_of


@dataclass(slots=True)
class TableSource:
    """Answers from tables; what is not in them is missing (ENOENT). `asked` is every question."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    directories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[tuple[str, ...], CommandOutput] = field(default_factory=dict)
    replies: Mapping[Hypercall, HypercallReply] = field(default_factory=dict)
    nodes: Mapping[tuple[int, bytes], XenstoreReply] = field(default_factory=dict)
    round_trips: Mapping[str, float] = field(default_factory=dict)
    heard: Mapping[str, Sequence[bytes | SourceError]] = field(default_factory=dict)
    stats: Mapping[str, bytes] = field(default_factory=dict)
    counters: Mapping[int, Counters] = field(default_factory=dict)
    timex: bytes = b""
    raw: bytes = bytes(range(256))
    asked: list[Any] = field(default_factory=list)
    closed: bool = False
    origin: Origin = LIVE

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file."""
        content: bytes = self._look_up(self.files, path)
        if len(content) > limit:
            raise SourceError(path, f"longer than {limit} bytes")
        return content

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        """The file of all records."""
        return self.read("/dev/kmsg")

    def listdir(self, path: str) -> tuple[str, ...]:
        """The directory."""
        names: tuple[str, ...] = self._look_up(self.directories, path)
        return names

    def readlink(self, path: str) -> str:
        """The target."""
        target: str = self._look_up(self.targets, path)
        return target

    def certificates(self, path: str) -> bytes:
        """The certificates of the file."""
        return certificates_of(self._look_up(self.files, path))

    def stat(self, path: str) -> bytes:
        """The line."""
        line: bytes = self._look_up(self.stats, path)
        return line

    def statvfs(self, path: str) -> bytes:
        """One file system for all paths."""
        self.asked.append(path)
        return b"4096 10 5 4 100 50\n"

    def uname(self) -> bytes:
        """A kernel."""
        return b"Linux\x006.1.0\x00#1 SMP\x00x86_64\x00"

    def adjtimex(self) -> bytes:
        """The line."""
        line: bytes = self._look_up({"adjtimex": self.timex} if self.timex else {}, "adjtimex")
        return line

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        """The output."""
        output: CommandOutput = self._look_up(self.commands, tuple(argv))
        return output

    def links(self) -> bytes:
        """Any bytes."""
        return self.raw

    def taskstats(self, pids: Sequence[int]) -> bytes:
        """The counters of those that exist, if the kernel keeps any."""
        self.asked.append(("taskstats", *pids))
        if not self.counters:
            raise SourceError.from_os("taskstats", OSError(errno.ENOENT, ""))
        return render_taskstats((pid, self.counters.get(pid)) for pid in pids)

    def hypercall(self, call: Hypercall) -> HypercallReply:
        """The reply."""
        reply: HypercallReply = self._look_up(self.replies, call)
        return reply

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """The replies, up to the first that is EINVAL."""
        return in_turn(self.hypercall, calls)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """The reply."""
        reply: XenstoreReply = self._look_up(self.nodes, (op, payload))
        return reply

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        """The replies."""
        return tuple(self.xenstore(op, payload) for op, payload in requests)

    def round_trip(self, target: str) -> float:
        """The seconds."""
        seconds: float = self._look_up(self.round_trips, target)
        return seconds

    async def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """What is heard of the topic, up to an error, then silence."""
        for messages in self.heard.get(topic, ()):
            if isinstance(messages, SourceError):
                raise messages
            yield messages
        async for nothing in no_events():
            yield nothing

    def close(self) -> None:
        """Remembered in `closed`."""
        self.closed = True

    def _look_up(self, table: Mapping[Any, Any], key: Any) -> Any:
        self.asked.append(key)
        if key not in table:
            raise SourceError.from_os(str(key), OSError(errno.ENOENT, ""))
        return table[key]


Question = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TappedSource:
    """Tells `tap` of every question (verb and arguments) before `inner` is asked it.

    Hypercalls in a row are told, and asked, one by one.
    """

    inner: Source
    tap: Callable[[Question], None]

    @property
    def origin(self) -> Origin:
        """That of `inner`."""
        return self.inner.origin

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Told, then asked."""
        self.tap(("read", path))
        return self.inner.read(path, limit)

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        """Told, then asked."""
        self.tap(("kernel_log", after))
        return self.inner.kernel_log(after, limit)

    def listdir(self, path: str) -> tuple[str, ...]:
        """Told, then asked."""
        self.tap(("listdir", path))
        return self.inner.listdir(path)

    def readlink(self, path: str) -> str:
        """Told, then asked."""
        self.tap(("readlink", path))
        return self.inner.readlink(path)

    def certificates(self, path: str) -> bytes:
        """Told, then asked."""
        self.tap(("certificates", path))
        return self.inner.certificates(path)

    def stat(self, path: str) -> bytes:
        """Told, then asked."""
        self.tap(("stat", path))
        return self.inner.stat(path)

    def statvfs(self, path: str) -> bytes:
        """Told, then asked."""
        self.tap(("statvfs", path))
        return self.inner.statvfs(path)

    def uname(self) -> bytes:
        """Told, then asked."""
        self.tap(("uname",))
        return self.inner.uname()

    def adjtimex(self) -> bytes:
        """Told, then asked."""
        self.tap(("adjtimex",))
        return self.inner.adjtimex()

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        """Told, then asked."""
        self.tap(("run", *argv))
        return self.inner.run(argv, deadline)

    def links(self) -> bytes:
        """Told, then asked."""
        self.tap(("links",))
        return self.inner.links()

    def taskstats(self, pids: Sequence[int]) -> bytes:
        """Told, then asked."""
        self.tap(("taskstats", *pids))
        return self.inner.taskstats(pids)

    def hypercall(self, call: Hypercall) -> HypercallReply:
        """Told, then asked."""
        self.tap(("hypercall", call))
        return self.inner.hypercall(call)

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """Each told, then asked, up to the first that is EINVAL."""
        return in_turn(self.hypercall, calls)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """Told, then asked."""
        self.tap(("xenstore", op, payload))
        return self.inner.xenstore(op, payload)

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        """Each told, then asked on its own."""
        replies: list[XenstoreReply] = []
        for op, payload in requests:
            self.tap(("xenstore_control", op, payload))
            replies += self.inner.xenstore_control([(op, payload)])
        return tuple(replies)

    def round_trip(self, target: str) -> float:
        """Told, then asked."""
        self.tap(("round_trip", target))
        return self.inner.round_trip(target)

    def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """Not told: nobody is asked."""
        return self.inner.events(topic)

    def close(self) -> None:
        """Closes what it asks."""
        self.inner.close()


def failing(inner: Source, question: Question) -> TappedSource:
    """`inner` with one question that ends in an input/output error."""

    def tap(asked: Question) -> None:
        if asked == question:
            raise SourceError(f"{asked}", "made to fail", errno.EIO)

    return TappedSource(inner, tap)


def in_turn(
    ask: Callable[[Hypercall], HypercallReply], calls: Sequence[Hypercall]
) -> tuple[HypercallReply, ...]:
    """What `Source.hypercalls` answers by asking one by one."""
    replies: list[HypercallReply] = []
    for call in calls:
        replies.append(ask(call))
        if replies[-1].result == -errno.EINVAL:
            break
    return tuple(replies)
