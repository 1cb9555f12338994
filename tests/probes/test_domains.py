"""The domains: by one hypercall, else by xenstore."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable
from typing import Any

import pytest

from tests.probes.support import (
    BLOCKED,
    HVM,
    SILENT,
    Before,
    FakeHost,
    Handler,
    after,
    dom0,
    failed,
    failure_of,
    handle,
    info,
    value_of,
    versions,
    xen,
)
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.xenstore import refusal_reply
from xenwatch.parse import xenstore
from xenwatch.parse.domaininfo import SYSCTL, X86_LAYOUTS, DomainInfo
from xenwatch.parse.xenversion import XEN_VERSION
from xenwatch.probes.base import Pass
from xenwatch.probes.domains import CHUNK, DOMAINS, xenstore_directory
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.memory import HostMemory
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.readings.xenstore import Xenstore
from xenwatch.sources.base import Hypercall, HypercallReply, SourceError, XenstoreReply

DYING, SHUTDOWN, PAUSED, RUNNING = 1, 1 << 2, 1 << 3, 1 << 5
OLD_PVH = 1 << 7
QEMU = 0x7F
"""XEN_X86_EMU_* of an HVM guest."""
STORE = {
    "/local/domain/0/name": b"Domain-0",
    "/local/domain/0/vm": f"/vm/{handle(0)}".encode(),
    "/local/domain/7/vm": f"/vm/{handle(7)}".encode(),
    "/local/domain/12/name": b"no vm",
}


def read(source: FakeHost, before: Before = None) -> Domains:
    """What the probe reads."""
    found: Domains = value_of(DOMAINS, source, before)
    return found


def one(domain: DomainInfo, version: tuple[int, int] = (4, 17)) -> Domain:
    """The only domain of a Xen of this version."""
    return read(dom0(calls=xen([domain], version))).domains[0]


def repeating(infos: list[DomainInfo]) -> Handler:
    """A Xen that gives the same list whatever is asked."""
    return lambda call: HypercallReply(0, render_list(X86_LAYOUTS[4, 17], call.block, infos))


def refusing(number: int) -> Handler:
    """A Xen that refuses."""
    return lambda call: HypercallReply(-number, call.block)


def test_a_domain_has_all_its_facts() -> None:
    """Every field of a domain comes from its record, its name from elsewhere."""
    assert one(info(7)) == Domain(7, str(handle(7)), None, "pv", "blocked", 2, 4, 1 << 30, 1.5)


def test_domains_come_by_rising_domid() -> None:
    """dom0 is among the domains, and the first."""
    found = read(dom0(calls=xen([info(9), info(0), info(3)])))

    assert [domain.domid for domain in found.domains] == [0, 3, 9]
    assert (found.route, found.fallback) == ("hypercall", "")


@pytest.mark.parametrize("count", [CHUNK - 1, CHUNK, CHUNK + 1, 1000])
def test_many_domains_are_asked_for_in_chunks(count: int) -> None:
    """However many domains there are, each is listed once, in as few hypercalls as can be."""
    source = dom0(calls=xen([info(domid * 3) for domid in range(count)]))
    found = read(source)

    assert [domain.domid for domain in found.domains] == [domid * 3 for domid in range(count)]
    assert source.asked.count(SYSCTL) == count // CHUNK + 1


def test_the_last_domid_can_be_listed() -> None:
    """A full chunk that ends with the highest domid there can be ends the list."""
    last = 0x7FF0 - 1
    source = dom0(calls=xen([info(last - number) for number in range(CHUNK)]))

    assert read(source).domains[-1].domid == last
    assert source.asked.count(SYSCTL) == 1


@pytest.mark.parametrize(
    ("domain", "version", "kind"),
    [
        (info(7), (4, 17), "pv"),
        (info(7, HVM, emulation=QEMU), (4, 17), "hvm"),
        (info(7, HVM, emulation=1), (4, 17), "pvh"),
        (info(7, HVM, emulation=0), (4, 17), "pvh"),
        (info(7, HVM), (4, 1), "hvm"),
        (info(7, HVM), (4, 10), None),
        (info(7, OLD_PVH), (4, 5), "pvh"),
        (info(7), (4, 1), "pv"),
    ],
)
def test_types(domain: DomainInfo, version: tuple[int, int], kind: str | None) -> None:
    """pv, pvh and hvm are told apart where the release tells, and otherwise nothing is said."""
    assert one(domain, version).type == kind


@pytest.mark.parametrize(
    ("flags", "state", "alive"),
    [
        (RUNNING, "running", True),
        (BLOCKED, "blocked", True),
        (PAUSED | BLOCKED, "paused", True),
        (SHUTDOWN, "shutdown", True),
        (SHUTDOWN | 3 << 16, "crashed", True),
        (DYING | SHUTDOWN | PAUSED, "dying", False),
    ],
)
def test_states(flags: int, state: str, alive: bool) -> None:
    """The gravest flag is the state; only a dying domain is no living one."""
    domain = one(info(7, flags))

    assert (domain.state, domain.alive) == (state, alive)


def test_a_domain_that_is_being_built_has_no_vcpu() -> None:
    """The mark Xen gives for no vCPU is no number: the most it may have is unknown."""
    assert one(info(7, online_vcpus=0, max_vcpu_id=0xFFFFFFFF)).vcpus_max is None


@pytest.mark.parametrize("version", X86_LAYOUTS, ids=lambda version: f"{version[0]}.{version[1]}")
def test_every_release_is_read_in_its_own_layout(version: tuple[int, int]) -> None:
    """Several domains in a row come out right in each release's record."""
    found = read(dom0(calls=xen([info(0), info(7, BLOCKED | DYING)], version)))

    assert [domain.uuid for domain in found.domains] == [str(handle(0)), str(handle(7))]
    assert [domain.state for domain in found.domains] == ["blocked", "dying"]


def named(domain: Domain, name: bytes) -> Snapshot:
    """A last snapshot in which a domain has a name in xenstore."""
    names = Xenstore({(domain.domid, domain.uuid): name})
    return Snapshot(domains=Domains((domain,), "hypercall"), xenstore=names)


def test_a_name_is_remembered_when_xenstored_is_silent() -> None:
    """A domain keeps the name it was last known by, from pass to pass."""
    source = dom0(calls=xen([info(0), info(7)]))
    second = after(DOMAINS, source, named(read(source).domains[1], b"web"))
    silent = Pass(dataclasses.replace(second.snapshot, xenstore=None), second.memories)
    third = after(DOMAINS, source, failed(DOMAINS, silent))

    for known in (second, silent, third):
        assert known.snapshot.domains is not None
        assert [domain.name for domain in known.snapshot.domains.domains] == [None, b"web"]


def test_a_name_is_not_given_to_another_domain() -> None:
    """A new domain under an old domid does not inherit the name."""
    told = named(one(info(7)), b"web")
    found = read(dom0(calls=xen([info(7, generation=700)])), told)

    assert found.domains[0].name is None


@pytest.mark.parametrize(
    "calls",
    [
        {},
        {XEN_VERSION: versions((4, 99))},
        {**xen([info(0)], (4, 17)), XEN_VERSION: versions((4, 1))},
        {XEN_VERSION: versions((4, 17)), SYSCTL: refusing(errno.EPERM)},
        {XEN_VERSION: refusing(errno.EPERM)},
        xen([]),
    ],
    ids=["no privcmd", "new Xen", "other interface", "refused", "no version", "no domain"],
)
def test_where_xen_does_not_tell_xenstore_does(calls: dict[int, Handler]) -> None:
    """From xenstore come domids and UUIDs, and what it does not say is not known."""
    found = read(dom0(calls=calls, store=STORE))

    assert found.route == "xenstore"
    assert [(domain.domid, domain.uuid) for domain in found.domains] == [
        (0, str(handle(0))),
        (7, str(handle(7))),
        (12, ""),
    ]
    assert {domain.state for domain in found.domains} == {None}
    assert all(domain.alive for domain in found.domains)


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ({}, "/dev/xen/privcmd: No such file"),
        ({XEN_VERSION: versions((4, 99))}, "layout of Xen 4.99 on x86_64 is unknown"),
        ({XEN_VERSION: refusing(errno.EPERM)}, "XENVER_version: Operation not permitted"),
        (
            {XEN_VERSION: versions((4, 17)), SYSCTL: refusing(errno.EACCES)},
            "rejected: Xen's sysctl interface version is not 0x15",
        ),
        (
            {XEN_VERSION: versions((4, 17)), SYSCTL: refusing(errno.EPERM)},
            "XEN_SYSCTL_getdomaininfolist: Operation not permitted",
        ),
        (
            {
                XEN_VERSION: versions((4, 17)),
                SYSCTL: repeating([info(domid) for domid in range(CHUNK)]),
            },
            "implausible: domid 0, but the next one must be 256 or higher",
        ),
        (xen([]), "listed no domains, not even dom0"),
    ],
)
def test_what_both_roads_lack_is_named(calls: dict[int, Handler], reason: str) -> None:
    """When xenstore does not answer either, the failure names both reasons."""
    detail = failure_of(DOMAINS, dom0(calls=calls, store=None))

    assert reason in detail
    assert "fallback xenstored: timed out after 2 s" in detail


def test_why_xen_was_not_believed_is_told() -> None:
    """With the domains of xenstore comes the reason why they are not those of Xen."""
    source = dom0(calls={XEN_VERSION: versions((4, 99))}, store=STORE)

    outcome = after(DOMAINS, source).snapshot.outcomes["domains"]

    assert outcome.status is Status.OK
    assert outcome.detail == "sysctl: layout of Xen 4.99 on x86_64 is unknown"


@pytest.mark.parametrize("machine", ["riscv64", "ppc64le", "", "x86_64h"])
def test_on_an_unknown_architecture_xen_is_not_asked(machine: str) -> None:
    """The records of an architecture nobody described are not read in the layout of another."""
    source = dom0(calls=xen([info(0), info(7)]), store=STORE, machine=machine)
    found = read(source)

    assert found.route == "xenstore"
    assert found.fallback == f"sysctl: layout of Xen 4.17 on {machine} is unknown"
    assert SYSCTL not in source.asked


@pytest.mark.parametrize("machine", ["x86_64", "i686"])
def test_a_32_bit_dom0_of_x86_has_the_records_of_64_bits(machine: str) -> None:
    """Xen's records on x86 are the same for dom0 of either size."""
    found = read(dom0(calls=xen([info(0), info(7)]), machine=machine))

    assert [domain.domid for domain in found.domains] == [0, 7]
    assert {domain.type for domain in found.domains} == {"pv"}


def test_a_domain_larger_than_the_host_is_not_believed() -> None:
    """No domain has more memory than Xen; a domain may have all of it, and a higher max."""
    domains = [info(0), info(7, max_pages=1 << 30)]
    source = dom0(calls=xen(domains), store=STORE)

    def on(total: int) -> str:
        return read(source, Snapshot(host_memory=HostMemory(total, 0, {}))).fallback

    assert on(1 << 30) == ""
    assert "implausible: domain 0 has 1073741824 bytes" in on((1 << 30) - 4096)


def test_an_empty_xenstore_is_no_reading() -> None:
    """dom0 is always there: a list without it is a failure, not a host without domains."""
    assert "xenstore /local/domain: listed no domains" in failure_of(DOMAINS, dom0())


Ask = Callable[[int, bytes], XenstoreReply]


class Parts(FakeHost):
    """A xenstored whose directory has to be asked for in parts."""

    def answer(self, ask: Ask) -> FakeHost:
        """This host with these answers."""
        self.ask = ask
        return self

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """A refusal of the whole, and the parts."""
        if op == xenstore.DIRECTORY:
            return refusal_reply("E2BIG")
        self.asked.append(payload)
        return self.ask(op, payload)


def serve(names: bytes, size: int, generation: Callable[[], int]) -> Ask:
    """The parts of a directory in pieces of whole names of up to `size` bytes."""

    def ask(op: int, payload: bytes) -> XenstoreReply:
        assert op == xenstore.DIRECTORY_PART
        path, offset, rest = payload.split(b"\0")
        assert (path, rest) == (b"/local/domain", b"")
        left = names[int(offset) :]
        piece = left if len(left) <= size else left[: left.rindex(b"\0", 0, size) + 1]
        end = b"\0" if len(piece) == len(left) else b""
        return XenstoreReply(op, b"%d\0" % generation() + piece + end)

    return ask


ALL = tuple(str(domid) for domid in range(2000))
NAMES = "".join(f"{name}\0" for name in ALL).encode()


@pytest.mark.parametrize("size", [10, 4000, 1 << 20])
def test_a_large_directory_comes_in_parts(size: int) -> None:
    """A directory over 4 KiB is put together from its parts, each name once."""
    source = Parts().answer(serve(NAMES, size, lambda: 5))

    assert xenstore_directory(source, "/local/domain") == ALL


@pytest.mark.parametrize("names", [b"", b"0\0"])
def test_a_directory_that_has_become_small_comes_in_parts(names: bytes) -> None:
    """A directory that shrank since it was refused is read as what it is now."""
    found = xenstore_directory(Parts().answer(serve(names, 4000, lambda: 5)), "/local/domain")

    assert found == (("0",) if names else ())


def test_a_directory_that_changes_is_begun_again() -> None:
    """Parts of two generations are never put together."""
    generations = iter([5, 5, 6, 6])
    source = Parts().answer(serve(NAMES, 4000, lambda: next(generations, 6)))

    assert xenstore_directory(source, "/local/domain") == ALL
    offsets = [int(payload.split(b"\0")[1]) for payload in source.asked]
    assert offsets.count(0) == 2


def test_a_directory_that_always_changes_is_given_up() -> None:
    """A directory that changes before every part is an error and no endless loop."""
    generations = iter(range(10**9))
    source = Parts().answer(serve(NAMES, 4000, lambda: next(generations)))
    with pytest.raises(SourceError, match="/local/domain: kept changing while it was read"):
        xenstore_directory(source, "/local/domain")


def test_parts_that_are_refused_are_an_error() -> None:
    """A xenstored that refuses the parts too is named with its reason."""
    source = Parts().answer(lambda op, payload: refusal_reply("ENOSYS"))
    with pytest.raises(SourceError, match="xenstore /local/domain: ENOSYS"):
        xenstore_directory(source, "/local/domain")


def test_a_refusal_is_an_error_and_a_missing_directory_is_empty() -> None:
    """A path that is not there has no names; one that may not be read is an error."""
    assert xenstore_directory(dom0(), "/local/domain") == ()
    with pytest.raises(SourceError, match="timed out"):
        xenstore_directory(dom0(errors={"/local/domain": SILENT}), "/local/domain")


def test_the_call_is_given_room_for_what_it_asks() -> None:
    """Xen is never told of more room for records than the block has."""
    blocks: list[Hypercall] = []

    def answer(call: Hypercall) -> HypercallReply:
        blocks.append(call)
        return HypercallReply(0, render_list(X86_LAYOUTS[4, 17], call.block, [info(0)]))

    calls: dict[int, Any] = {XEN_VERSION: versions((4, 17)), SYSCTL: answer}
    read(dom0(calls=calls))

    assert len(blocks[0].block) == 136 + CHUNK * X86_LAYOUTS[4, 17].size
    assert blocks[0].links == ((16, 136),)
