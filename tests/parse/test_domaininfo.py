"""Layouts of getdomaininfolist by architecture and version, and answers that cannot be meant."""

from __future__ import annotations

import struct
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.domaininfo import render_list
from xenwatch.parse.domaininfo import (
    ARM_LAYOUTS,
    FIRST_RESERVED,
    HEADER_SIZE,
    X86_LAYOUTS,
    DomainInfo,
    Layout,
    implausible,
    layout_of,
    list_call,
    parse_list,
)
from xenwatch.parse.errors import ParseError

HOST_PAGES = 1 << 24
"""64 GiB."""
LAYOUTS = (*X86_LAYOUTS.values(), *ARM_LAYOUTS.values())


def domain(
    domid: int,
    pages: int = 1 << 18,
    max_pages: int = 1 << 18,
    online_vcpus: int = 2,
    max_vcpu_id: int = 3,
) -> DomainInfo:
    """A domain as any of a host."""
    handle = uuid.uuid5(uuid.NAMESPACE_OID, f"{domid}").bytes
    numbers = (pages, max_pages, 10**10, online_vcpus, max_vcpu_id)
    return DomainInfo(domid, 0xFFFF0010, *numbers, handle, None)


def doubt(layout: Layout, domains: list[DomainInfo], pages: int | None = HOST_PAGES) -> str | None:
    """What speaks against an answer with these domains to a question about the first 256."""
    block = render_list(layout, list_call(layout, 0, 256).block, domains)
    return implausible(layout, block, parse_list(layout, block), pages)


@pytest.mark.parametrize(
    ("machine", "version", "size"),
    [
        ("x86_64", (4, 1), 80),
        ("x86_64", (4, 2), 88),
        ("x86_64", (4, 10), 96),
        ("x86_64", (4, 11), 104),
        ("x86_64", (4, 17), 112),
        ("i686", (4, 17), 112),
        ("x86_64", (4, 22), 112),
        ("aarch64", (4, 4), 96),
        ("aarch64", (4, 11), 112),
        ("aarch64", (4, 15), 112),
        ("aarch64", (4, 16), 120),
        ("aarch64", (4, 17), 120),
        ("armv7l", (4, 17), 120),
        ("aarch64", (4, 20), 120),
        ("aarch64", (4, 21), 120),
        ("aarch64", (4, 22), 120),
    ],
)
def test_the_size_of_a_record(machine: str, version: tuple[int, int], size: int) -> None:
    """A record has the size that a compiler gives the structure of that release there."""
    layout = layout_of(machine, version)

    assert layout is not None
    assert layout.size == size


@pytest.mark.parametrize(
    ("machine", "version"),
    [("x86_64", (4, 23)), ("aarch64", (4, 3)), ("aarch64", (4, 23)), ("riscv64", (4, 20))],
)
def test_no_layout_is_guessed(machine: str, version: tuple[int, int]) -> None:
    """Neither a version nor an architecture is read as its neighbour."""
    assert layout_of(machine, version) is None


@pytest.mark.parametrize("flags", [0, 2, 0x122])
def test_every_domain_on_arm_is_pvh(flags: int) -> None:
    """Arm has one kind of domain, whatever stands where x86 has its emulated devices."""
    layout = ARM_LAYOUTS[4, 20]
    block = bytearray(render_list(layout, list_call(layout, 0, 1).block, [domain(0)]))
    block[HEADER_SIZE + 4 : HEADER_SIZE + 8] = struct.pack("<I", flags)
    block[HEADER_SIZE + layout.arch_offset] = 2  # gic_version

    assert parse_list(layout, bytes(block))[0].type == "pvh"


@pytest.mark.parametrize("pages", [None, HOST_PAGES])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_host_is_plausible(layout: Layout, pages: int | None) -> None:
    """dom0 without a max, a full host, a domain being built and one of 0 pages are no signs."""
    domains = [
        domain(0, max_pages=0xFFFFFFFF),
        domain(3, HOST_PAGES),
        domain(4, 0, online_vcpus=0, max_vcpu_id=0xFFFFFFFF),
        domain(FIRST_RESERVED - 1, 5, max_pages=1),
    ]

    assert doubt(layout, domains, pages) is None


@pytest.mark.parametrize(
    ("domains", "reason"),
    [
        ([domain(0), domain(0)], "domid 0, but the next one must be 1 or higher"),
        ([domain(0), domain(9), domain(4)], "domid 4, but the next one must be 10 or higher"),
        ([domain(0), domain(48589)], "domid 48589, but ids end at 32751"),
        ([domain(0), domain(FIRST_RESERVED)], "domid 32752, but ids end at 32751"),
        ([domain(0, HOST_PAGES + 1)], "domain 0 has 68719480832 bytes of at most"),
        ([domain(0, max_pages=1 << 32)], "domain 0 has 1073741824 bytes of at most 17592186044416"),
        ([domain(0), domain(2, online_vcpus=5)], "domain 2 has 5 vCPUs of 4"),
        ([domain(0), domain(2, max_vcpu_id=8192)], "domain 2 has 2 vCPUs of 8193"),
        ([domain(0), domain(2, max_vcpu_id=0xFFFFFFFF)], "domain 2 has 2 vCPUs of 0"),
        ([domain(number) for number in range(257)], "257 domains, but 256 were asked for"),
    ],
)
def test_what_xen_cannot_have_meant(domains: list[DomainInfo], reason: str) -> None:
    """Each sign is named with its number."""
    layout = X86_LAYOUTS[4, 17]
    block = render_list(layout, list_call(layout, 0, 256).block, domains)

    assert reason in (implausible(layout, block, parse_list(layout, block), HOST_PAGES) or "")


def test_domids_begin_where_they_were_asked_for() -> None:
    """A second chunk that is the first again is no list."""
    layout = X86_LAYOUTS[4, 17]
    block = render_list(layout, list_call(layout, 7, 256).block, [domain(6)])

    reason = implausible(layout, block, parse_list(layout, block), None)

    assert reason == "domid 6, but the next one must be 7 or higher"


def test_without_the_hosts_memory_a_page_count_still_has_32_bits() -> None:
    """Xen counts a domain's pages in 32 bits."""
    layout = X86_LAYOUTS[4, 17]

    assert doubt(layout, [domain(0, 0xFFFFFFFF)], None) is None
    assert "domain 0 has" in (doubt(layout, [domain(0, 1 << 32)], None) or "")


SIZES = {layout.size: layout for layout in LAYOUTS}
WRONG = [
    pytest.param(meant, read, id=f"{meant.size} as {read.size}")
    for meant in SIZES.values()
    for read in SIZES.values()
    if meant is not read
]
guests = st.lists(
    st.builds(
        domain,
        st.integers(1, FIRST_RESERVED - 1),
        st.integers(1 << 12, 1 << 22),
        online_vcpus=st.integers(1, 4),
    ),
    min_size=2,
    max_size=40,
    unique_by=lambda guest: guest.domid,
)


@pytest.mark.parametrize(("meant", "read"), WRONG)
@settings(deadline=None, max_examples=50)
@given(guests)
def test_records_of_another_size_are_refused(
    meant: Layout, read: Layout, found: list[DomainInfo]
) -> None:
    """With two guests or more no answer passes for one of shorter or longer records."""
    domains = [domain(0), *sorted(found, key=lambda guest: guest.domid)]
    block = render_list(meant, list_call(meant, 0, 256).block, domains)
    if len(block) < HEADER_SIZE + read.size * len(domains):
        return

    assert implausible(read, block, parse_list(read, block), HOST_PAGES) is not None


@settings(deadline=None)
@given(st.sampled_from(LAYOUTS), st.data())
def test_garbage_is_no_list_of_domains(layout: Layout, data: st.DataObject) -> None:
    """Bytes of any kind are refused or hold to every rule: none raises anything else."""
    count = data.draw(st.integers(2, 6))
    records = data.draw(st.binary(min_size=layout.size * count, max_size=layout.size * count))
    call = list_call(layout, 0, 256).block
    block = call[:24] + struct.pack("<I", count) + call[28:HEADER_SIZE] + records
    infos = parse_list(layout, block)

    if implausible(layout, block, infos, HOST_PAGES) is None:
        domids = [info.domid for info in infos]
        assert domids == sorted(set(domids))
        assert domids[-1] < FIRST_RESERVED
        assert max(info.tot_pages for info in infos) <= HOST_PAGES


@given(st.sampled_from(LAYOUTS), st.binary(max_size=HEADER_SIZE + 79))
def test_an_answer_cut_short_is_refused(layout: Layout, block: bytes) -> None:
    """A record that is not all there is no domain."""
    cut = block[:24] + struct.pack("<I", 1) + block[28:]
    with pytest.raises(ParseError, match="getdomaininfolist"):
        parse_list(layout, cut)
