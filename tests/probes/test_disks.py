"""Virtual disks: what blkback and tapdisk count, and what storage they are on."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures import CAPTURES
from tests.fake_clock import FakeClock, running, until
from tests.hosts import LabSource
from tests.probes.support import (
    BARE,
    SILENT,
    FakeHost,
    after,
    dom0,
    failure_of,
    outcome_of,
    value_of,
)
from xenwatch.model.devices import XVDA, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platform import REPOSITORY
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.render.block_stat import render_block_stat
from xenwatch.model.render.tapdisk import render_tapdisk
from xenwatch.model.render.text import render_uptime
from xenwatch.model.source import ModelSource
from xenwatch.parse.block_stat import BlockStat
from xenwatch.parse.errors import ParseError
from xenwatch.parse.tapdisk import TapdiskStats, parse_tapdisk
from xenwatch.passes.scheduler import Scheduler
from xenwatch.probes import PROBES
from xenwatch.probes.base import DOMAIN_SETTLED, Pass, Probe, take
from xenwatch.probes.disks import DISKS
from xenwatch.probes.storage import LOOPS
from xenwatch.readings.disks import Disks, Transfers, VirtualDisk
from xenwatch.readings.snapshot import Status

BUS = "/sys/bus/xen-backend/devices"
STATS = TapdiskStats(1, 2, 3, 40, 39, 800, 5_000_000, 700, 20, 19, 160, 2_500_000, 300, 0)
WORDS = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(st.builds(TapdiskStats, *[WORDS] * 14))
def test_a_page_of_statistics_survives(stats: TapdiskStats) -> None:
    """What tapdisk has written is read, with the rest of the page and without."""
    page = render_tapdisk(stats)

    assert len(page) == 4096
    assert parse_tapdisk(page) == parse_tapdisk(page[:112]) == stats


def test_the_words_are_where_tapdisk_has_them() -> None:
    """Out-of-requests is the third word, sectors read the sixth, written the eleventh."""
    page = b"".join(number.to_bytes(8, "little") for number in range(14))

    found = parse_tapdisk(page)

    assert (found.out_of_requests, found.read_sectors, found.read_us) == (2, 5, 6)
    assert (found.write_done, found.write_sectors, found.write_us) == (9, 10, 11)


def test_a_short_page_is_refused() -> None:
    """A page that is being made is no statistics."""
    with pytest.raises(ParseError):
        parse_tapdisk(bytes(111))


def host(store: dict[str, bytes] | None = None, files: dict[str, bytes] | None = None) -> FakeHost:
    """A dom0 with a disk of blkback's, one that is not connected, and one of a tapdisk's."""
    numbers = {"rd_req": 6, "rd_sect": 792, "wr_req": 2, "wr_sect": 16, "oo_req": 5}
    table = {f"{BUS}/vbd-1-51712/statistics/{name}": b"%d\n" % n for name, n in numbers.items()}
    table[f"{BUS}/vbd-1-51712/physical_device"] = b"fd:1f\n"
    table["/dev/shm/vbd3-3-51712/statistics"] = render_tapdisk(STATS)
    table["/sys/dev/block/253:31/stat"] = render_block_stat(BlockStat(90, 1))
    table["/proc/uptime"] = render_uptime(500, 900)
    names = ("console-1-0", "vbd-1-51712", "vbd-2-51712", "vbd3-3-51712", "vbd3-4-51712", "vif-1-0")
    return dom0(
        table | (files or {}),
        directories={BUS: names},
        targets={"/sys/dev/block/253:31": "../../devices/virtual/block/dm-31"},
        store={"/local/domain/0/backend/vbd3/3/51712/params": b"/dev/sm/backend/5e-1/v-2"}
        if store is None
        else store,
    )


def disks(source: FakeHost, before: Pass | None = None) -> dict[tuple[int, int], VirtualDisk]:
    """What the probe reads."""
    found = value_of(DISKS, source, before)
    assert isinstance(found, Disks)
    return dict(found.by_device)


def test_both_backends_are_read() -> None:
    """Sectors are bytes, times are seconds where they are kept; the unconnected are left out."""
    assert disks(host()) == {
        (1, 51712): VirtualDisk(
            *("blkback", "dm-31", Transfers(6, 792 * 512, None), Transfers(2, 16 * 512, None), 5),
            *(1, 0.0),
        ),
        (3, 51712): VirtualDisk(
            *("tapdisk", "5e-1", Transfers(39, 800 * 512, 5.0), Transfers(19, 160 * 512, 2.5), 3),
            *(2, 0.0),
        ),
    }


def test_of_a_disk_that_is_not_connected_its_storage_is_known() -> None:
    """Where a disk that fails to connect is, xapi has written before."""
    store = {"/local/domain/0/backend/vbd3/4/51712/params": b"/dev/sm/backend/5e-1/v-3"}

    found = value_of(DISKS, host(store))

    assert isinstance(found, Disks)
    assert found.unconnected == {(2, 51712): ("blkback", None), (4, 51712): ("tapdisk", "5e-1")}


def test_a_block_device_without_a_name_is_its_numbers() -> None:
    """Numbers are hexadecimal in the one place and decimal in the other."""
    source = host()
    source.targets = {}

    assert disks(source)[1, 51712].storage == "253:31"


def test_a_silent_xenstored_costs_the_storage_and_nothing_else() -> None:
    """The counters go on, and xenstored is asked once a pass until it answers."""
    source = host()
    asked: list[str] = []

    class Silent(FakeHost):
        def xenstore(self, op: int, payload: bytes) -> None:  # type: ignore[override]
            asked.append(payload.decode())
            raise SILENT

    silent = Silent(files=source.files, directories=source.directories, targets=source.targets)
    found = disks(silent)

    assert len(asked) == 1
    assert found[3, 51712].storage is None
    assert found[3, 51712].read.requests == 39


def test_a_moment_of_silence_mislabels_no_disk() -> None:
    """Without an answer of xenstored a disk's storage is unknown, and asked for in a later pass."""
    silent = host()
    silent.store = None
    first = after(DISKS, silent)

    assert first.snapshot.disks is not None
    assert first.snapshot.disks.by_device[1, 51712].storage is None
    params = {"/local/domain/0/backend/vbd/1/51712/params": b"/dev/sm/backend/5e-1/v-1"}
    assert disks(host(params), first)[1, 51712].storage == "5e-1"


def test_what_storage_a_disk_is_on_is_asked_once() -> None:
    """Later passes read counters alone."""
    first = after(DISKS, host())
    again = host(store={})

    found = disks(again, first)

    assert found[3, 51712].storage == "5e-1"
    assert "/local/domain/0/backend/vbd3/3/51712/params" not in again.asked


def test_a_disk_made_anew_has_its_own_storage() -> None:
    """Another file attached at the same device is another device on the bus, with its storage."""
    made = f"{BUS}/vbd-1-51712"
    first = host()
    first.stats = {made: b"71 1000\n"}
    known = after(DISKS, first)
    again = host(files={f"{BUS}/vbd-1-51712/physical_device": b"7:7\n"})
    again.targets = {"/sys/dev/block/7:7": "../../devices/virtual/block/loop7"}

    again.stats = first.stats
    assert disks(again, known)[1, 51712].storage == "dm-31"
    again.stats = {made: b"71 2000\n"}
    assert disks(again, known)[1, 51712].storage == "loop7"


def test_the_synthetic_host_attaches_another_storage() -> None:
    """A device that was removed and made again between two passes is read as it is now."""
    machine = Machine(PLATFORMS["debian-12"])
    domid = machine.start(b"web", Shape("pv"))
    source = ModelSource(machine)
    before = take(source, PROBES)
    bus_id = f"vbd-{domid}-{XVDA}"
    identity = source.stat(f"{BUS}/{bus_id}")

    state = machine.dom0.backends[bus_id]
    machine.dom0.end_backend(bus_id)
    machine.dom0.backend(bus_id, state)

    assert source.stat(f"{BUS}/{bus_id}") != identity
    after_it = take(source, PROBES, before=before)
    assert after_it.snapshot.disks == before.snapshot.disks


BOTH = ((1, 51712), (3, 51712))
COUNTERS = ("/sys/dev/block/253:31/stat", "/dev/shm/vbd3-3-51712/statistics")
"""Where requests in flight are read: of blkback's disk, and of the tapdisk's."""


def at(seconds: float, done: int, in_flight: int) -> FakeHost:
    """The dom0 at a time, each disk of which has completed so many more reads."""
    reads = STATS.read_done + done
    stats = dataclasses.replace(
        STATS, read_reqs=reads + in_flight, read_done=reads, write_done=STATS.write_reqs
    )
    contents = render_block_stat(BlockStat(done, in_flight)), render_tapdisk(stats)
    times = {"/proc/uptime": render_uptime(seconds, 0)}
    return host(files=times | dict(zip(COUNTERS, contents, strict=True)))


def stalled(*hosts: FakeHost) -> list[set[float | None]]:
    """For how long the disks are stalled, read one host after another."""
    known, found = Pass(), []
    for source in hosts:
        known = after(DISKS, source, known)
        assert known.snapshot.disks is not None
        disks_now = known.snapshot.disks.by_device
        found.append({disks_now[key].stalled_seconds for key in BOTH})
    return found


def test_requests_without_progress_are_stalled_since_the_last_one() -> None:
    """Seconds count from the last progress, whether more requests come or not, until the next."""
    course = (at(10, 5, 2), at(25, 5, 2), at(145, 5, 3), at(160, 6, 2), at(175, 6, 2))

    assert stalled(*course) == [{0.0}, {15.0}, {135.0}, {0.0}, {15.0}]


def test_an_idle_disk_is_never_stalled() -> None:
    """Without a request in flight no time without completions is a stall, nor part of one."""
    course = (at(10, 5, 0), at(1000, 5, 0), at(1015, 5, 1), at(1030, 5, 0), at(1045, 5, 0))

    assert stalled(*course) == [{0.0}, {0.0}, {15.0}, {0.0}, {0.0}]


@pytest.mark.parametrize("path", COUNTERS)
def test_disks_of_hung_storage_are_told_by_storage(path: str) -> None:
    """From two minutes on a stalled disk is one of those of its storage, and no other is."""
    late, well = at(135, 5, 1), at(135, 6, 1)
    late.files = {**well.files, path: late.files[path]}
    found = after(DISKS, late, after(DISKS, at(15, 5, 1))).snapshot.disks

    assert found is not None
    key, storage = ((1, 51712), "dm-31") if path.startswith("/sys") else ((3, 51712), "5e-1")
    assert found.stalled() == {storage: [key]}


def test_the_disk_that_waits_longest_comes_first() -> None:
    """Disks of one storage are in the order of their seconds, then of their domains."""
    seconds = {(9, 1): 300.0, (2, 1): 120.0, (1, 1): 119.9, (4, 1): 120.0, (5, 1): None}
    none = Transfers(0, 0, None)
    found = Disks({key: VirtualDisk("b", "s", none, none, 0, 1, s) for key, s in seconds.items()})

    assert found.stalled() == {"s": [(9, 1), (2, 1), (4, 1)]}


def test_counters_do_not_depend_on_the_time() -> None:
    """Without the uptime requests are counted, and whether they stall is unknown."""
    source = host()
    source.files = {path: data for path, data in source.files.items() if path != "/proc/uptime"}
    found = disks(source)

    assert {disk.in_flight for disk in found.values()} == {1, 2}
    assert {disk.stalled_seconds for disk in found.values()} == {None}


def test_a_block_device_that_is_not_counted_has_no_requests_in_flight() -> None:
    """Where the kernel shows no counters of the device, nothing is said of its progress."""
    source = host()
    source.files = {path: data for path, data in source.files.items() if path != COUNTERS[0]}
    found = disks(source)[1, 51712]

    assert (found.in_flight, found.stalled_seconds, found.read.requests) == (None, None, 6)


def test_a_statistic_that_is_no_number_is_a_failure() -> None:
    """Nonsense is not counted."""
    path = f"{BUS}/vbd-1-51712/statistics/rd_req"

    assert path in failure_of(DISKS, host(files={path: b"many\n"}))


def test_it_does_not_apply_without_xen() -> None:
    """A host that is no dom0 has no disks of domains."""
    assert outcome_of(DISKS, FakeHost(files=BARE)).status is Status.NOT_APPLICABLE


def test_a_real_hosts_disks() -> None:
    """Each guest of the captured host has read its partition table from its own loop device."""
    found = take(LabSource(CAPTURES[1]), PROBES).snapshot.disks
    assert found is not None

    assert {key: disk.storage for key, disk in found.by_device.items()} == {
        (domid, 51712): f"loop{domid - 1}" for domid in range(1, 6)
    }
    assert found.by_device[1, 51712].read == Transfers(6, 792 * 512, None)
    assert {disk.out_of_requests for disk in found.by_device.values()} == {0}


def test_the_synthetic_host_can_starve_a_disk() -> None:
    """A scenario says what a tapdisk counts; all disks under xapi share a repository."""
    machine = Machine(PLATFORMS["xcp-ng-8.3"])
    hungry, other = (machine.start(name, Shape("hvm")) for name in (b"hungry", b"other"))
    machine.dom0.io[f"vbd3-{hungry}-{XVDA}"] = STATS

    found = take(ModelSource(machine), PROBES).snapshot.disks

    assert found is not None
    assert found.by_device[hungry, XVDA].out_of_requests == 3
    assert found.by_device[other, XVDA].out_of_requests == 0
    assert {disk.storage for disk in found.by_device.values()} == {REPOSITORY}


@pytest.mark.parametrize("probe", [DISKS, LOOPS], ids=lambda probe: probe.name)
async def test_disks_of_a_domain_that_ended_are_read_at_once(probe: Probe) -> None:
    """When domains have settled the reading is taken anew, however long its interval."""
    clock = FakeClock()
    scheduler = Scheduler(host(), [dataclasses.replace(probe, interval=3600.0)], clock)
    async with running(scheduler.run()):
        await until(scheduler, lambda: probe.name in scheduler.snapshot.outcomes)
        first = scheduler.snapshot.outcomes[probe.name].instant
        scheduler.trigger(DOMAIN_SETTLED)
        await clock.advance(60)
        await until(scheduler, lambda: scheduler.snapshot.outcomes[probe.name].instant > first)
