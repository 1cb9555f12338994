"""A dom0 for probes: tables of files, a Xen and a xenstore made by hand."""

from __future__ import annotations

import errno
import os
import struct
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.sources.fakes import TableSource
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.evtchn import render_status
from xenwatch.model.render.gnttab import render_query_size
from xenwatch.model.render.text import render_uname
from xenwatch.model.render.xenstore import directory_reply, read_reply, refusal_reply
from xenwatch.model.render.xenversion import render_text, render_version
from xenwatch.parse import domaininfo, xenstore, xenversion
from xenwatch.parse.domaininfo import X86_LAYOUTS, DomainInfo
from xenwatch.parse.evtchn import Channel
from xenwatch.parse.gnttab import QuerySize
from xenwatch.probes.base import Pass, Probe, Result, merge, run
from xenwatch.readings.moment import Moment
from xenwatch.readings.origin import LIVE
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.sources.base import (
    CommandOutput,
    Hypercall,
    HypercallReply,
    SourceError,
    XenstoreReply,
)

Handler = Callable[[Hypercall], HypercallReply]
Files = Mapping[str, bytes]

DOM0: Final[Files] = {"/proc/xen/capabilities": b"control_d\n", "/sys/hypervisor/type": b"xen\n"}
GUEST: Final[Files] = {"/proc/xen/capabilities": b"\n", "/sys/hypervisor/type": b"xen\n"}
NO_XENFS: Final[Files] = {"/sys/hypervisor/type": b"xen\n"}
KVM: Final[Files] = {"/sys/hypervisor/type": b"kvm\n"}
BARE: Final[Files] = {}
NO_XEN: Final = {"a guest of Xen": GUEST, "another hypervisor": KVM, "no hypervisor": BARE}
"""Files of hosts on which no probe of Xen applies."""

BLOCKED: Final = 1 << 4
HVM: Final = 1 << 1
PRIVCMD: Final = SourceError("/dev/xen/privcmd", "No such file or directory", errno.ENOENT)
SILENT: Final = SourceError("xenstored", "timed out after 2 s")


@dataclass
class FakeHost(TableSource):
    """A `TableSource` whose Xen and xenstore answer by what they are asked.

    `calls` has a handler for each hypercall's number: without one there is no privcmd. `store` is
    xenstore, `None` a xenstored that never answers. `errors` go before every table, by what was
    asked: a path, an argv, a xenstore path.
    """

    calls: Mapping[int, Handler] = field(default_factory=dict)
    store: Mapping[str, bytes] | None = field(default_factory=dict)
    errors: Mapping[Any, SourceError] = field(default_factory=dict)
    kernel: str = "6.1.0-18-amd64"
    machine: str = "x86_64"
    sizes: Mapping[str, bytes] = field(default_factory=dict)

    def uname(self) -> bytes:
        """The kernel."""
        return render_uname(("Linux", self.kernel, "#1 SMP", self.machine))

    def statvfs(self, path: str) -> bytes:
        """The file system's sizes."""
        size: bytes = self._look_up(self.sizes, path)
        return size

    def hypercall(self, call: Hypercall) -> HypercallReply:
        """What the number's handler answers."""
        self.asked.append(call.number)
        if call.number not in self.calls:
            raise PRIVCMD
        return self.calls[call.number](call)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """A value or a directory of `store`."""
        if self.store is None:
            raise SILENT
        path = payload.rstrip(b"\0").decode()
        self.asked.append(path)
        if path in self.errors:
            raise self.errors[path]
        if op == xenstore.DIRECTORY:
            below = [name.removeprefix(f"{path}/") for name in self.store if _below(name, path)]
            names = sorted({name.partition("/")[0] for name in below})
            return directory_reply(names) if names else refusal_reply("ENOENT")
        value = self.store.get(path)
        return refusal_reply("ENOENT") if value is None else read_reply(value)

    def _look_up(self, table: Mapping[Any, Any], key: Any) -> Any:
        if key in self.errors:
            self.asked.append(key)
            raise self.errors[key]
        return super()._look_up(table, key)


def _below(name: str, path: str) -> bool:
    return name.startswith(f"{path}/")


def versions(version: tuple[int, int], command_line: str | None = None) -> Handler:
    """A Xen of this version; without a command line it does not tell that."""

    def answer(call: Hypercall) -> HypercallReply:
        if call.args[0] == xenversion.VERSION:
            return HypercallReply(render_version(version), b"")
        if call.args[0] == xenversion.COMMANDLINE and command_line is not None:
            return HypercallReply(0, render_text(call.block, command_line))
        return HypercallReply(-errno.ENOSYS, call.block)

    return answer


def domain_list(infos: Iterable[DomainInfo], version: tuple[int, int] = (4, 17)) -> Handler:
    """XEN_SYSCTL_getdomaininfolist about these domains, as many as are asked for."""
    everything = sorted(infos, key=lambda info: info.domid)

    def answer(call: Hypercall) -> HypercallReply:
        _, interface, first, count = struct.unpack_from("<IIHxxI", call.block)
        if interface != X86_LAYOUTS[version].sysctl:
            return HypercallReply(-errno.EACCES, call.block)
        found = [info for info in everything if info.domid >= first][:count]
        return HypercallReply(0, render_list(X86_LAYOUTS[version], call.block, found))

    return answer


def channels(slots: Sequence[Channel | int]) -> Handler:
    """EVTCHNOP_status about these slots in turn (a number is a result of Xen), EINVAL behind."""

    def answer(call: Hypercall) -> HypercallReply:
        port = struct.unpack_from("<I", call.block, 4)[0]
        if port >= len(slots):
            return HypercallReply(-errno.EINVAL, call.block)
        slot = slots[port]
        if isinstance(slot, int):
            return HypercallReply(slot, call.block)
        return HypercallReply(0, render_status(0, slot))

    return answer


def grant_sizes(sizes: Iterable[QuerySize]) -> Handler:
    """GNTTABOP_query_size about these domains; another one is GNTST_bad_domain."""
    known = {size.domid: size for size in sizes}

    def answer(call: Hypercall) -> HypercallReply:
        domid = struct.unpack_from("<H", call.block)[0]
        return HypercallReply(0, render_query_size(known.get(domid, QuerySize(domid, 0, 0, -2))))

    return answer


def handle(domid: int) -> uuid.UUID:
    """A UUID for a domain: dom0's is all zero."""
    return uuid.UUID(int=domid and (0xA << 120) + domid)


def info(domid: int, flags: int = BLOCKED, **fields: Any) -> DomainInfo:
    """A domain's record; `generation` in place of the domid makes another UUID."""
    identity = handle(fields.pop("generation", domid)).bytes
    defaults = {
        "tot_pages": 1 << 18,
        "max_pages": 1 << 18,
        "cpu_time": 1_500_000_000,
        "online_vcpus": 2,
        "max_vcpu_id": 3,
        "emulation": 0,
    }
    return DomainInfo(domid, flags, handle=identity, **{**defaults, **fields})


def xen(infos: Iterable[DomainInfo] = (), version: tuple[int, int] = (4, 17)) -> dict[int, Handler]:
    """A Xen with these domains."""
    return {
        xenversion.XEN_VERSION: versions(version),
        domaininfo.SYSCTL: domain_list(infos, version),
    }


def dom0(files: Files | None = None, **parts: Any) -> FakeHost:
    """A dom0 with these files and parts."""
    return FakeHost(files={**DOM0, **(files or {})}, **parts)


Before = Pass | Snapshot | None
"""What a run finds known: all that former runs left, or only what other probes have read."""


def _known(before: Before) -> Pass:
    return before if isinstance(before, Pass) else Pass(before or Snapshot())


def after(probe: Probe, source: FakeHost, before: Before = None) -> Pass:
    """What is known after a run of the probe; that it failed is a failure of the test."""
    result = run(probe, source, _known(before))
    assert result.outcome.status is Status.OK, result.outcome
    return merge(_known(before), {probe.name: result}, Moment(0.0, 0.0), LIVE)


def value_of(probe: Probe, source: FakeHost, before: Before = None) -> Any:
    """What the probe reads; that it failed is a failure of the test."""
    return getattr(after(probe, source, before).snapshot, probe.name)


def outcome_of(probe: Probe, source: FakeHost, before: Before = None) -> Outcome:
    """How a run goes that reads nothing; that it did not is a failure of the test."""
    result = run(probe, source, _known(before))
    assert result.reading is None
    assert result.outcome.status is not Status.OK
    return result.outcome


def failure_of(probe: Probe, source: FakeHost, before: Before = None) -> str:
    """Why the probe failed, which must not be a defect of ours."""
    outcome = outcome_of(probe, source, before)
    assert outcome.status is Status.FAILED
    assert "defect" not in outcome.detail
    return outcome.detail


def failed(probe: Probe, before: Pass) -> Pass:
    """What is known after a run of the probe that failed."""
    return merge(
        before, {probe.name: Result(Outcome(Status.FAILED, "late"))}, Moment(0.0, 0.0), LIVE
    )


def output(stdout: bytes, status: int = 0, stderr: bytes = b"") -> CommandOutput:
    """What a command left."""
    return CommandOutput(status, stdout, stderr)


def missing(path: str) -> SourceError:
    """The error about a file that is not there."""
    return SourceError(path, os.strerror(errno.ENOENT), errno.ENOENT)


def denied(path: str) -> SourceError:
    """The error about a file that may not be read."""
    return SourceError(path, os.strerror(errno.EACCES), errno.EACCES)
