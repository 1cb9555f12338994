"""What dom0's kernel does when memory runs out."""

from __future__ import annotations

import errno

from tests.captures import LAB
from tests.probes.support import FakeHost, Files, after, denied, failure_of
from xenwatch.model.render.kernel_log import kill_line, render_kmsg
from xenwatch.parse.oom import Kill
from xenwatch.probes.base import Pass
from xenwatch.probes.memory_pressure import KMSG, MEMORY_PRESSURE, PRESSURE, VMSTAT
from xenwatch.readings.memory_pressure import MemoryPressure, Stalled
from xenwatch.sources.base import SourceError

PSI = (
    b"some avg10=0.00 avg60=1.00 avg300=12.50 total=2500000\n"
    b"full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
)


def host(seconds: float, kills: int = 0, pages: int = 0, files: Files | None = None) -> FakeHost:
    """A kernel so many seconds after its boot, with these counters."""
    counters = (
        f"nr_free_pages 9\npswpin {pages}\npswpout 7\nallocstall_dma 1\nallocstall_normal 4\n"
    )
    return FakeHost(
        files={
            VMSTAT: f"{counters}oom_kill {kills}\n".encode(),
            "/proc/uptime": f"{seconds:.2f} 0.00\n".encode(),
            **(files or {}),
        }
    )


def reading(known: Pass) -> MemoryPressure:
    """What the probe read."""
    assert known.snapshot.memory_pressure is not None
    return known.snapshot.memory_pressure


def log(*kills: Kill) -> Files:
    """A kernel log with these kills."""
    return {KMSG: render_kmsg(map(kill_line, kills))}


def test_counters_are_the_kernels() -> None:
    """Stalls of all zones are one number; what the kernel does not tell is unknown."""
    found = reading(after(MEMORY_PRESSURE, host(100, pages=3)))

    assert (found.oom_kills, found.stalls, found.swap_ins, found.swap_outs) == (0, 5, 3, 7)
    assert (found.swap_in_rate, found.stalled, found.free_blocks) == (None, {}, {})
    assert found.largest_free_order is None


def test_an_old_kernel_counts_no_kills() -> None:
    """Linux before 4.13 does not count kills, and has one counter of stalls."""
    source = host(100, files={VMSTAT: b"pswpin 1\npswpout 2\nallocstall 9\n"})
    found = reading(after(MEMORY_PRESSURE, source))

    assert (found.oom_kills, found.stalls, dict(found.recent_kills)) == (None, 9, {})


def test_a_real_hosts_counters() -> None:
    """A captured host has all counters, and had no want of memory."""
    data = (LAB / "5-guests/proc/vmstat").read_bytes()
    found = reading(after(MEMORY_PRESSURE, host(100, files={VMSTAT: data})))

    assert (found.oom_kills, found.stalls, found.swap_ins, found.swap_outs) == (0, 0, 0, 0)


def test_a_kill_is_told_with_its_victim() -> None:
    """The role of a daemon that was killed comes from the kernel log, read once it happened."""
    first = after(MEMORY_PRESSURE, host(100))
    source = host(110, kills=1, files=log(Kill(105.0, "oxenstored")))
    second = after(MEMORY_PRESSURE, source, first)
    third_source = host(120, kills=1)
    third = after(MEMORY_PRESSURE, third_source, second)

    assert dict(reading(second).recent_kills) == {"xenstored": 1}
    assert dict(reading(third).recent_kills) == {"xenstored": 1}
    assert KMSG not in third_source.asked


def test_a_kill_is_recent_for_an_hour() -> None:
    """After an hour a kill is only in the counter."""
    known = after(MEMORY_PRESSURE, host(100))
    known = after(MEMORY_PRESSURE, host(110, kills=1, files=log(Kill(105.0, "xapi"))), known)
    later = reading(after(MEMORY_PRESSURE, host(3706, kills=1), known))

    assert (later.oom_kills, dict(later.recent_kills)) == (1, {})


def test_a_kill_that_no_record_names_has_an_unknown_victim() -> None:
    """Without a kernel log a kill is told all the same; nobody is named."""
    known = after(MEMORY_PRESSURE, host(100))
    source = host(110, kills=2, files=log(Kill(105.0, "tar")))
    assert dict(reading(after(MEMORY_PRESSURE, source, known)).recent_kills) == {
        "tar": 1,
        "unknown": 1,
    }
    source = host(110, kills=1)
    source.errors = {KMSG: denied(KMSG)}
    assert dict(reading(after(MEMORY_PRESSURE, source, known)).recent_kills) == {"unknown": 1}


def test_kills_before_the_first_reading_are_those_of_the_log() -> None:
    """When xenwatch itself was killed and started again, it knows the kills of the last hour."""
    files = log(Kill(50.0, "tar"), Kill(9000.0, "xenwatch"))

    found = reading(after(MEMORY_PRESSURE, host(9100, kills=4, files=files)))

    assert dict(found.recent_kills) == {"xenwatch": 1}


def test_the_rate_of_swapping_is_of_the_last_minutes() -> None:
    """Pages read back are counted over five minutes, and begin anew after a reboot."""
    known = Pass()
    for number in range(100):
        known = after(MEMORY_PRESSURE, host(1000 + 10 * number, pages=1000 * number), known)
    assert reading(known).swap_in_rate == 100
    for number in range(40):
        known = after(MEMORY_PRESSURE, host(2000 + 10 * number, pages=99000), known)
    assert reading(known).swap_in_rate == 0
    assert reading(after(MEMORY_PRESSURE, host(30, pages=5), known)).swap_in_rate is None


def test_time_waited_for_memory_is_by_kind() -> None:
    """The average of five minutes is a ratio, the total is in seconds."""
    found = reading(after(MEMORY_PRESSURE, host(100, files={PRESSURE: PSI})))

    assert found.stalled == {"some": Stalled(0.125, 2.5), "full": Stalled(0.0, 0.0)}


def test_a_kernel_that_does_not_account_pressure_has_none() -> None:
    """Booted with psi=0 the file is there and cannot be read: nothing is known of waiting."""
    source = host(100)
    source.errors = {PRESSURE: SourceError(PRESSURE, "not supported", errno.EOPNOTSUPP)}

    assert reading(after(MEMORY_PRESSURE, source)).stalled == {}
    source.errors = {PRESSURE: denied(PRESSURE)}
    assert PRESSURE in failure_of(MEMORY_PRESSURE, source)


def test_large_free_blocks_are_of_zones_the_kernel_uses() -> None:
    """Blocks of DMA and of high memory are no help to the kernel's own allocations."""
    table = (
        b"Node 0, zone      DMA      0      0      0      0      0      1 \n"
        b"Node 0, zone   Normal    900     20      3      0      0      0 \n"
        b"Node 0, zone  HighMem      1      1      1      1      1      1 \n"
    )
    found = reading(after(MEMORY_PRESSURE, host(100, files={"/proc/buddyinfo": table})))

    assert found.largest_free_order == 2
    assert found.free_blocks[0, "Normal", 1] == 20


def test_no_free_block_is_told_as_none() -> None:
    """A zone without a free page has a largest block of order -1."""
    table = b"Node 0, zone   Normal      0      0 \n"
    found = reading(after(MEMORY_PRESSURE, host(100, files={"/proc/buddyinfo": table})))

    assert found.largest_free_order == -1
