"""Xen on arm64: a capture with its records, and what a real host showed."""

from __future__ import annotations

import dataclasses
import re
import struct
from pathlib import Path

import pytest

from tests.probes.support import FakeHost, dom0, value_of
from xenwatch.limits.event_channels import LIMIT
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.presets import debian_12
from xenwatch.model.render.interrupts import render_interrupts
from xenwatch.model.source import ModelSource
from xenwatch.parse.domaininfo import (
    ARM_LAYOUTS,
    HEADER_SIZE,
    X86_LAYOUTS,
    DomainInfo,
    implausible,
    list_call,
    parse_list,
)
from xenwatch.parse.interrupts import parse_interrupts
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.probes.host import HOST, KERNEL_LOG
from xenwatch.probes.kernel import INTERRUPTS, IRQ_DIRECTORY, IRQS
from xenwatch.readings.event_channels import EventChannels, Irqs
from xenwatch.readings.host import Host
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.tree import TreeSource

HOSTS = Path(__file__).parent / "hosts"
CASE = HOSTS / "arm64-domaininfo"
REAL = HOSTS / "lab-debian-12-xen-4.17-arm64"
MIB = 1 << 20
LAYOUT = ARM_LAYOUTS[4, 17]
_RECORD = re.compile(
    r"domid (\d+) flags (\S+) tot (\d+) max (\d+) cpu_time (\d+) vcpus (\d+) (\d+) tail (\S+)"
)
_ROW = re.compile(r"^\S+ +(\d+) +(\d+) +(\d+) ", re.MULTILINE)


def case() -> Snapshot:
    """What is read in the capture."""
    return take(TreeSource(CASE), PROBES).snapshot


def test_the_domains_of_the_capture() -> None:
    """Eleven domains, none dying, with the memory that `xl list` showed; all are pvh."""
    found = case()

    assert found.domains is not None
    assert found.outcomes["domains"].status is Status.OK
    assert found.domains.route == "hypercall"
    told = [
        (domain.domid, (domain.memory_bytes or 0) // MIB, domain.name)
        for domain in found.domains.domains
    ]
    expected = [(0, 2048, "Domain-0"), *((number, 96, f"pv{number}") for number in range(1, 8))]
    expected += [(8, 160, "pvh1"), (9, 160, "pvh2"), (10, 192, "hvm1")]
    names = found.xenstore.names if found.xenstore is not None else {}
    assert [(domid, mib) for domid, mib, _ in told] == [(domid, mib) for domid, mib, _ in expected]
    assert {domid: name.decode() for (domid, _), name in names.items()} == {
        domid: name for domid, _, name in expected
    }
    assert all(domain.alive for domain in found.domains.domains)
    assert {domain.type for domain in found.domains.domains} == {"pvh"}


def test_the_rest_of_the_capture() -> None:
    """Grant frames of every domain and the host's memory have the records of any architecture."""
    found = case()

    assert found.grants is not None
    assert sorted(found.grants.frames) == list(range(11))
    assert found.host_memory is not None
    assert found.host_memory.total // MIB == 6143


def real_block() -> bytes:
    """The answer of the real host, of what was kept of it: fields, and the end of each record."""
    lines = _RECORD.findall((REAL / "getdomaininfolist").read_text())
    records = b""
    for domid, flags, tot, most, time, online, highest, tail in lines:
        end = bytes.fromhex(tail)
        record = struct.pack("<HxxIQQ", int(domid), int(flags, 16), int(tot), int(most))
        record = record.ljust(56, b"\0") + struct.pack("<QII", int(time), int(online), int(highest))
        records += record.ljust(120 - len(end), b"\0") + end
    header = bytearray(list_call(LAYOUT, 0, 256).block[:HEADER_SIZE])
    struct.pack_into("<I", header, 24, len(lines))
    return bytes(header) + records


def test_the_records_of_the_real_host() -> None:
    """Domids, memory and vCPUs are those of `xl list` at the same time."""
    infos = parse_list(LAYOUT, real_block())
    listed = _ROW.findall((REAL / "xl-list-2-level").read_text())

    assert implausible(LAYOUT, real_block(), infos, 4096 * MIB // 4096) is None
    assert [(info.domid, info.tot_pages * 4096 // MIB, info.online_vcpus) for info in infos] == [
        tuple(map(int, row)) for row in listed
    ]
    assert {info.type for info in infos} == {"pvh"}


def test_the_records_of_the_real_host_are_not_those_of_x86() -> None:
    """Read in records of 112 bytes they had the domids 0, 0, 0 and 44."""
    infos = parse_list(X86_LAYOUTS[4, 17], real_block())

    assert [info.domid for info in infos] == [0, 0, 0, 44]
    assert implausible(X86_LAYOUTS[4, 17], real_block(), infos, None) is not None


def real(log: str) -> FakeHost:
    """The real host as it was booted, as far as it was kept."""
    lines = (REAL / log).read_bytes()
    numbers = [line.split()[0] for line in (REAL / "sys-kernel-irq").read_text().splitlines()]
    version = {"major": b"4\n", "minor": b"17\n", "extra": b".7\n"}
    files = {f"/sys/hypervisor/version/{part}": text for part, text in version.items()}
    return dom0(
        {**files, KERNEL_LOG: lines},
        directories={IRQ_DIRECTORY: tuple(numbers)},
        kernel="6.1.0-56-arm64",
        machine="aarch64",
    )


@pytest.mark.parametrize(
    ("log", "name", "most"), [("dmesg", "fifo", 131071), ("dmesg-2-level", "2-level-64", 4095)]
)
def test_the_event_channels_of_the_real_host(log: str, name: str, most: int) -> None:
    """The 2-level ABI ended at 4,095 channels there, not at the 1,023 of a 32-bit dom0 of x86."""
    host: Host = value_of(HOST, real(log))
    bound = "used=4095" in (REAL / "evtchn-2-level").read_text()
    used = EventChannels({"unbound": 4095}, {}, 4096, 4095, "hypercall")

    assert bound
    assert host.abi is not None
    assert host.abi.name == name
    assert LIMIT.max(Snapshot(host=host, event_channels=used))[""].value == most


def test_the_interrupts_of_the_real_host() -> None:
    """sysfs has each of its 27 descriptors; the table has those alone that are used."""
    source = real("dmesg")
    table = (REAL / "interrupts").read_bytes()

    assert value_of(IRQS, source) == Irqs(27)
    without = FakeHost(files={INTERRUPTS: table}, kernel="4.8.0", machine="aarch64")
    assert value_of(IRQS, without) == Irqs(16)


def test_the_table_of_interrupts_survives_parser_and_renderer() -> None:
    """Rows of inter-processor interrupts and of the GIC are the same bytes again."""
    data = (REAL / "interrupts").read_bytes()

    assert render_interrupts(parse_interrupts(data)) == data


def test_a_synthetic_host_of_arm64() -> None:
    """The synthetic host answers as Xen on Arm does, by the machine its platform names."""
    there = Machine(dataclasses.replace(DEBIAN_12, machine="aarch64"))
    there.dom0.domains.update(debian_12().dom0.domains)

    found = take(ModelSource(there), PROBES).snapshot

    assert found.domains is not None
    assert found.domains.route == "hypercall"
    assert [domain.domid for domain in found.domains.domains] == sorted(there.dom0.domains)
    assert {domain.type for domain in found.domains.domains} == {"pvh"}


def test_what_follows_the_common_part_is_no_emulation() -> None:
    """Where x86 has emulated devices Arm has its interrupt controller, which is none of them."""
    infos = parse_list(LAYOUT, real_block())

    assert {info.emulation for info in infos} == {None}
    assert DomainInfo(1, 2, 0, 0, 0, 1, 0, bytes(16), 0x3FF, arm=True).type == "pvh"
