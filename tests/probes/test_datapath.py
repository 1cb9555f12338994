"""The datapath: workers found once and followed, interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.captures import CAPTURES
from tests.hosts import LabSource
from tests.probes.support import (
    BARE,
    FakeHost,
    after,
    denied,
    dom0,
    info,
    outcome_of,
    value_of,
    xen,
)
from xenwatch.model.devices import Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.render.cpustat import render_net_dev
from xenwatch.model.render.process import render_stat
from xenwatch.model.render.rtnl import render_links
from xenwatch.model.source import ModelSource
from xenwatch.parse.process import KERNEL_THREAD, ProcessStat
from xenwatch.parse.rtnl import Link
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.probes.datapath import DATAPATH, SEARCH_EVERY, SETTLED, Worker
from xenwatch.probes.domains import DOMAINS
from xenwatch.probes.host import HOST
from xenwatch.readings.datapath import Datapath, Helper, Hotplug, Vif
from xenwatch.readings.devices import CONNECTED, Backends, DeviceKey
from xenwatch.readings.snapshot import Snapshot, Status

DEVICES = "/sys/bus/xen-backend/devices"


def stat(pid: int, comm: str, ticks: int = 100, start: int = 5, kernel: bool = True) -> bytes:
    """`/proc/PID/stat` of a kernel thread."""
    numbers = [0] * 49
    numbers[5], numbers[11], numbers[18] = KERNEL_THREAD if kernel else 0, ticks, start
    numbers[16] = 1
    return render_stat(ProcessStat(pid, comm.encode(), "S", tuple(numbers)))


def host(processes: dict[int, bytes], devices: tuple[str, ...] = (), **parts: object) -> FakeHost:
    """A dom0 with these processes and devices."""
    files = {f"/proc/{pid}/stat": data for pid, data in processes.items()}
    files["/proc/net/dev"] = render_net_dev({})
    more = parts.pop("files", {})
    dirs = parts.pop("directories", {})
    assert isinstance(more, dict)
    assert isinstance(dirs, dict)
    directories = {"/proc": ("1", *map(str, processes), "self"), DEVICES: devices, **dirs}
    raw = parts.pop("raw", render_links([]))
    assert isinstance(raw, bytes)
    return dom0({**files, **more}, directories=directories, raw=raw)


def passed(source: FakeHost, before: Pass | Snapshot | None = None) -> Pass:
    """What is known after one more pass of the probe."""
    return after(DATAPATH, source, before)


def datapath(known: Pass) -> Datapath:
    """What the probe read."""
    assert known.snapshot.datapath is not None
    return known.snapshot.datapath


def workers(known: Pass) -> Mapping[int, Worker]:
    """The workers the probe follows."""
    return cast(Any, known.memories["datapath"]).workers  # type: ignore[no-any-return]


WORKERS = {
    10: stat(10, "vif1.0-q0-guest-rx"),
    11: stat(11, "vif1.0-q0-dealloc"),
    12: stat(12, "1.xvda-0", ticks=50),
    13: stat(13, "kworker/0:1"),
    14: stat(14, "vif9.9-q0-fake", kernel=False),
}


def test_threads_are_told_from_other_processes() -> None:
    """Kernel threads of netback and blkback count for their domain, others do not."""
    known = passed(host(WORKERS))

    assert datapath(known).cpu_seconds == {(1, "netback"): 2.0, (1, "blkback"): 0.5}
    assert set(workers(known)) == {10, 11, 12}


def test_a_qemu_that_only_serves_disks_is_a_worker() -> None:
    """A QEMU attached to dom0 or to a PV guest is a worker of it, a device model is none."""
    processes = {
        20: stat(20, "xen-qemu-system", kernel=False),
        21: stat(21, "qemu-system-i38", kernel=False),
        22: stat(22, "xen-qemu-system", kernel=False),
    }
    files = {
        "/proc/20/cmdline": b"xen-qemu-system-i386\0-xen-domid\x000\0-xen-attach\0",
        "/proc/21/cmdline": b"qemu-dm-3\0-xen-domid\x003\0",
        "/proc/22/cmdline": b"xen-qemu-system-i386\0-xen-domid\x007\0-xen-attach\0",
    }

    found = datapath(passed(host(processes, files=files)))

    assert found.cpu_seconds == {(0, "qdisk"): 1.0, (7, "qdisk"): 1.0}


def test_tapdisks_are_found_by_their_shared_memory() -> None:
    """A tapdisk counts for the domain whose disk its directory names; another process does not."""
    processes = {
        30: stat(30, "tapdisk", kernel=False),
        31: stat(31, "bash", kernel=False),
        32: stat(32, "tapdisk", kernel=False),
    }
    shared = {
        "/dev/shm": ("td3-30", "td3-31", "td3-32", "td3-33", "vbd3-7-51712", "other"),
        "/dev/shm/td3-30": ("vbd-7-51712", "vdi-0"),
        "/dev/shm/td3-31": ("vbd-8-51712",),
        "/dev/shm/td3-32": ("vdi-2",),
        "/dev/shm/td3-33": ("vbd-9-51712",),
    }

    known = passed(host(processes, directories=shared))

    assert workers(known) == {30: Worker(7, "tapdisk", 5, 1.0)}


def test_processes_are_listed_only_while_devices_change() -> None:
    """Some passes after the last change nobody lists /proc, and a change begins it anew."""
    listings: list[int] = []
    known = Pass()
    for number in range(2 * SETTLED + 2):
        source = host(WORKERS, ("vif-1-0",) if number <= SETTLED else ("vif-1-0", "vif-2-0"))
        known = passed(source, known)
        listings.append(source.asked.count("/proc"))

    assert listings == [1] * SETTLED + [0] + [1] * SETTLED + [0]


def test_a_device_made_anew_under_its_old_name_is_searched_for() -> None:
    """A disk detached and attached between two passes has its new thread found at once."""
    known = Pass()
    for _ in range(SETTLED + 1):
        source = host(WORKERS, ("vbd-1-51712",))
        source.stats = {f"{DEVICES}/vbd-1-51712": b"71 1000\n"}
        known = passed(source, known)
    assert "/proc" not in source.asked

    again = host(WORKERS | {12: stat(17, "1.xvda-0", start=9)}, ("vbd-1-51712",))
    again.stats = {f"{DEVICES}/vbd-1-51712": b"71 2000\n"}
    passed(again, known)

    assert "/proc" in again.asked


def test_the_threads_of_a_device_that_connects_late_are_found() -> None:
    """A guest that boots for minutes has its threads on the page when it connects."""
    device, known = DeviceKey("vif", 1, 0), Pass()

    def has(state: str, processes: dict[int, bytes]) -> Pass:
        before = known.snapshot.copy({"backends": Backends({device: state})})
        return passed(host(processes, ("vif-1-0",)), replace(known, snapshot=before))

    for _ in range(2 * SETTLED):
        known = has("InitWait", {})
    assert workers(known) == {}

    known = has(CONNECTED, WORKERS)

    assert {worker.domid for worker in workers(known).values()} == {1}


def test_what_was_passed_over_is_not_read_again_until_everything_is() -> None:
    """A search reads new processes alone; once in a while it reads all, for numbers come again."""
    again = host(WORKERS | {15: stat(15, "2.xvda-0")})
    known = passed(again, passed(host(WORKERS)))

    assert "/proc/13/stat" not in again.asked
    assert 15 in workers(known)
    everything = host(WORKERS | {13: stat(13, "3.xvda-0")})
    for _ in range(3, SEARCH_EVERY):
        known = passed(everything, known)
    assert 13 not in workers(known)
    assert 13 in workers(passed(everything, known))


def test_a_thread_without_its_name_yet_is_looked_at_again() -> None:
    """A thread that is just being made is not passed over for good."""
    known = passed(host({16: stat(16, "kthreadd")}))

    assert 16 in workers(passed(host({16: stat(16, "vif4.0-q0-guest-rx")}), known))


HELPERS = {
    40: stat(40, "varstored", kernel=False),
    41: stat(41, "xl", kernel=False),
    42: stat(42, "xl", kernel=False),
    43: stat(43, "tapback", kernel=False),
}
HELPERS_FILES = {
    "/proc/40/cmdline": b"/usr/sbin/varstored\0--domain\x003\0--depriv\0",
    "/proc/43/cmdline": b"/usr/bin/tapback\0-p\0/var/run/tapback.pid\0",
}
OUTPUTS = {"/proc/41/fd/1": "/var/log/xen/xl-vm.log", "/proc/42/fd/1": "/dev/pts/0"}


def helpers(known: Pass) -> Mapping[int, Helper]:
    """The helpers the probe has found."""
    return datapath(known).helpers


def test_helpers_of_domains_are_found_by_the_search() -> None:
    """Each with its program and the domain it serves; they are no workers of the datapath."""
    source = host(WORKERS | HELPERS, files=HELPERS_FILES)
    source.targets = OUTPUTS
    known = passed(source)

    assert helpers(known) == {40: Helper("varstored", 5, 3), 41: Helper("xl", 5, b"vm")}
    assert set(datapath(known).cpu_seconds) == {(1, "netback"), (1, "blkback")}
    assert datapath(known).processes == {}


def test_an_xl_whose_output_is_hidden_is_none() -> None:
    """Where the link may not be read nobody knows whom it serves, and nothing fails."""
    source = host(HELPERS, files=HELPERS_FILES)
    source.errors = {"/proc/41/fd/1": denied("/proc/41/fd/1")}

    assert set(helpers(passed(source))) == {40}


def test_a_known_helper_is_not_examined_again() -> None:
    """While it runs; a later process of its PID is, once everything is, and one that ended goes."""
    known = passed(host(HELPERS, files=HELPERS_FILES))
    source = host(HELPERS, files=HELPERS_FILES)
    second = passed(source, known)

    assert helpers(second) == helpers(known)
    assert not [path for path in source.asked if str(path).startswith("/proc/40/")]
    changed = host(HELPERS, ("vif-1-0",), files={})
    assert set(helpers(passed(changed, second))) == {40}
    assert "/proc/40/cmdline" not in changed.asked
    later = {40: stat(40, "varstored", start=6, kernel=False)}
    files = {"/proc/40/cmdline": b"varstored\0--domain\x004\0"}
    assert helpers(passed(host(later, ("vif-1-0",), files=files), second))[40].serves == 4
    assert helpers(passed(host(WORKERS, ("vif-1-0",)), second)) == {}


@pytest.mark.parametrize(
    ("wrapper", "comm", "cmdline"),
    [
        ("swtpm-wrapper", "swtpm", b"swtpm-7\0socket\0--tpm2\0"),
        ("qemu-dp", "qemu-datapath", b"/usr/bin/qemu-datapath\0-xen-attach\0-xen-domid\x007\0"),
    ],
)
def test_a_wrapper_is_looked_at_again(wrapper: str, comm: str, cmdline: bytes) -> None:
    """A script that soon runs another program in its place is not passed over for good."""
    known = passed(host({44: stat(44, wrapper, kernel=False)}))
    files = {"/proc/44/cmdline": cmdline}
    found = datapath(passed(host({44: stat(44, comm, kernel=False)}, files=files), known))

    assert {*found.helpers, *found.processes} == {44}


def test_time_of_ended_threads_stays_while_the_domain_lives() -> None:
    """A device that reconnects has new threads; its domain's time goes on, also by pids reused."""
    living = dom0(calls=xen([info(0), info(1)]))
    domains = value_of(DOMAINS, living)
    known = passed(host(WORKERS), Snapshot(domains=domains))
    known = passed(host({10: stat(10, "vif1.0-q0-guest-rx", 30, start=900)}), known)

    assert datapath(known).cpu_seconds[1, "netback"] == pytest.approx(2.3)
    gone = after(DOMAINS, dom0(calls=xen([info(0)])), known)
    assert datapath(passed(host({}), gone)).cpu_seconds == {}


def test_a_tapdisk_that_reconnects_counts_once() -> None:
    """Between two connections of its frontend it serves no disk, and its time goes on, once."""
    domains = value_of(DOMAINS, dom0(calls=xen([info(0), info(7)])))
    known = Pass(Snapshot(domains=domains))
    for ticks, files in ((100, ("vbd-7-51712",)), (110, ()), (120, ("vbd-7-51712",))):
        shared = {"/dev/shm": ("td3-30",), "/dev/shm/td3-30": files}
        tapdisk = {30: stat(30, "tapdisk", ticks, kernel=False)}
        known = passed(host(tapdisk, directories=shared), known)

        assert datapath(known).cpu_seconds == {(7, "tapdisk"): ticks / 100}
    gone = after(DOMAINS, dom0(calls=xen([info(0)])), known)
    left = host({30: stat(30, "tapdisk", 120, kernel=False)})
    assert datapath(passed(left, gone)).cpu_seconds == {}


LINKS = render_links(
    [
        Link(1, "xenbr0", None, "bridge"),
        Link(2, "vif1.0", 1, ""),
        Link(3, "vif1.1", None, ""),
        Link(4, "vif1.0-emu", 1, "tun"),
    ]
)


def kernel(release: str) -> Snapshot:
    """A snapshot that says which kernel dom0 runs."""
    version = {f"/sys/hypervisor/version/{part}": b"4\n" for part in ("major", "minor", "extra")}
    source = host({}, files=version)
    source.kernel = release
    return Snapshot(host=value_of(HOST, source))


def test_interfaces_with_queues_drops_and_masters() -> None:
    """Queues are those in use, drops those of the link, a link without a master is unattached."""
    row = (1, 2, 3, 44, *range(5, 12), 55, *range(13, 17))
    files = {"/proc/net/dev": render_net_dev({"vif1.0": row, "eth0": row})}
    queues = {"/sys/class/net/vif1.0/queues": ("rx-0", "rx-1", "tx-0", "tx-1")}

    source = host({}, files=files, directories=queues, raw=LINKS)

    found = datapath(passed(source, kernel("6.1.0"))).vifs

    assert found == {
        "vif1.0": Vif(1, 2, True, 44, 55),
        "vif1.1": Vif(1, None, False, None, None, hotplug=Hotplug("")),
    }


def test_an_old_kernel_does_not_tell_of_switches() -> None:
    """Before Linux 3.9 a port of Open vSwitch had no master: nothing is said then."""
    for snapshot in (kernel("2.6.32.43-0.4.1"), Snapshot()):
        found = datapath(passed(host({}, raw=LINKS), snapshot)).vifs

        assert (found["vif1.0"].attached, found["vif1.1"].attached) == (True, None)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_a_real_hosts_datapath(capture: object) -> None:
    """Each guest of the captured host has two threads of netback, one of blkback, a bridged vif."""
    assert capture in CAPTURES
    known = take(LabSource(CAPTURES[CAPTURES.index(capture)]), PROBES)
    guests = range(1, 6) if capture == CAPTURES[1] else range(0)

    kinds = sorted((worker.domid, worker.kind) for worker in workers(known).values())
    assert kinds == sorted(
        (domid, kind) for domid in guests for kind in ("netback", "netback", "blkback")
    )
    # The host itself counted one packet to the third guest as dropped.
    assert datapath(known).vifs == {
        f"vif{domid}.0": Vif(domid, 1, True, 0, int(domid == 3)) for domid in guests
    }


def test_the_synthetic_hosts_queues_are_those_of_its_threads() -> None:
    """An interface of the model shows as many queues as it has threads for."""
    machine = Machine(PLATFORMS["debian-12"])
    machine.start(b"vm", Shape(nics=(Nic(queues=3),)))

    known = take(ModelSource(machine), PROBES)

    assert datapath(known).vifs["vif1.0"].queues == 3
    assert len([worker for worker in workers(known).values() if worker.kind == "netback"]) == 6


def test_it_does_not_apply_without_xen() -> None:
    """A host that is no dom0 has no datapath."""
    assert outcome_of(DATAPATH, FakeHost(files=BARE)).status is Status.NOT_APPLICABLE
