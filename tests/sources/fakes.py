"""Sources made by hand."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xenwatch.sources.base import (
    READ_LIMIT,
    CommandOutput,
    Hypercall,
    HypercallReply,
    SourceError,
    XenstoreReply,
)


@dataclass(slots=True)
class TableSource:
    """Answers from tables; what is not in them is missing (ENOENT). `asked` is every question."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    directories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[tuple[str, ...], CommandOutput] = field(default_factory=dict)
    replies: Mapping[Hypercall, HypercallReply] = field(default_factory=dict)
    nodes: Mapping[tuple[int, bytes], XenstoreReply] = field(default_factory=dict)
    raw: bytes = bytes(range(256))
    asked: list[Any] = field(default_factory=list)
    closed: bool = False

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file."""
        content: bytes = self._look_up(self.files, path)
        if len(content) > limit:
            raise SourceError(path, f"longer than {limit} bytes")
        return content

    def listdir(self, path: str) -> tuple[str, ...]:
        """The directory."""
        names: tuple[str, ...] = self._look_up(self.directories, path)
        return names

    def readlink(self, path: str) -> str:
        """The target."""
        target: str = self._look_up(self.targets, path)
        return target

    def statvfs(self, path: str) -> bytes:
        """One file system for all paths."""
        self.asked.append(path)
        return b"4096 10 5 4 100 50\n"

    def uname(self) -> bytes:
        """A kernel."""
        return b"Linux\x006.1.0\x00#1 SMP\x00x86_64\x00"

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        """The output."""
        output: CommandOutput = self._look_up(self.commands, tuple(argv))
        return output

    def links(self) -> bytes:
        """Any bytes."""
        return self.raw

    def hypercall(self, call: Hypercall) -> HypercallReply:
        """The reply."""
        reply: HypercallReply = self._look_up(self.replies, call)
        return reply

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """The replies, up to the first that is EINVAL."""
        replies: list[HypercallReply] = []
        for call in calls:
            replies.append(self.hypercall(call))
            if replies[-1].result == -errno.EINVAL:
                break
        return tuple(replies)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """The reply."""
        reply: XenstoreReply = self._look_up(self.nodes, (op, payload))
        return reply

    def close(self) -> None:
        """Remembered in `closed`."""
        self.closed = True

    def _look_up(self, table: Mapping[Any, Any], key: Any) -> Any:
        self.asked.append(key)
        if key not in table:
            raise SourceError.from_os(str(key), OSError(errno.ENOENT, ""))
        return table[key]
