"""The synthetic host as a source: bytes as the kernel, Xen and xenstored give them, in memory."""

from __future__ import annotations

import dataclasses
import errno
import math
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from xenwatch.model import files, guest_storage, ha, processes, san, standing, switch, xenstored
from xenwatch.model.files import KMSG, kernel_lines
from xenwatch.model.host import Machine
from xenwatch.model.presets import PRESETS
from xenwatch.model.render.evtchn import render_lsevtchn
from xenwatch.model.render.kernel_log import render_kmsg
from xenwatch.model.render.rtnl import render_links, reported
from xenwatch.model.render.taskstats import render_taskstats
from xenwatch.model.render.text import (
    render_stat_line,
    render_statvfs,
    render_timex,
    render_uname,
)
from xenwatch.model.render.xenstore import directory_reply, read_reply, refusal_reply
from xenwatch.model.tree import FileTree
from xenwatch.model.xen import Xen
from xenwatch.parse import liveset, xenstore
from xenwatch.readings.origin import SYNTHETIC, Origin
from xenwatch.sources.base import (
    READ_LIMIT,
    ROUND_TRIP_DEADLINE,
    CommandOutput,
    Hypercall,
    HypercallReply,
    SourceError,
    XenstoreReply,
    no_events,
)
from xenwatch.sources.pem import certificates_of

_KERNEL_LOG: Final = "/dev/kmsg"
_BACKENDS: Final = "/sys/bus/xen-backend/devices/"
_NANOSECONDS: Final = 1_000_000_000
_ANSWERS: Final = {"ovsdb-client": switch.answer, "multipathd": san.answer}
"""Of programs that are asked one thing alone."""
_UNKNOWN: Final = CommandOutput(1, b"", b"unknown command\n")


def preset(name: str, *, empty: bool = False) -> ModelSource:
    """A synthetic host by the name of its preset, or `empty`, the same without a VM.

    Raises `KeyError` with the names of the presets.
    """
    if name not in PRESETS:
        raise KeyError(f"no such preset: {name!r}; must be one of: {', '.join(PRESETS)}")
    machine = PRESETS[name]()
    return ModelSource(Machine(machine.dom0.platform) if empty else machine, name)


class ModelSource:
    """Answers as `machine` is at the moment of the question.

    Paths are rendered when read. The tree of paths is rebuilt after a change of the machine. `name`
    is that of its preset or scenario, if it has one.
    """

    def __init__(self, machine: Machine, name: str = "") -> None:
        self.origin = Origin(SYNTHETIC, name)
        self._machine = machine
        self._dom0 = machine.dom0
        self._xen = Xen(machine.dom0)
        self._tree = files.build(machine.dom0)
        self._dump = b""
        self._generation = machine.generation

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        content = self._files().read(path)
        if len(content) <= limit:
            return content
        if path == _KERNEL_LOG:
            return content[:limit]
        raise SourceError(path, f"longer than {limit} bytes", errno.EFBIG)

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        """See `Source.kernel_log`; a kernel whose log cannot be read answers EINVAL."""
        if self._dom0.platform.kernel < KMSG:
            raise SourceError.from_os(_KERNEL_LOG, OSError(errno.EINVAL, ""))
        return render_kmsg(kernel_lines(self._dom0), after + 1, limit)

    def listdir(self, path: str) -> tuple[str, ...]:
        return self._files().listdir(path)

    def readlink(self, path: str) -> str:
        return self._files().readlink(path)

    def certificates(self, path: str) -> bytes:
        return certificates_of(self._files().read(path))

    def stat(self, path: str) -> bytes:
        """Of a backend device on the kernel's bus, or a file in /boot: nobody asks for others."""
        found = self._dom0.boot.changed(path)
        if found is not None:
            inode, at = found
            return render_stat_line(inode, round(at * _NANOSECONDS))
        number = self._dom0.made.get(path.removeprefix(_BACKENDS))
        if number is None:
            raise SourceError.from_os(path, OSError(errno.ENOENT, ""))
        return render_stat_line(number, number * _NANOSECONDS)

    def statvfs(self, path: str) -> bytes:
        numbers = self._dom0.platform.file_systems.get(path)
        if numbers is None:
            raise SourceError.from_os(path, OSError(errno.ENOENT, ""))
        if path == self._dom0.log_mount:
            written = self._dom0.log_kib * 1024 // numbers.frsize
            numbers = dataclasses.replace(
                numbers,
                bfree=numbers.bfree - written,
                bavail=max(0, numbers.bavail - written),
                ffree=numbers.ffree - self._dom0.log_files,
            )
        if path == self._dom0.platform.repository:
            numbers = guest_storage.repository_size(self._dom0, numbers)
        return render_statvfs(numbers)

    def uname(self) -> bytes:
        platform = self._dom0.platform
        return render_uname(("Linux", platform.release, platform.version, platform.machine))

    def adjtimex(self) -> bytes:
        return render_timex(standing.timex(self._dom0.standing, self._dom0.seconds))

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        """The programs are those the probes run; of xl it knows the debug keys."""
        self._files().read(argv[0])
        program = argv[0].rpartition("/")[2]
        if program == "lsevtchn":
            return self._lsevtchn(argv[1:])
        if program in _ANSWERS:
            return _ANSWERS[program](self._dom0)
        if program == "xl":
            return self._xl(argv[1:])
        if tuple(argv) == liveset.COMMAND:
            return ha.answer(self._dom0)
        if program in guest_storage.PROGRAMS:
            return guest_storage.answer(self._dom0, program)
        return _UNKNOWN

    def links(self) -> bytes:
        """The same dump until the machine changes: that of a thousand VMs is megabytes."""
        self._files()
        if not self._dump:
            found = reported(self._dom0.links.values(), self._dom0.platform.kernel)
            self._dump = render_links(found)
        return self._dump

    def taskstats(self, pids: Sequence[int]) -> bytes:
        return render_taskstats((pid, processes.counters(self._dom0, pid)) for pid in pids)

    def hypercall(self, call: Hypercall) -> HypercallReply:
        return self._xen.answer(call)

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        replies = []
        for call in calls:
            replies.append(self._xen.answer(call))
            if replies[-1].result == -errno.EINVAL:
                break
        return tuple(replies)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """A directory is one reply however long, as from oxenstored.

        Once xenstored's descriptors are exhausted, requests time out.
        """
        self._require_xenstored()
        path = payload.rstrip(b"\0").decode("utf-8", "surrogateescape")
        if op == xenstore.DIRECTORY:
            names = self._dom0.store.names(path)
            return refusal_reply("ENOENT") if names is None else directory_reply(names)
        if op == xenstore.READ:
            value = self._dom0.store.values.get(path)
            return refusal_reply("ENOENT") if value is None else read_reply(value)
        return refusal_reply("ENOSYS")

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        self._require_xenstored()
        return tuple(xenstored.answer(self._dom0, op, payload) for op, payload in requests)

    def round_trip(self, target: str) -> float:
        if target != "xenstored" and target not in self._dom0.by_comm:
            raise SourceError.from_os(target, OSError(errno.ENOENT, ""))
        return self._answered(target)

    def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """See `Source.events`: the machine changes by method calls only, and sends no events."""
        return no_events()

    def close(self) -> None:
        """Release nothing."""

    def _answered(self, target: str) -> float:
        """Seconds until a daemon has answered. Raises `SourceError` where it does not in time."""
        dom0 = self._dom0
        process = dom0.xenstored if target == "xenstored" else dom0.by_comm[target]
        if process.pid not in dom0.processes:
            raise SourceError.from_os(target, OSError(errno.ECONNREFUSED, ""))
        seconds = dom0.round_trips.get(target, math.inf) + dom0.hung.get(target, 0.0)
        if seconds >= ROUND_TRIP_DEADLINE:
            raise SourceError(target, f"timed out after {ROUND_TRIP_DEADLINE:g} s")
        return seconds

    def _require_xenstored(self) -> None:
        self._answered("xenstored")
        most = self._dom0.bounds.xenstored
        if most is not None and len(self._dom0.xenstored.fds) >= most:
            raise SourceError.from_os("xenstored", OSError(errno.ETIMEDOUT, ""))

    def _files(self) -> FileTree:
        if self._generation != self._machine.generation:
            self._generation = self._machine.generation
            self._tree = files.build(self._dom0)
            self._dump = b""
        return self._tree

    def _xl(self, arguments: Sequence[str]) -> CommandOutput:
        if tuple(arguments) == ("debug-keys", "g"):
            self._dom0.console.put(self._xen.usage())
            return CommandOutput(0, b"", b"")
        if tuple(arguments) == ("dmesg",):
            return CommandOutput(0, self._dom0.console.text, b"")
        return _UNKNOWN

    def _lsevtchn(self, arguments: Sequence[str]) -> CommandOutput:
        domain = self._dom0.domains.get(int(arguments[0]) if arguments else 0)
        if domain is None:
            return CommandOutput(1, b"", b"xc_evtchn_status: No such process\n")
        channels = sorted(domain.channels.channels.values(), key=lambda channel: channel.port)
        return CommandOutput(0, render_lsevtchn(channels), b"")
