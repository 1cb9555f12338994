"""dom0's memory on kernels of all ages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import CAPTURES, LAB
from tests.probes.support import FakeHost, Files, failure_of, value_of
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


@pytest.mark.parametrize("name", [b"MemTotal", b"MemFree", b"SwapTotal", b"SwapFree"])
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
