"""The live dom0."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from xenwatch import threads
from xenwatch.readings.origin import LIVE
from xenwatch.sources import commands, netlink, taskstats, xapi
from xenwatch.sources.base import (
    LINKS,
    PEM_LIMIT,
    READ_LIMIT,
    BatchReply,
    CommandOutput,
    Hypercall,
    HypercallReply,
    SourceError,
    XenstoreReply,
)
from xenwatch.sources.events import host_events
from xenwatch.sources.kept import KeptFiles
from xenwatch.sources.kept_links import KeptLinks
from xenwatch.sources.kernel_log import PATH as KMSG
from xenwatch.sources.kernel_log import RECORD_MAX, KernelLogReader
from xenwatch.sources.pem import certificates_of
from xenwatch.sources.privcmd import Privcmd
from xenwatch.sources.timex import ClockReader
from xenwatch.sources.xenstored import XenstoreClient, request_apart

_CHUNK: Final = RECORD_MAX
_SHARED: Final = ("/dev/shm/", "/run/openvswitch/")  # noqa: S108 - see `_open_below`
"""Directories in which others than root may make a link: any user, the user openvswitch."""
_STATVFS_SECONDS: Final = 2.0
"""Time a file system has to answer: one of a dead file server never does."""


class HostSource:
    """Files below `rootfs`, and the kernel, Xen and xenstored of this machine.

    Thread-safe. Nothing is opened before its first use.
    """

    origin = LIVE

    def __init__(self, rootfs: str = "/") -> None:
        self._root = rootfs.rstrip("/")
        self._xenstore = XenstoreClient(self._root)
        self._privcmd: Privcmd | None = None
        self._lock = threading.Lock()
        self._kept = KeptFiles()
        self._taskstats = taskstats.TaskstatsClient()
        self._statvfs = threads.OneAtATime(_STATVFS_SECONDS)
        self._kernel_log = KernelLogReader(self._root)
        self._clock = ClockReader()
        self._links = KeptLinks(netlink.dump_links)

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        try:
            data = self._kept.read(path, self._root + path)
            if data is None:
                data = self._read(path, limit)
        except OSError as error:
            raise SourceError.from_os(path, error) from error
        if len(data) > limit and path != KMSG:
            raise SourceError(path, f"longer than {limit} bytes")
        return data[:limit]

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        return self._kernel_log.read(after, limit)

    def listdir(self, path: str) -> tuple[str, ...]:
        try:
            if not path.startswith(_SHARED):
                return tuple(sorted(os.listdir(self._root + path)))
            fd = _open_below(self._root, path, os.O_DIRECTORY)
            try:
                return tuple(sorted(os.listdir(fd)))
            finally:
                os.close(fd)
        except OSError as error:
            raise SourceError.from_os(path, error) from error

    def readlink(self, path: str) -> str:
        try:
            return os.readlink(self._root + path)
        except OSError as error:
            raise SourceError.from_os(path, error) from error

    def certificates(self, path: str) -> bytes:
        try:
            content = self._read(path, PEM_LIMIT)
        except OSError as error:
            raise SourceError.from_os(path, error) from error
        if len(content) > PEM_LIMIT:
            raise SourceError(path, f"longer than {PEM_LIMIT} bytes")
        return certificates_of(content)

    def stat(self, path: str) -> bytes:
        try:
            found = os.stat(self._root + path)
        except OSError as error:
            raise SourceError.from_os(path, error) from error
        return b"%d %d\n" % (found.st_ino, found.st_ctime_ns)

    def statvfs(self, path: str) -> bytes:
        try:
            found = self._statvfs.call(path, lambda: os.statvfs(self._root + path))
        except OSError as error:
            raise SourceError.from_os(path, error) from error
        except RuntimeError as error:
            raise SourceError(path, f"could not start a thread: {error}") from error
        numbers = (
            found.f_frsize, found.f_blocks, found.f_bfree, found.f_bavail, found.f_files,
            found.f_ffree,
        )  # fmt: skip
        return b"%d %d %d %d %d %d\n" % numbers

    def uname(self) -> bytes:
        found = os.uname()
        fields = (found.sysname, found.release, found.version, found.machine)
        return b"".join(os.fsencode(field) + b"\0" for field in fields)

    def adjtimex(self) -> bytes:
        return self._clock.read()

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        """Run a command, but not with a `rootfs`: it would not be the host's."""
        if self._root:
            raise SourceError(" ".join(argv), f"commands are not run with rootfs {self._root}")
        return commands.run(argv, deadline)

    def links(self) -> bytes:
        return self._links.read()

    def taskstats(self, pids: Sequence[int]) -> bytes:
        """See `Source.taskstats`; not with a `rootfs`, whose process ids may be others."""
        if self._root:
            raise SourceError(taskstats.SUBJECT, f"not asked for with rootfs {self._root}")
        return self._taskstats.ask(pids)

    def hypercall(self, call: Hypercall) -> HypercallReply:
        return self.hypercalls((call,))[0]

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        return self._device().call(calls)

    def hypercall_batch(self, call: Hypercall, size: int) -> BatchReply:
        """See `AnswersBatches`."""
        return self._device().batch(call, size)

    def _device(self) -> Privcmd:
        with self._lock:
            if self._privcmd is None:
                self._privcmd = Privcmd(self._root)
            return self._privcmd

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        return self._xenstore.request(op, payload)

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        return request_apart(requests, self._root)

    def round_trip(self, target: str) -> float:
        return self._xenstore.round_trip() if target == "xenstored" else xapi.round_trip(self._root)

    def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """See `Source.events`."""
        stream = host_events(topic, self._root or "/")
        return self._links.followed(stream) if topic == LINKS else stream

    def close(self) -> None:
        self._xenstore.close()
        self._kept.close()
        self._taskstats.close()
        self._kernel_log.close()
        with self._lock:
            if self._privcmd is not None:
                self._privcmd.close()
                self._privcmd = None

    def _read(self, path: str, limit: int) -> bytes:
        if path.startswith(_SHARED):
            fd = _open_below(self._root, path, os.O_NONBLOCK)
        else:
            fd = os.open(self._root + path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return _drain(fd, limit, records=path == KMSG)
        finally:
            os.close(fd)


def _open_below(root: str, path: str, flags: int) -> int:
    """Open what lies in one of the directories `_SHARED`: no link below it is followed."""
    shared = next(each for each in _SHARED if path.startswith(each))
    fd = os.open(root + shared, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    *directories, last = path.removeprefix(shared).split("/")
    for name, wanted in (*((each, os.O_DIRECTORY) for each in directories), (last, flags)):
        try:
            below = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | wanted, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def _drain(fd: int, limit: int, *, records: bool) -> bytes:
    """Read to the end of the file; for records, to the newest one."""
    data = bytearray()
    while len(data) <= limit:
        try:
            chunk = os.read(fd, _CHUNK)
        except OSError as error:
            if records and error.errno == errno.EPIPE:  # a record was overwritten: go on
                continue
            if records and error.errno == errno.EAGAIN:
                break
            raise
        if not chunk:
            break
        data += chunk
    return bytes(data)
