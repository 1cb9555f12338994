"""Descriptors of the other daemons and of QEMUs: how they are found, what is counted."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Mapping
from typing import Any

import pytest

from tests.probes.support import BARE, FakeHost, after, dom0, failure_of, outcome_of, value_of
from xenwatch.model.presets import PRESETS
from xenwatch.model.render.rlimits import render_limits
from xenwatch.model.source import ModelSource
from xenwatch.parse.rlimits import ResourceLimit
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, run, take
from xenwatch.probes.process_fds import DAEMON_FDS, MOST_PROCESSES, QEMU_FDS, SEARCH_EVERY
from xenwatch.readings.processes import DaemonFds, ProcessFds, QemuFds
from xenwatch.readings.snapshot import Status
from xenwatch.release.daemons import DAEMONS
from xenwatch.sources.base import SourceError

UNIT = "/sys/fs/cgroup/systemd/control.slice/xenopsd-xc.service/cgroup.procs"


def host(processes: Mapping[int, str], files: Mapping[str, bytes], **parts: Any) -> FakeHost:
    """A dom0 with these processes: each has as many descriptors as its id says."""
    limits = render_limits([ResourceLimit("Max open files", 4096, 4096, "files")])
    own = {f"/proc/{pid}/comm": f"{comm}\n".encode() for pid, comm in processes.items()}
    own |= {f"/proc/{pid}/limits": limits for pid in processes}
    fds = {f"/proc/{pid}/fd": tuple(map(str, range(pid))) for pid in processes}
    return dom0({**own, **files}, directories=fds, **parts)


def read(source: FakeHost) -> Mapping[str, ProcessFds]:
    """What the probe reads."""
    found: DaemonFds = value_of(DAEMON_FDS, source)
    return found.by_role


@pytest.mark.parametrize(
    "path",
    [
        UNIT,
        "/sys/fs/cgroup/systemd/system.slice/xenopsd-xc.service/cgroup.procs",
        "/sys/fs/cgroup/control.slice/xenopsd-xc.service/cgroup.procs",
        "/sys/fs/cgroup/system.slice/xenopsd-xc.service/cgroup.procs",
        "/run/xenopsd-xc.pid",
        "/run/xenopsd.pid",
    ],
)
def test_a_daemon_is_found_by_its_unit_or_pid_file(path: str) -> None:
    """Units are in either slice and hierarchy; before systemd there are PID files."""
    assert read(host({70: "xenopsd-xc"}, {path: b"70\n"})) == {"xenopsd": ProcessFds(70, 70, 4096)}


@pytest.mark.parametrize("role", DAEMONS)
def test_every_daemon_of_the_table_is_found(role: str) -> None:
    """Each role is found by each of its names, PID files and units, and never by a search."""
    program = DAEMONS[role]
    paths = [
        *program.pid_files,
        *(f"/sys/fs/cgroup/system.slice/{unit}/cgroup.procs" for unit in program.units),
    ]
    for comm in program.comms:
        assert len(comm) < 16
        for path in paths:
            source = host({50: comm}, {path: b"50\n"})
            assert role in read(source)
            assert "/proc" not in source.asked


def test_another_program_is_not_the_daemon() -> None:
    """A stale PID file, and children of the service, are passed over."""
    files = {"/run/xenopsd.pid": b"20\n", UNIT: b"30\n31\n40\n"}
    processes = {20: "bash", 30: "sh", 40: "xenopsd-xc"}

    assert read(host(processes, files))["xenopsd"].pid == 40


def test_a_service_of_many_processes_is_not_walked() -> None:
    """Of a service with thousands of processes only the first are looked at."""
    source = host({}, {UNIT: b"".join(b"%d\n" % pid for pid in range(100, 5000))})

    assert outcome_of(DAEMON_FDS, source).status is Status.NOT_APPLICABLE
    looked = [path for path in source.asked if str(path).endswith("/comm")]
    assert len(looked) == MOST_PROCESSES


def test_a_daemon_that_has_just_ended_is_not_there() -> None:
    """A process that ends while it is read costs no other daemon."""
    files = {UNIT: b"70\n", "/run/squeezed.pid": b"80\n"}
    gone = SourceError("/proc/70/fd", "No such file or directory", errno.ENOENT)

    found = read(host({70: "xenopsd-xc", 80: "squeezed"}, files, errors={"/proc/70/fd": gone}))

    assert set(found) == {"squeezed"}


def test_what_may_not_be_read_is_a_failure() -> None:
    """Descriptors of another user's process are unknown, not zero."""
    denied = SourceError("/proc/70/fd", "Permission denied", errno.EACCES)
    source = host({70: "xenopsd-xc"}, {UNIT: b"70\n"}, errors={"/proc/70/fd": denied})

    assert "Permission denied" in failure_of(DAEMON_FDS, source)


@pytest.mark.parametrize("probe", [DAEMON_FDS, QEMU_FDS])
def test_it_does_not_apply_without_xen(probe: object) -> None:
    """On a host that is no dom0 nothing is looked for."""
    assert outcome_of(probe, FakeHost(files=BARE)).status is Status.NOT_APPLICABLE  # type: ignore[arg-type]


def qemus(*pids: int, **parts: Any) -> FakeHost:
    """A dom0 with these QEMUs, of domains 5 and up, beside two other processes."""
    files = {f"/proc/{pid}/cmdline": b"qemu-dm-%d\0" % (5 + n) for n, pid in enumerate(pids)}
    files |= {"/proc/1/cmdline": b"/sbin/init\0", "/proc/2/cmdline": b""}
    source = host(dict.fromkeys(pids, "qemu-dm"), files, **parts)
    names = ("1", "2", *map(str, pids), "meminfo")
    return dataclasses.replace(source, directories={**source.directories, "/proc": names})


def test_qemus_are_counted_by_domain() -> None:
    """Each device model is counted under its domain, and no other process is."""
    found: QemuFds = value_of(QEMU_FDS, qemus(60, 61))

    assert found.by_domid == {5: ProcessFds(60, 60, 4096), 6: ProcessFds(61, 61, 4096)}


def test_a_process_that_is_no_qemu_is_not_looked_at_each_time() -> None:
    """What was another program is looked at again after some passes, as it may have become one."""
    known = after(QEMU_FDS, qemus(60))
    asked = []
    for _ in range(SEARCH_EVERY):
        source = qemus(60)
        known = after(QEMU_FDS, source, known)
        asked.append("/proc/1/cmdline" in source.asked)
        assert "/proc/60/cmdline" in source.asked

    assert asked == [*(False,) * (SEARCH_EVERY - 1), True]


def test_a_qemu_that_has_ended_is_gone() -> None:
    """A QEMU that is no longer there, or ends while it is read, has no count."""
    gone = SourceError("/proc/61/fd", "No such file or directory", errno.ENOENT)
    first = after(QEMU_FDS, qemus(60, 61, 62))

    found: QemuFds = value_of(QEMU_FDS, qemus(60, 61, errors={"/proc/61/fd": gone}), first)

    assert set(found.by_domid) == {5}


def test_a_command_line_that_is_too_long_is_no_qemus() -> None:
    """A program with a huge command line costs no QEMU."""
    long = SourceError("/proc/1/cmdline", "longer than 65536 bytes", errno.EFBIG)

    found: QemuFds = value_of(QEMU_FDS, qemus(60, errors={"/proc/1/cmdline": long}))

    assert set(found.by_domid) == {5}


@pytest.mark.parametrize("name", PRESETS)
def test_synthetic_hosts_have_the_daemons_of_their_platform(name: str) -> None:
    """With xapi all that its releases have are found, under xl none; each is far from its limit."""
    machine = PRESETS[name]()
    found = take(ModelSource(machine), PROBES).snapshot

    roles = set(found.daemon_fds.by_role) if found.daemon_fds is not None else set()
    common = {"squeezed", "stunnel", "ovs-vswitchd", "ovsdb-server"}
    assert common <= roles if machine.dom0.platform.toolstack == "xapi" else not roles
    processes = list(found.daemon_fds.by_role.values()) if found.daemon_fds is not None else []
    assert all(process.fds < (process.fd_limit or 0) / 5 for process in processes)
    assert found.qemu_fds is not None
    assert found.qemus is not None
    assert found.qemu_fds.by_domid.keys() == found.qemus.by_domid.keys()


@pytest.mark.parametrize(("state", "there"), [("Z", False), ("X", False), ("S", True)])
def test_a_zombie_has_no_descriptors_to_count(state: str, there: bool) -> None:
    """The directory of a process that has ended and was not reaped is empty, which is not zero."""
    stat = f"0 (xenopsd-xc) {state}{' 0' * 49}\n".encode()
    source = host({0: "xenopsd-xc"}, {UNIT: b"0\n", "/proc/0/stat": stat})

    found = run(DAEMON_FDS, source, Pass()).reading
    assert found == (DaemonFds({"xenopsd": ProcessFds(0, 0, 4096)}) if there else None)
