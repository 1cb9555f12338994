"""Slices: weights, shares, what is expected, who is misplaced."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from tests.probes.support import (
    NO_XEN,
    FakeHost,
    after,
    denied,
    dom0,
    failure_of,
    outcome_of,
    value_of,
)
from tests.support import full_snapshot
from xenwatch.model.render.process import render_stat
from xenwatch.parse.process import KERNEL_THREAD, ProcessStat
from xenwatch.probes.slices import RECHECK, SLICES
from xenwatch.readings.processes import DaemonProcess, Daemons
from xenwatch.readings.slices import Slices
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import SourceError

V1 = "/sys/fs/cgroup/cpu,cpuacct"
V2 = "/sys/fs/cgroup"
UNITS = "/etc/systemd/system"
CALM = b"%b avg10=0.00 avg60=0.00 avg300=0.00 total=%d\n"


def stat(pid: int, comm: str, nice: int = 0, policy: int = 0, kernel: bool = False) -> bytes:
    """`/proc/PID/stat` of a process."""
    numbers = [0] * 49
    numbers[5], numbers[15], numbers[37] = KERNEL_THREAD if kernel else 0, nice, policy
    return render_stat(ProcessStat(pid, comm.encode(), "S", tuple(numbers)))


def v1(shares: dict[str, int], root: dict[int, bytes], **more: Any) -> FakeHost:
    """A host of version 1 with these groups, and these processes in the root group."""
    files = {f"{V1}/{name}/cpu.shares": b"%d\n" % value for name, value in shares.items()}
    files[f"{V1}/cgroup.procs"] = b"".join(b"%d\n" % pid for pid in root)
    files |= {f"/proc/{pid}/stat": data for pid, data in root.items()}
    directories = {
        "/sys/fs/cgroup": ("cpu", "cpu,cpuacct", "cpuacct", "systemd"),
        V1: ("cgroup.procs", "cpu.shares", "cpuacct.usage", "tasks", *shares),
    }
    return dom0(files | more.pop("files", {}), directories=directories | more.pop("dirs", {}))


def v2(files: dict[str, bytes], *groups: str, **directories: tuple[str, ...]) -> FakeHost:
    """A host of version 2 with these groups at its root."""
    names = ("cgroup.controllers", "cgroup.procs", "cpu.stat", *groups)
    return dom0(files, directories={V2: names, **directories})


def slices(host: FakeHost, previous: Snapshot | None = None) -> Slices:
    """What the probe reads."""
    found = value_of(SLICES, host, previous)
    assert isinstance(found, Slices)
    return found


def test_a_thousand_qemus_in_the_root_leave_the_control_path_one_percent() -> None:
    """Each process of the root group weighs as much as a slice of 1,024: 10 of 1,010."""
    qemus = {pid: stat(pid, "qemu-system-i38") for pid in range(100, 1100)}

    found = slices(v1({"control.slice": 10240}, qemus), Snapshot(host=full_snapshot().host))

    assert found.contenders == 1000
    assert found.by_name["control.slice"].share == 10 / 1010
    assert found.misplaced == {("qemu-system-i38", "/"): 1000}


def test_without_the_release_qemus_in_the_root_are_not_judged() -> None:
    """Some releases put QEMUs there; of an unknown one they are neither misplaced nor its way."""
    found = slices(v1({"control.slice": 10240}, {100: stat(100, "qemu-system-i38")}))

    assert found.contenders == 1
    assert (found.misplaced, found.shipped) == ({}, {})


def test_who_competes_in_the_root_group() -> None:
    """Processes by their nice value, the kernel's threads that serve guests, nobody else."""
    root = {
        1: stat(1, "systemd"),
        2: stat(2, "kthreadd", kernel=True),
        3: stat(3, "kworker/0:0H", nice=-20, kernel=True),
        4: stat(4, "vif1.0-q0-guest-rx", kernel=True),
        5: stat(5, "1.xvda-0", kernel=True),
        6: stat(6, "multipathd", policy=2),
        7: stat(7, "batch", nice=19, policy=3),
        8: stat(8, "idle", policy=5),
    }
    host = v1({"control.slice": 10240}, root | {9: b""})
    host.files = {path: data for path, data in host.files.items() if path != "/proc/9/stat"}

    found = slices(host)

    assert found.contenders == 5
    assert found.by_name["control.slice"].share == 10240 / (10240 + 3 * 1024 + 15 + 3)


def test_idle_threads_of_the_kernel_are_read_again_now_and_then() -> None:
    """A process that has the number of such a thread is found by then, a new one at once."""
    before = v1({"control.slice": 1024}, {2: stat(2, "kthreadd", kernel=True)})
    later = v1({"control.slice": 1024}, {2: stat(2, "stress"), 3: stat(3, "stress")})
    known, found = after(SLICES, before), []

    for _ in range(RECHECK + 1):
        known = after(SLICES, later, known)
        assert known.snapshot.slices is not None
        found.append(known.snapshot.slices.contenders)

    assert found == [1] * RECHECK + [2]


def test_all_groups_beside_a_slice_count() -> None:
    """Groups that are not systemd's slices take their part, files of the root do not."""
    files = {f"{V1}/other/cgroup.procs": b"7\n"}
    found = slices(v1({"control.slice": 10240, "vm.slice": 1024, "other": 4096}, {}, files=files))

    assert found.by_name["control.slice"].share == 10240 / 15360
    assert found.by_name["vm.slice"].share == 1024 / 15360
    assert set(found.by_name) == {"control.slice", "vm.slice"}


def test_groups_without_processes_do_not_compete() -> None:
    """Of systemd's mounts no process is left, so they take nothing; slices count idle too."""
    mounts = [f"sys-kernel-{name}.mount" for name in ("config", "debug", "tracing")]
    names = ("control.slice", "system.slice", "user.slice", "init.scope", *mounts)
    files = {f"{V2}/{name}/cpu.weight": b"100\n" for name in names}
    files |= {f"{V2}/{name}/cgroup.events": b"populated 0\nfrozen 0\n" for name in names}
    files[f"{V2}/control.slice/cpu.weight"] = b"1000\n"
    files[f"{V2}/init.scope/cgroup.events"] = b"populated 1\nfrozen 0\n"

    assert slices(v2(files, *names)).by_name["control.slice"].share == pytest.approx(10 / 13)


@pytest.mark.parametrize(("procs", "share"), [(b"", 10 / 11), (b"7\n", 10 / 12)])
def test_a_group_of_version_1_competes_by_those_below_it(procs: bytes, share: float) -> None:
    """Version 1 tells of each group's own processes alone: those below are looked at too."""
    files = {f"{V1}/one/two/cgroup.procs": procs, f"{V1}/one/cgroup.procs": b""}
    directories = {f"{V1}/one": ("cgroup.procs", "cpu.stat", "two"), f"{V1}/one/two": ("tasks",)}
    weights = {"control.slice": 10240, "vm.slice": 1024, "one": 1024}

    found = slices(v1(weights, {}, files=files, dirs=directories))

    assert found.by_name["control.slice"].share == pytest.approx(share)


def test_version_1_times() -> None:
    """CPU and throttled time are nanoseconds, cpuacct may be a hierarchy of its own."""
    here = {
        f"{V1}/control.slice/cpu.stat": b"nr_periods 4\nnr_throttled 2\nthrottled_time 500000000\n",
        "/sys/fs/cgroup/cpuacct/control.slice/cpuacct.usage": b"2500000000\n",
        f"{V1}/vm.slice/cpuacct.usage": b"1000000000\n",
    }
    found = slices(v1({"control.slice": 10240, "vm.slice": 1024}, {}, files=here)).by_name

    assert found["control.slice"].cpu_seconds == 2.5
    assert found["control.slice"].throttled_seconds == 0.5
    assert found["vm.slice"].cpu_seconds == 1.0
    assert found["vm.slice"].throttled_seconds is None
    assert found["vm.slice"].pressure == {}


def test_version_2_is_in_its_own_scale() -> None:
    """A weight of 100 counts as a process of nice 0; times are microseconds; pressure is told."""
    files = {
        f"{V2}/control.slice/cpu.weight": b"1000\n",
        f"{V2}/control.slice/cpu.stat": b"usage_usec 1500000\nuser_usec 1\nthrottled_usec 250000\n",
        f"{V2}/control.slice/cpu.pressure": CALM % (b"some", 3000000) + CALM % (b"full", 1000000),
        f"{V2}/system.slice/cpu.weight": b"100\n",
        f"{V2}/cgroup.procs": b"1\n0\n",
        "/proc/1/stat": stat(1, "init"),
    }
    found = slices(v2(files, "control.slice", "system.slice"))
    control = found.by_name["control.slice"]

    assert (control.weight, control.expected) == (1000, 1000)
    assert control.share == pytest.approx(10 / 12)
    assert (control.cpu_seconds, control.throttled_seconds) == (1.5, 0.25)
    assert control.pressure == {"some": 3.0, "full": 1.0}


def test_pressure_that_is_switched_off_is_absent() -> None:
    """With psi=0 the file is there and cannot be read: all else of the slice is."""
    host = v2({f"{V2}/system.slice/cpu.weight": b"100\n"}, "system.slice")
    path = f"{V2}/system.slice/cpu.pressure"
    host.errors = {path: SourceError(path, "Operation not supported", errno.EOPNOTSUPP)}

    found = slices(host).by_name["system.slice"]

    assert (found.weight, found.pressure) == (100, {})
    host.errors = {path: denied(path)}
    assert path in failure_of(SLICES, host)


def test_without_the_controller_there_is_no_weight() -> None:
    """Where version 2 does not divide CPU time, weight and share are absent, CPU time is not."""
    files = {f"{V2}/system.slice/cpu.stat": b"usage_usec 1000000\nuser_usec 0\n"}

    found = slices(v2(files, "system.slice")).by_name["system.slice"]

    assert (found.weight, found.expected, found.share) == (None, None, None)
    assert found.cpu_seconds == 1.0
    assert found.pressure == {}


@pytest.mark.parametrize(
    ("unit", "v1_weight", "v2_weight"),
    [
        (b"[Slice]\nCPUShares=2048\n", 2048, 200),
        (b"[Slice]\nCPUWeight=500\n", 5120, 500),
        (b"[Slice]\nCPUShares=262144\n", 262144, 10000),
        (b"[Unit]\nDescription=x\n", 10240, 1000),
        (b"[Slice]\nCPUWeight=10001\n", 10240, 1000),
        (b"[Slice]\nCPUShares=1" + 400 * b"0" + b"\n", 10240, 1000),
        (None, 10240, 1000),
    ],
)
def test_what_is_expected(unit: bytes | None, v1_weight: int, v2_weight: int) -> None:
    """The slice's own unit is believed, if systemd does; else it is what XenServer has."""
    files = {} if unit is None else {f"{UNITS}/control.slice": unit}
    old = slices(v1({"control.slice": 1024}, {}, files=files))
    weight = {f"{V2}/control.slice/cpu.weight": b"100\n"}
    new = slices(v2(files | weight, "control.slice"))

    assert old.by_name["control.slice"].expected == v1_weight
    assert new.by_name["control.slice"].expected == v2_weight


@pytest.mark.parametrize(
    ("drop_ins", "expected"),
    [
        ({f"{UNITS}/control.slice.d/override.conf": b"[Slice]\nCPUWeight=300\n"}, 300),
        ({"/etc/systemd/system.control/control.slice.d/50-CPUWeight.conf": b"CPUWeight=400"}, 400),
        ({"/run/systemd/system.control/control.slice.d/50-CPUWeight.conf": b"CPUWeight=5"}, 5),
        (
            {
                f"{UNITS}/control.slice.d/50-CPUWeight.conf": b"CPUWeight=300\n",
                "/etc/systemd/system.control/control.slice.d/50-CPUWeight.conf": b"CPUWeight=400",
                "/usr/lib/systemd/system/control.slice.d/10-vendor.conf": b"CPUWeight=100",
            },
            400,
        ),
        (
            {
                f"{UNITS}/control.slice.d/60-last.conf": b"[Slice]\nCPUWeight=300\n",
                "/etc/systemd/system.control/control.slice.d/50-CPUWeight.conf": b"CPUWeight=400",
            },
            300,
        ),
        ({f"{UNITS}/control.slice.d/override.conf": b"CPUWeight=\nCPUShares=2048\n"}, 200),
        ({f"{UNITS}/control.slice.d/override.conf~": b"[Slice]\nCPUWeight=300\n"}, 700),
    ],
)
def test_drop_ins_say_what_is_expected(drop_ins: dict[str, bytes], expected: int) -> None:
    """What `systemctl edit` and `set-property` write is believed, as systemd reads it."""
    directories: dict[str, tuple[str, ...]] = {}
    for path in drop_ins:
        home, _, name = path.rpartition("/")
        directories[home] = (*directories.get(home, ()), name)
    unit = {f"{UNITS}/control.slice": b"[Slice]\nCPUWeight=700\n"}
    weight = {f"{V2}/control.slice/cpu.weight": b"100\n"}

    found = slices(v2(unit | drop_ins | weight, "control.slice", **directories))

    assert found.by_name["control.slice"].expected == expected


def members(*services: str) -> dict[str, bytes]:
    """Drop-ins that put services into control.slice."""
    return {
        f"{UNITS}/{service}.d/slice.conf": b"[Service]\nSlice=control.slice\n"
        for service in services
    }


def test_daemons_outside_of_control_slice_are_misplaced() -> None:
    """A service with a drop-in is looked for where systemd has it, and counts by its CPU group."""
    files = members("xapi.service", "xenopsd-xc.service") | {
        f"{UNITS}/sshd.service.d/slice.conf": b"[Service]\nSlice=system.slice\n",
        "/sys/fs/cgroup/systemd/control.slice/xapi.service/cgroup.procs": b"50\n",
        "/sys/fs/cgroup/systemd/system.slice/xenopsd-xc.service/cgroup.procs": b"60\n61\n",
        "/proc/50/comm": b"xapi\n",
        "/proc/50/cgroup": b"4:cpu,cpuacct:/control.slice/xapi.service\n",
        "/proc/60/comm": b"xenopsd-xc\n",
        "/proc/60/cgroup": b"4:cpu,cpuacct:/system.slice/xenopsd-xc.service\n",
    }
    names = tuple({path.split("/")[4] for path in files if path.startswith(UNITS)})

    found = slices(v1({"control.slice": 10240}, {}, files=files, dirs={UNITS: names}))

    assert found.misplaced == {("xenopsd-xc", "/system.slice/xenopsd-xc.service"): 1}


def test_a_daemon_started_by_hand_is_misplaced() -> None:
    """A daemon no service of systemd's has is found by its role."""
    files = members("xenstored.service", "xapi.service") | {
        "/proc/70/comm": b"oxenstored\n",
        "/proc/70/cgroup": b"4:cpu,cpuacct:/user.slice\n1:name=systemd:/\n",
    }
    dirs = {UNITS: ("xenstored.service.d", "xapi.service.d", "control.slice")}
    roles = {
        "xenstored": DaemonProcess(70, "oxenstored", 20, 1024),
        "xenconsoled": DaemonProcess(71, "xenconsoled", 20, 1024),
    }

    found = slices(
        v1({"control.slice": 10240}, {}, files=files, dirs=dirs), Snapshot(daemons=Daemons(roles))
    )

    assert found.misplaced == {("oxenstored", "/user.slice"): 1}


def test_a_qemu_inside_control_slice_is_misplaced() -> None:
    """A device model takes the control path's share, in the slice itself or in a group below."""
    below = f"{V2}/control.slice/xenopsd-xc.service"
    files = {
        f"{V2}/control.slice/cpu.weight": b"1000\n",
        f"{V2}/control.slice/cgroup.procs": b"",
        f"{below}/cgroup.procs": b"80\n81\n",
        "/proc/80/stat": stat(80, "qemu-system-i38"),
        "/proc/81/stat": stat(81, "xenopsd-xc"),
    }
    inside = {f"{V2}/control.slice": ("cgroup.procs", "xenopsd-xc.service")}

    found = slices(v2(files, "control.slice", **inside))

    assert found.misplaced == {("qemu-system-i38", "/control.slice/xenopsd-xc.service"): 1}


def test_without_control_slice_nothing_is_misplaced() -> None:
    """A host that keeps no place for the control path expects nobody to be in it."""
    host = v1({"system.slice": 1024}, {9: stat(9, "qemu-system-i38")})

    assert slices(host).misplaced == {}


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN)
def test_it_does_not_apply_without_xen(files: dict[str, bytes]) -> None:
    """Slices of other hosts are none of ours."""
    assert outcome_of(SLICES, FakeHost(files=files)).status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("names", [(), ("memory", "systemd")])
def test_it_does_not_apply_without_groups_of_cpu_time(names: tuple[str, ...]) -> None:
    """A kernel without control groups, or without their CPU controller, has no slices."""
    host = dom0(directories={"/sys/fs/cgroup": names} if names else {})

    assert outcome_of(SLICES, host).status is Status.NOT_APPLICABLE


def test_a_weight_that_may_not_be_read_is_a_failure() -> None:
    """What cannot be read, for another reason than that it is not there, is no weight of 0."""
    host = v1({"control.slice": 10240}, {})
    path = f"{V1}/control.slice/cpu.shares"
    host.errors = {path: denied(path)}

    assert path in failure_of(SLICES, host)
