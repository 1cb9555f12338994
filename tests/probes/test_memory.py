"""dom0's memory on kernels of all ages."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.captures import CAPTURES, LAB
from tests.probes.support import FakeHost, Files, after, failure_of, value_of
from xenwatch.limits.states import Severity, assess
from xenwatch.model.render.zoneinfo import render_zoneinfo
from xenwatch.parse.zoneinfo import Zone
from xenwatch.probes.memory import BALLOON, MEMINFO, MEMORY
from xenwatch.readings.memory import Memory

OLD = b"""MemTotal:         769024 kB
MemFree:          103040 kB
HighTotal:         40960 kB
HighFree:           1024 kB
LowTotal:         728064 kB
LowFree:          102016 kB
SwapTotal:        524280 kB
SwapFree:         524280 kB
Slab:              61000 kB
"""
KIB = 1024


def read(meminfo: bytes, files: Files | None = None) -> Memory:
    """What the probe reads."""
    found: Memory = value_of(MEMORY, FakeHost(files={MEMINFO: meminfo, **(files or {})}))
    return found


def test_a_32_bit_dom0_has_low_memory_and_no_estimate() -> None:
    """XenServer 6's kernel tells low memory and does not know what is available."""
    assert read(OLD) == Memory(
        total=769024 * KIB,
        available=None,
        free=103040 * KIB,
        low_total=728064 * KIB,
        low_free=102016 * KIB,
        low_usable=None,
        swap_total=524280 * KIB,
        swap_free=524280 * KIB,
        slab=61000 * KIB,
        slab_unreclaimable=None,
        balloon_target=None,
        balloon_current=None,
    )


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_a_real_dom0_has_an_estimate_and_no_low_memory(capture: Path) -> None:
    """A kernel of today tells what is available, and its parts add up."""
    found = read((capture / "proc/meminfo").read_bytes())

    assert (found.low_total, found.low_free) == (None, None)
    assert found.available is not None
    assert 0 < found.available < found.total
    assert found.slab is not None
    assert found.slab_unreclaimable is not None
    assert 0 < found.slab_unreclaimable < found.slab < found.total


def test_the_balloon_counts_kibibytes() -> None:
    """Target and present size of the balloon are read in KiB and told in bytes."""
    files = {f"{BALLOON}/target_kb": b"4194304\n", f"{BALLOON}/info/current_kb": b"4000000\n"}
    found = read((LAB / "5-guests/proc/meminfo").read_bytes(), files)

    assert (found.balloon_target, found.balloon_current) == (4 << 30, 4000000 * KIB)


def test_a_kernel_without_swap_costs_no_other_reading() -> None:
    """Without the rows of swap, swap is unknown and everything else is read."""
    rows = [line for line in OLD.splitlines(True) if not line.startswith(b"Swap")]

    found = read(b"".join(rows))

    assert (found.swap_total, found.swap_free) == (None, None)
    assert found == dataclasses.replace(read(OLD), swap_total=None, swap_free=None)


REPORTED = (
    Zone(0, "DMA", 708, 19, 23, 28, (0, 698, 2016, 2016)),
    Zone(0, "Normal", 45009, 835, 1043, 1252, (0, 0, 10540, 10540)),
    Zone(0, "HighMem", 207288, 128, 533, 939, (0, 0, 0, 0)),
)
"""The zones of a XenServer 6.1 in which the OOM killer ran, in pages (serverfault.com, 526375)."""
REPORTED_MEMINFO = b"""MemTotal:        2015684 kB
MemFree:         1012020 kB
HighTotal:       1306188 kB
HighFree:         829152 kB
LowTotal:         709496 kB
LowFree:          182868 kB
Slab:             408436 kB
SUnreclaim:       393304 kB
"""


def test_low_memory_is_what_the_kernel_can_have_of_its_zones() -> None:
    """DMA below its reserve counts as nothing, Normal without its high watermark."""
    found = read(REPORTED_MEMINFO, {"/proc/zoneinfo": render_zoneinfo(REPORTED)})

    assert found.low_usable == (45009 - 1252) * 4 * KIB


def test_the_host_of_the_oom_report_is_not_ok() -> None:
    """The state in which the OOM killer ran on a XenServer 6.1 is a warning: 75 % is used."""
    source = FakeHost(
        files={MEMINFO: REPORTED_MEMINFO, "/proc/zoneinfo": render_zoneinfo(REPORTED)}
    )

    snapshot = after(MEMORY, source).snapshot
    (state,) = [state for state in assess(snapshot) if state.limit.name == "dom0_low_memory"]

    assert state.ratio == pytest.approx(0.753, abs=0.001)
    assert state.severity is Severity.WARNING


def test_zones_are_read_of_kernels_with_high_memory_alone() -> None:
    """A 64-bit dom0 does not read a file that grows with its CPUs."""
    source = FakeHost(files={MEMINFO: (LAB / "5-guests/proc/meminfo").read_bytes()})

    after(MEMORY, source)

    assert "/proc/zoneinfo" not in source.asked


def test_zones_without_the_normal_one_are_refused() -> None:
    """What is kept from the kernel is by the index of zone Normal."""
    files = {MEMINFO: OLD, "/proc/zoneinfo": render_zoneinfo(REPORTED[:1])}

    assert failure_of(MEMORY, FakeHost(files=files)) == "/proc/zoneinfo: zone Normal is missing"


@pytest.mark.parametrize("name", [b"MemTotal", b"MemFree"])
def test_a_row_that_every_kernel_has_is_needed(name: bytes) -> None:
    """Without a row that cannot be missing the file is refused, and the row is named."""
    lines = [line for line in OLD.splitlines(True) if not line.startswith(name + b":")]

    assert failure_of(MEMORY, FakeHost(files={MEMINFO: b"".join(lines)})) == (
        f"/proc/meminfo: row {name.decode()} is missing"
    )


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"MemTotal: lots\n"])
def test_nonsense_is_refused(data: bytes) -> None:
    """What is not the kernel's table is a failure that names the file."""
    assert failure_of(MEMORY, FakeHost(files={MEMINFO: data})).startswith("/proc/meminfo: ")
