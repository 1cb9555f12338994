"""Scenarios: what may be written, and that the same one always comes to the same host."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.limits.states import Severity, assess
from xenwatch.model import cpu
from xenwatch.model.cpu import Demand, divide
from xenwatch.model.player import Player
from xenwatch.model.scenario import Scenario, parse
from xenwatch.model.scenario_source import load, names
from xenwatch.model.source import ModelSource
from xenwatch.model.steps import Leak, Start
from xenwatch.planning.capacity import fit
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Snapshot

SMALL = """
title = "a few"
platform = "debian-12"
seed = 3
[host]
memory_gib = 4
[shapes.linux]
type = "pv"
[[steps]]
do = "start"
shape = "linux"
count = 6
together = 2
every = 10
jitter = 0.5
[[steps]]
do = "leak"
what = "event_channels"
at = 5
every = 2.5
[[steps]]
do = "load"
datapath = 0.5
[[steps]]
do = "stop"
at = 40
count = 2
every = 5
"""


def test_a_scenario_is_read() -> None:
    """Every table becomes what it says, with defaults for what it does not."""
    scenario = parse("small", SMALL)

    assert (scenario.name, scenario.title, scenario.speed) == ("small", "a few", 1.0)
    assert scenario.steps[0] == Start("linux", 0.0, 6, 10, 2, 0.5)
    assert scenario.steps[1] == Leak("event_channels", 5, 2.5, 1, None)
    assert (scenario.shapes["linux"].type, scenario.shapes["linux"].disks) == ("pv", 1)


def state(player: Player) -> object:
    """All that tells two hosts apart."""
    dom0 = player.machine.dom0
    return (
        {
            domid: (domain.name, domain.state, domain.frames)
            for domid, domain in dom0.domains.items()
        },
        dom0.domain.channels.channels,
        {
            process.pid: (process.comm, process.cpu_ns, process.wait_ns)
            for process in dom0.processes.values()
        },
        dom0.store.values,
        player.errors,
    )


def played(scenario: Scenario, times: Iterable[float]) -> Player:
    """The scenario after it was taken on to each of the times."""
    player = Player(scenario)
    for time in times:
        player.advance(time)
    return player


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 60), max_size=8))
def test_the_same_time_is_the_same_host(times: list[float]) -> None:
    """In however many steps a scenario is taken to a time, it comes to the same host."""
    scenario = parse("small", SMALL)

    assert state(played(scenario, [*sorted(times), 60])) == state(played(scenario, [60]))


def test_another_seed_is_another_course() -> None:
    """What a scenario leaves to chance is told by its seed."""
    other = parse("small", SMALL.replace("seed = 3", "seed = 4"))

    assert state(played(other, [11])) != state(played(parse("small", SMALL), [11]))


ENDS = {
    "bad-night": (16800, 45, 0),
    "boot-storm": (2000, 0, 0),
    "channels-45000": (3600, 0, 1),
    "clock-unsynchronized": (40000, 10, 0),
    "control-path-dead": (1300, 10, 0),
    "control-path-slow": (700, 10, 0),
    "crash-loop": (1200, 10, 0),
    "datapath-overload": (120, 40, 0),
    "datapath-overload-without-slice": (120, 40, 0),
    "dom0-starved": (600, 20, 0),
    "driver-domain": (4000, 256, 1),
    "fill-linux-2-level": (4100, 813, 1),
    "fill-linux-6.1": (2400, 230, 1),
    "fill-linux-debian-12": (5200, 1023, 1),
    "fill-windows-6.1": (1600, 153, 1),
    "fill-windows-6.2": (5100, 500, 1),
    "fill-windows-8.3": (9000, 869, 1),
    "ha-statefile-lost": (600, 10, 0),
    "idle-windows-after-pulsar": (360, 20, 0),
    "idle-windows-before-pulsar": (360, 20, 0),
    "inodes-full": (12000, 10, 1),
    "kernel-tables-full": (2400, 10, 4),
    "leak-blktap-ids": (4300, 11, 1),
    "leak-dying-domains": (600, 20, 0),
    "leak-event-channels": (4500, 20, 1),
    "leak-grant-frames": (6000, 5, 1),
    "leak-xenopsd-fds": (4100, 10, 1),
    "leak-xenstored-fds": (6000, 20, 1),
    "linux-3000": (3000, 3000, 0),
    "log-full": (6000, 10, 1),
    "log-messages": (900, 10, 0),
    "memory-ends": (2400, 10, 0),
    "mini-os-3000": (3000, 3000, 0),
    "one-vm-starves-others": (120, 20, 0),
    "path-lost": (800, 20, 0),
    "certificate-expires": (120, 10, 0),
    "populate-on-demand": (400, 10, 0),
    "qemus-in-root": (1200, 1000, 0),
    "storage-full": (1400, 10, 1),
    "storage-hung": (300, 20, 0),
    "thin-pool-full": (900, 10, 1),
    "uplink-lost": (300, 20, 0),
    "vif-unattached": (300, 20, 0),
    "xenstore-quota": (4000, 5, 2),
}
"""By scenario: a time at which all has happened, domains there are, refusals there were."""


def test_every_scenario_has_an_end_to_try() -> None:
    """No scenario of the package is left out here."""
    assert tuple(sorted(ENDS)) == names()


@pytest.mark.parametrize("name", ENDS)
def test_a_scenario_comes_to_its_end(name: str) -> None:
    """Each scenario of the package has as many domains and refusals at its end as it says."""
    seconds, domains, refusals = ENDS[name]

    player = played(load(name), [seconds])

    assert len(player.machine.dom0.domains) - 1 == domains
    assert len(player.errors) == refusals


def test_a_dom0_of_4_gb_ends_at_about_45000_channels() -> None:
    """Memory ends a 3-level dom0 where the 3,000 domains experiment had it end."""
    player = played(load("channels-45000"), [3600])

    assert 44000 <= len(player.machine.dom0.domain.channels.channels) <= 46000


def waiting(name: str, comm: str) -> float:
    """The part of its time on a CPU or in want of one that a process waited under load."""
    player = played(load(name), [60])
    process = player.machine.dom0.by_comm[comm]
    cpu_before, wait_before = process.cpu_ns, process.wait_ns
    player.advance(600)
    ran, waited = process.cpu_ns - cpu_before, process.wait_ns - wait_before
    return waited / (ran + waited)


@pytest.mark.parametrize("comm", ["oxenstored", "xapi"])
def test_control_slice_keeps_the_toolstack_running(comm: str) -> None:
    """Under an overload of the datapath the toolstack waits without control.slice, and not with."""
    assert waiting("datapath-overload", comm) < 0.01
    assert waiting("datapath-overload-without-slice", comm) > 0.5


def test_xapi_answers_late_without_control_slice() -> None:
    """What takes a fraction of a second with control.slice takes more than one without."""
    calm = played(load("datapath-overload"), [600]).machine.dom0.round_trips
    late = played(load("datapath-overload-without-slice"), [600]).machine.dom0.round_trips

    assert calm["xapi"] < 0.2
    assert 1 < late["xapi"] < 3
    assert calm["xenstored"] < late["xenstored"] < 0.5


def readings(name: str, seconds: float) -> Snapshot:
    """What the probes read of a scenario at a time."""
    return take(ModelSource(played(load(name), [seconds]).machine), PROBES).snapshot


def test_a_64_bit_dom0_without_fifo_has_4095_channels() -> None:
    """Booted with xen.fifo_events=0 a dom0 tells its ABI, and has no channel left at the end."""
    found = readings("fill-linux-2-level", 4100)

    assert found.host is not None
    assert found.host.abi is not None
    assert (found.host.abi.name, found.host.abi.ports) == ("2-level-64", 4096)
    assert found.event_channels is not None
    assert found.event_channels.used == 4095


def test_a_dom0_that_runs_out_of_memory_swaps_and_kills() -> None:
    """Pages come back from swap at the scenario's rate, xapi is killed, no large block is free."""
    player = played(load("memory-ends"), [1200])
    source = ModelSource(player.machine)
    before = take(source, PROBES)
    player.advance(1900)
    pressure = take(source, PROBES, before=before).snapshot.memory_pressure

    assert pressure is not None
    assert pressure.swap_in_rate == pytest.approx(4000, rel=0.02)
    assert (pressure.oom_kills, dict(pressure.recent_kills)) == (1, {"xapi": 1})
    assert pressure.largest_free_order == 1


def test_the_kernels_tables_are_full() -> None:
    """Each of the four tables that a scenario fills is at its max, and critical."""
    states = {
        state.limit.name: state
        for state in assess(readings("kernel-tables-full", 2400))
        if state.used
    }

    full = ("conntrack", "kernel_keys", "nbd_devices")
    assert {name: states[name].ratio for name in full} == dict.fromkeys(full, 1)
    assert {states[name].severity for name in full} == {Severity.CRITICAL}


def test_hung_storage_blocks_tasks() -> None:
    """57 tasks wait for an NFS server that does not answer."""
    cpus = readings("storage-hung", 300).dom0_cpus

    assert cpus is not None
    assert cpus.blocked == 57


def test_small_files_take_the_last_inode() -> None:
    """A file system with 5 % of its blocks in use can have no inode left, which is critical."""
    snapshot = readings("inodes-full", 12000)

    states = {(state.limit.name, state.instance): state for state in assess(snapshot)}

    assert states["inodes", "/var/log"].ratio == 1
    assert states["inodes", "/var/log"].severity is Severity.CRITICAL
    assert states["file_system", "/var/log"].severity is Severity.OK


def test_blktap_4_leaves_a_vm_without_disk_in_silence() -> None:
    """With no id left a VM starts, its disk never connects and no error node says why."""
    found = readings("leak-blktap-ids", 4300)

    assert found.blktap is not None
    assert (found.blktap.regime, found.blktap.identifiers) == ("id", 16384)
    assert found.xenstore_devices is not None
    assert found.xenstore_devices.errors == ()
    states = {key.domid: stage for key, stage in found.device_states().items() if key.cls == "vbd3"}
    assert [domid for domid, stage in states.items() if stage == "Initialising"] == [11]


def test_a_hungry_vm_makes_the_others_wait() -> None:
    """The one that asks for most has its requests held back, and the reads of all take longer."""
    before, after = (readings("one-vm-starves-others", seconds).disks for seconds in (60, 120))
    assert before is not None
    assert after is not None
    held_back = {
        key: disk.out_of_requests - before.by_device[key].out_of_requests
        for key, disk in after.by_device.items()
    }
    hungry = max(held_back, key=lambda key: held_back[key])
    reads = {
        key: disk.read.requests - before.by_device[key].read.requests
        for key, disk in after.by_device.items()
    }
    waits = {
        key: (disk.read.wait_seconds or 0) - (before.by_device[key].read.wait_seconds or 0)
        for key, disk in after.by_device.items()
    }

    assert reads[hungry] == 60 * 5000
    assert {reads[key] for key in reads if key != hungry} == {60 * 20}
    assert [count for count in held_back.values() if count] == [held_back[hungry]]
    assert {round(waits[key] / reads[key], 6) for key in reads} == {0.04}


def test_qemus_in_no_slice_leave_the_toolstack_little() -> None:
    """Each of 1,000 QEMUs in the root group weighs a tenth of control.slice: 10 of over 1,010."""
    found = readings("qemus-in-root", 1200).slices

    assert found is not None
    assert found.contenders is not None
    assert found.contenders >= 1000
    share = found.by_name["control.slice"].share
    assert share is not None
    assert 10 / (10 + found.contenders + 5) < share < 10 / 1010
    assert sum(n for (_, group), n in found.misplaced.items() if group == "/") == 1000


def test_guests_populated_on_demand_are_owed_what_the_host_lacks() -> None:
    """Ten guests of 2 GiB that take 4 GiB for theirs are owed 20 GiB, of which 7 are free."""
    found = readings("populate-on-demand", 400)
    planned = fit(assess(found), found, {BUILT_IN["windows"]: 1}, 1)

    assert found.host_memory is not None
    assert found.host_memory.owed == dict.fromkeys(range(1, 11), 2 << 30)
    assert 0 < found.host_memory.free < 20 << 30
    assert planned.fits is False
    assert planned.binding is not None
    assert planned.binding.limit == "host_memory"


DEMANDS = st.dictionaries(
    st.text(max_size=3),
    st.builds(Demand, st.floats(0, 8), st.integers(1, 10240)),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(cpus=st.floats(0.5, 16), demands=DEMANDS)
def test_cpus_are_shared_as_the_kernel_does(cpus: float, demands: dict[str, Demand]) -> None:
    """Nobody gets more than wanted, and who wants is served while there is a CPU left."""
    granted = divide(cpus, demands)

    wanted = sum(demand.cpus for demand in demands.values())
    assert all(granted[name] <= demands[name].cpus + 1e-9 for name in demands)
    assert sum(granted.values()) == pytest.approx(min(cpus, wanted), abs=1e-6)


def test_weights_divide_what_all_want() -> None:
    """control.slice gets ten times the share of vm.slice where both want more than there is."""
    demands = {"control.slice": Demand(8, 10240), "vm.slice": Demand(8, 1024)}

    granted = divide(4, demands)

    assert granted["control.slice"] == pytest.approx(10 * granted["vm.slice"])
    assert cpu.NICE_0[2] == 100
