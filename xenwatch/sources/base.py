"""The interface of a source: it returns the bytes of the kernel or of Xen, uninterpreted.

Everything right of a source is pure. Four kinds implement the protocol: the live dom0
(`xenwatch.sources.host`), a captured tree (`xenwatch.sources.tree`), the synthetic host
(`xenwatch.model.source`) and the recorder that wraps any of them (`xenwatch.sources.recording`).
"""

from __future__ import annotations

import errno
import os
import threading
from array import array
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Final, Protocol, runtime_checkable

from xenwatch.readings.origin import Origin
from xenwatch.values import dataclass

NOT_CAPTURED: Final = "not in this capture"
"""Why a capture cannot answer."""
READ_LIMIT: Final = 4 << 20
"""Default size limit of one read in bytes: the largest file any probe reads is the kernel log."""
PEM_LIMIT: Final = 64 << 10
"""Size limit of a file whose certificates are read: room for dozens of them."""

TARGETS: Final = ("xenstored", "xapi")
"""The daemons whose round-trip time a source can measure."""
ROUND_TRIP_DEADLINE: Final = 2.0
"""Seconds after which a round trip times out."""

DOMAINS: Final = "domains"
"""Topic of events: xenstored's watch events about domains introduced and released (xs_wire.h)."""
LINKS: Final = "links"
"""Topic of events: rtnetlink's RTM_NEWLINK and RTM_DELLINK, those of ports of bridges included."""
PROCESSES: Final = "processes"
"""Topic of events: the process connector's exec and exit (linux/cn_proc.h)."""
TOPICS: Final = (DOMAINS, LINKS, PROCESSES)

TASKSTATS_MAX: Final = 1024
"""Most processes in one question for taskstats; their answers are some 600 bytes each."""

BLOCK: Final = -1
"""Placeholder for the address of the argument block among the arguments of a hypercall."""


_INT_MAX: Final = (1 << 31) - 1

_programs = threading.local()


def programs_time() -> float:
    """CPU seconds of the programs this thread has run, not counted by `time.thread_time`."""
    seconds: float = getattr(_programs, "seconds", 0.0)
    return seconds


def charge(seconds: float) -> None:
    """Add a program's CPU seconds to this thread's `programs_time`."""
    _programs.seconds = programs_time() + seconds


class SourceError(Exception):
    """A read from a source failed.

    `subject` is what was read as an operator would name it (a path, a command line, a
    hypercall), `reason` why it failed, `errno` the error number behind it or 0.
    """

    def __init__(self, subject: str, reason: str, errno: int = 0) -> None:
        super().__init__(f"{subject}: {reason}")
        self.subject = subject
        self.reason = reason
        self.errno = errno

    @classmethod
    def from_os(cls, subject: str, error: OSError) -> SourceError:
        """The error for an `OSError`, with the text of its number."""
        number = error.errno or 0
        return cls.from_number(subject, number) if number else cls(subject, str(error))

    @classmethod
    def from_number(cls, subject: str, number: int) -> SourceError:
        """The error for an error number with its text; what Xen answers may be none of errno.h."""
        text = os.strerror(number) if 0 < number <= _INT_MAX else f"error {number}"
        return cls(subject, text, number)

    @property
    def missing(self) -> bool:
        """Whether the subject does not exist here, as opposed to cannot be read."""
        return self.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH)


class NotCaptured(SourceError):
    """A capture does not have the request: whoever made it did not ask the host that."""


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """Result of a finished command: exit status (negative: signal), stdout and stderr."""

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
class BatchReply:
    """The answers to one hypercall on each part of a block, as 64-bit words and as the block.

    `results` has the return value of each, in the byte order of this machine; `block` the parts as
    Xen left them, which are as they were where the call failed.
    """

    results: bytes
    block: bytes


@dataclass(frozen=True, slots=True)
class XenstoreReply:
    """Message type (16, XS_ERROR, for a refusal) and payload of one answer of xenstored."""

    type: int
    payload: bytes


async def no_events() -> AsyncGenerator[bytes, None]:
    """An event stream that waits forever and yields nothing."""
    import asyncio  # noqa: PLC0415 - commands that ask a daemon want none of it

    await asyncio.Event().wait()
    yield b""


@dataclass(frozen=True, slots=True)
class Choice:
    """The source to open, as `--source` names it, and why it was chosen."""

    spec: str
    reason: str


class Source(Protocol):
    """What a probe can read from a host. On failure each method raises `SourceError` alone.

    Paths are absolute and normalised (`/proc/meminfo`); the implementation decides what they refer
    to. No method waits longer than its deadline, except to read a file the kernel hangs on:
    callers run probes in threads they can abandon.
    """

    @property
    def origin(self) -> Origin:
        """Where the answers come from, which is said wherever they are shown."""
        ...

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file's content; one longer than `limit` bytes is an error.

        Of `/dev/kmsg`, the records present: their oldest `limit` bytes.
        """
        ...

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        """Records of `/dev/kmsg` after the one of number `after`, oldest first; -1: all.

        Whole records up to the one that makes it `limit` bytes or more; the rest is left for the
        next question. A capture returns all it has, those up to `after` too.
        """
        ...

    def listdir(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted; undecodable bytes as surrogates (`os.fsdecode`)."""
        ...

    def readlink(self, path: str) -> str:
        """Target of a symbolic link."""
        ...

    def certificates(self, path: str) -> bytes:
        """The certificates of a PEM file (RFC 7468), in its order; empty where it has none.

        Nothing else of the file leaves the source: beside a server's certificate is its private
        key, which no capture may hold. One longer than `PEM_LIMIT` bytes is an error.
        """
        ...

    def stat(self, path: str) -> bytes:
        """What tells a file or directory from a later one at its path.

        `st_ino st_ctime_ns` of stat(2), as a line of decimal numbers.
        """
        ...

    def statvfs(self, path: str) -> bytes:
        """The file system behind `path` as a line of decimal numbers.

        `f_frsize f_blocks f_bfree f_bavail f_files f_ffree` and a newline (statvfs(3)). One that
        hangs is an error after two seconds, and at once until it has answered.
        """
        ...

    def uname(self) -> bytes:
        """`sysname release version machine`, each ended by NUL (uname(2) without the node)."""
        ...

    def adjtimex(self) -> bytes:
        """How good the kernel's clock is: `maxerror esterror` and a newline (adjtimex(2)).

        Decimal numbers, in microseconds. Nothing is set.
        """
        ...

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        """Run a command to its end. `argv[0]` is an absolute path; no shell, no input."""
        ...

    def links(self) -> bytes:
        """An RTM_GETLINK dump: the netlink messages one after another, NLMSG_DONE included."""
        ...

    def taskstats(self, pids: Sequence[int]) -> bytes:
        """Counters of processes, up to `TASKSTATS_MAX`: the kernel's messages, one for each id.

        They come in order: an answer to TASKSTATS_CMD_ATTR_TGID, or NLMSG_ERROR with ESRCH where
        there is no such process (linux/taskstats.h). A kernel without taskstats is an error, as is
        a process without CAP_NET_ADMIN.
        """
        ...

    def hypercall(self, call: Hypercall) -> HypercallReply:
        """One hypercall. An error from Xen is a reply; no access to Xen is a `SourceError`."""
        ...

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """Several hypercalls in turn, stopping after the first that returns EINVAL."""
        ...

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """One request outside any transaction. An error returned by xenstored is a reply."""
        ...

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        """Replies to several requests (type, payload) on a connection of their own, closed after.

        For what a xenstored may not know: one that never replies hangs nothing else.
        """
        ...

    def round_trip(self, target: str) -> float:
        """Seconds one cheap request to a control-path daemon, one of `TARGETS`, took.

        It fails after `ROUND_TRIP_DEADLINE`.
        Connecting counts where each request has a new connection. The source measures it, so that
        a replay returns the recorded time.
        """
        ...

    def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """The host's events on one of `TOPICS`, from now on.

        Each item is one or more whole messages as the kernel or xenstored sent them. An empty item
        means that events may have been missed: it comes first, once subscribed, and whenever
        messages were lost. Without events the stream waits. It belongs to an event loop, which it
        never blocks; the caller closes it (`contextlib.aclosing`). It ends by `SourceError` alone.
        """
        ...

    def close(self) -> None:
        """Close descriptors; a recorder also completes its capture."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A source to which each question is dear, and which can be told what comes next."""

    def read_ahead(self, verb: str, paths: Sequence[str]) -> None:
        """Ask for several paths at once, and keep the answers for the questions of this thread."""
        ...


def read_ahead(source: Source, verb: str, paths: Iterable[str]) -> None:
    """Tell the source that this thread will `read` or `stat` these paths at once, in any order.

    It changes no answer: a source that can takes them together, others do nothing.
    """
    if isinstance(source, ReadsAhead):
        source.read_ahead(verb, list(paths))


@runtime_checkable
class AnswersBatches(Protocol):
    """A source to which many hypercalls of a kind are cheaper at once."""

    def hypercall_batch(self, call: Hypercall, size: int) -> BatchReply:
        """The hypercall on each part of `size` bytes of its block, which has no links."""
        ...


def hypercall_batch(source: Source, call: Hypercall, size: int) -> BatchReply:
    """The hypercall on each part of `size` bytes of its block, which has no links.

    A source that knows no batches is asked for each part, up to the first that returns EINVAL; the
    others count as if they had too. Raises `SourceError`.
    """
    if isinstance(source, AnswersBatches):
        return source.hypercall_batch(call, size)
    parts = [call.block[place : place + size] for place in range(0, len(call.block), size)]
    replies = source.hypercalls([Hypercall(call.number, call.args, part) for part in parts])
    results = array("q", [-errno.EINVAL]) * len(parts)
    for number, reply in enumerate(replies):
        results[number], parts[number] = reply.result, reply.block
    return BatchReply(results.tobytes(), b"".join(parts))
