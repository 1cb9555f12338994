"""The seam: a source answers with the bytes of the kernel or of Xen, never interpreted.

Everything right of a source is pure. Four kinds implement the protocol: the live dom0
(`xenwatch.sources.host`), a captured tree (`xenwatch.sources.tree`), the synthetic host
(`xenwatch.model.source`) and the recorder that wraps any of them (`xenwatch.sources.recording`).
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

READ_LIMIT: Final = 4 << 20
"""Default bound of one read in bytes: the largest file any probe wants is the kernel log."""

TARGETS: Final = ("xenstored", "xapi")
"""The daemons a source can ask how long they take to answer."""

DOMAINS: Final = "domains"
"""Topic of events: xenstored's watch events about domains introduced and released (xs_wire.h)."""
LINKS: Final = "links"
"""Topic of events: rtnetlink's RTM_NEWLINK and RTM_DELLINK, those of ports of bridges included."""
PROCESSES: Final = "processes"
"""Topic of events: the process connector's exec and exit (linux/cn_proc.h)."""
TOPICS: Final = (DOMAINS, LINKS, PROCESSES)

BLOCK: Final = -1
"""Stands for "address of the argument block" among the arguments of a hypercall."""


_programs = threading.local()


def programs_time() -> float:
    """CPU seconds of the programs this thread has run, which `time.thread_time` leaves out."""
    seconds: float = getattr(_programs, "seconds", 0.0)
    return seconds


def charge(seconds: float) -> None:
    """Add a program's CPU seconds to those of this thread."""
    _programs.seconds = programs_time() + seconds


class SourceError(Exception):
    """A source could not answer.

    `subject` is what was asked for as an operator would name it (a path, a command line, a
    hypercall), `reason` why there is no answer, `errno` the error number behind it or 0.
    """

    def __init__(self, subject: str, reason: str, errno: int = 0) -> None:
        super().__init__(f"{subject}: {reason}")
        self.subject = subject
        self.reason = reason
        self.errno = errno

    @classmethod
    def from_os(cls, subject: str, error: OSError) -> SourceError:
        """The same failure as the operating system reported it."""
        number = error.errno or 0
        return cls(subject, os.strerror(number) if number else str(error), number)

    @property
    def missing(self) -> bool:
        """Whether the subject does not exist here, as opposed to cannot be read."""
        return self.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH)


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """What a finished command left: exit status (negative: signal) and both streams."""

    status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Hypercall:
    """One hypercall as data.

    `number` is the hypercall's (xen.h), `args` up to five arguments in which `BLOCK` stands for
    the address of `block`, and each of `links` is (offset in the block where a 64-bit pointer
    belongs, offset in the block it points to). Addresses never leave the source: in the answer
    the linked words are zero again.
    """

    number: int
    args: tuple[int, ...]
    block: bytes = b""
    links: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class HypercallReply:
    """The hypercall's return value (negative: -errno) and the argument block Xen left."""

    result: int
    block: bytes


@dataclass(frozen=True, slots=True)
class XenstoreReply:
    """Message type (16, XS_ERROR, for a refusal) and payload of one answer of xenstored."""

    type: int
    payload: bytes


async def silence() -> AsyncGenerator[bytes, None]:
    """The events of a host that never says anything."""
    await asyncio.Event().wait()
    yield b""


@dataclass(frozen=True, slots=True)
class Choice:
    """The source to open, in an operator's words, and why it is this one."""

    spec: str
    reason: str


class Source(Protocol):
    """The verbs. Each raises `SourceError`, and nothing else, when there is no answer.

    Paths are absolute and normal (`/proc/meminfo`); the implementation decides what is behind
    them. No verb waits longer than its deadline, save a read of a file the kernel hangs on:
    callers run probes in threads they can abandon.
    """

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file's content; one longer than `limit` bytes is an error.

        Of `/dev/kmsg` it is the records there are, the oldest `limit` bytes of them.
        """
        ...

    def listdir(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted; undecodable bytes as surrogates (`os.fsdecode`)."""
        ...

    def readlink(self, path: str) -> str:
        """Target of a symbolic link."""
        ...

    def statvfs(self, path: str) -> bytes:
        """The file system behind `path` as a line of decimal numbers.

        `f_frsize f_blocks f_bfree f_bavail f_files f_ffree` and a newline (statvfs(3)).
        """
        ...

    def uname(self) -> bytes:
        """`sysname release version machine`, each ended by NUL (uname(2) without the node)."""
        ...

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        """A finished command. `argv[0]` is an absolute path; no shell, no input, bounded output."""
        ...

    def links(self) -> bytes:
        """An RTM_GETLINK dump: the netlink messages one after another, NLMSG_DONE included."""
        ...

    def hypercall(self, call: Hypercall) -> HypercallReply:
        """One hypercall's answer. A refusal by Xen is an answer; no way to ask is an error."""
        ...

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """Several hypercalls in turn, ending early after the first that answers EINVAL."""
        ...

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """One request outside any transaction. A refusal by xenstored is an answer."""
        ...

    def round_trip(self, target: str) -> float:
        """Seconds that one cheap question to a control-path daemon took, of `TARGETS`.

        Connecting counts where the daemon is asked over a new connection. Measured where the
        question is asked, so that a replay tells what was measured then.
        """
        ...

    def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """What the host says by itself about one of `TOPICS`, from now on.

        Each item is one or more whole messages as the kernel or xenstored sent them. An empty item
        says that anything may have happened unheard: it comes first, when the subscription stands,
        and wherever messages were lost. A host that has nothing to say leaves its listener waiting.
        The stream belongs to an event loop, which it never blocks; whoever stops listening closes
        it (`contextlib.aclosing`). It ends by `SourceError` alone.
        """
        ...

    def close(self) -> None:
        """Give back descriptors; a recorder also completes what it writes."""
        ...
