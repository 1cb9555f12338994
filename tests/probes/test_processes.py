"""The control-path daemons, pseudo-terminals, tasks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.captures import CAPTURES
from tests.probes.support import FakeHost, after, denied, dom0, failure_of, outcome_of, value_of
from xenwatch.model.render.rlimits import render_limits
from xenwatch.parse.rlimits import ResourceLimit
from xenwatch.probes.base import Pass
from xenwatch.probes.processes import DAEMONS, EVENTPOLL, PIDS, PTYS
from xenwatch.readings.processes import DaemonProcess, Daemons, Pids, Ptys
from xenwatch.readings.snapshot import Status

STORE, CONSOLE, XAPI = (700, "oxenstored"), (710, "xenconsoled"), (720, "xapi")
BOTH = [STORE, CONSOLE]
PID_FILES = {"/run/xenstored.pid": b"700\n", "/run/xen/xenconsoled.pid": b" 710\n"}


def host(
    processes: list[tuple[int, str]],
    files: Mapping[str, bytes] | None = None,
    limits: Mapping[int, bytes] | None = None,
) -> FakeHost:
    """A dom0 with these processes: each has as many descriptors as its id says."""
    comms = {f"/proc/{pid}/comm": f"{comm}\n".encode() for pid, comm in processes}
    bounds = [ResourceLimit("Max open files", 1024, 4096, "files")]
    tables = {
        f"/proc/{pid}/limits": (limits or {}).get(pid, render_limits(bounds))
        for pid, _ in processes
    }
    fds = {f"/proc/{pid}/fd": tuple(map(str, range(pid))) for pid, _ in processes}
    names = tuple(str(pid) for pid, _ in processes)
    return dom0(
        {**comms, **tables, **(files or {})},
        directories={**fds, "/proc": ("meminfo", "self", *names)},
    )


def process(pid: int, comm: str) -> DaemonProcess:
    """The daemon with this process id."""
    return DaemonProcess(pid, comm, pid, 1024)


def read(source: FakeHost, before: Pass | None = None) -> Mapping[str, DaemonProcess]:
    """What the probe reads."""
    found: Daemons = value_of(DAEMONS, source, before)
    return found.by_role


def test_daemons_are_found_by_their_pid_files() -> None:
    """Where pid files lead to the daemons, the other processes are not looked at."""
    source = host([*BOTH, (4000, "qemu-system-i38")], PID_FILES)

    assert read(source) == {"xenstored": process(*STORE), "xenconsoled": process(*CONSOLE)}
    assert "/proc" not in source.asked


@pytest.mark.parametrize(
    "path",
    [
        "/run/xen/xenstored.pid",
        "/run/xenstored.pid",
        "/var/run/xen/xenstored.pid",
        "/var/run/xenstored.pid",
    ],
)
def test_pid_files_have_several_places(path: str) -> None:
    """Distributions and XenServer keep pid files in different directories."""
    files = {path: b"700", "/run/xen/xenconsoled.pid": b"710\n"}
    source = host(BOTH, files)

    assert read(source)["xenstored"] == process(*STORE)
    assert "/proc" not in source.asked


@pytest.mark.parametrize(
    "content", [b"7\n", b"999\n", b"", b"none\n", b"-1\n", b"7" * 5000, b"../700\n", b"\xff\xfe"]
)
def test_a_stale_pid_file_is_not_believed(content: bytes) -> None:
    """A pid file of another process, of none, or of nonsense leads to a search of /proc."""
    files = {**PID_FILES, "/run/xenstored.pid": content}

    assert read(host([(7, "bash"), *BOTH], files))["xenstored"] == process(*STORE)


@pytest.mark.parametrize("comm", ["oxenstored", "xenstored"])
def test_both_xenstoreds_play_the_role(comm: str) -> None:
    """The daemon in C and the one in OCaml are xenstored."""
    assert read(host([(700, comm), CONSOLE]))["xenstored"] == process(700, comm)


def test_without_pid_files_every_process_is_looked_at() -> None:
    """Daemons without pid file are found by name, xapi with them."""
    found = read(host([(1, "systemd"), (30, "xenwatch"), *BOTH, XAPI]))

    assert found == {
        "xenstored": process(*STORE),
        "xenconsoled": process(*CONSOLE),
        "xapi": process(*XAPI),
    }


def test_xapi_is_found_by_its_pid_file() -> None:
    """On a host with xapi its descriptors are counted too."""
    found = read(host([*BOTH, XAPI], {**PID_FILES, "/var/run/xapi.pid": b"720\n"}))

    assert found["xapi"] == process(*XAPI)


def test_a_process_found_by_searching_is_remembered() -> None:
    """What was found last time is asked first, so that /proc is searched once."""
    first = after(DAEMONS, host(BOTH))
    source = host(BOTH)

    assert read(source, first) == read(host(BOTH))
    assert "/proc" not in source.asked


def test_a_daemon_that_was_restarted_is_found_again() -> None:
    """A remembered process that is another program now, or gone, is not believed."""
    last = after(DAEMONS, host(BOTH))
    found = read(host([(700, "bash"), (701, "oxenstored"), (711, "xenconsoled")]), last)

    assert found == {
        "xenstored": process(701, "oxenstored"),
        "xenconsoled": process(711, "xenconsoled"),
    }


def test_the_first_of_several_counts() -> None:
    """Two processes of one name are one daemon: the first that is listed."""
    assert read(host([*BOTH, (900, "oxenstored")]))["xenstored"] == process(*STORE)


def test_a_xenstored_in_its_own_domain_is_not_there() -> None:
    """Where xenstored runs in a stub domain, only the others are counted."""
    assert set(read(host([CONSOLE]))) == {"xenconsoled"}


def test_a_dom0_without_daemons_is_not_applicable() -> None:
    """Without any of the daemons there is nothing to count."""
    outcome = outcome_of(DAEMONS, host([(1, "systemd")]))

    assert outcome.status is Status.NOT_APPLICABLE
    assert "neither xenstored nor xenconsoled" in outcome.detail


def test_an_unlimited_daemon_has_no_limit() -> None:
    """A soft limit of `unlimited` is none, and not a number."""
    limits = render_limits([ResourceLimit("Max open files", None, None, "files")])

    assert read(host(BOTH, limits={700: limits}))["xenstored"].fd_limit is None


def test_closed_descriptors_are_a_failure() -> None:
    """Without the right to see the descriptors nothing is said of them."""
    source = host(BOTH, PID_FILES)
    source.errors = {"/proc/700/fd": denied("/proc/700/fd")}

    assert failure_of(DAEMONS, source) == "/proc/700/fd: Permission denied"


def test_limits_that_are_none_are_a_failure() -> None:
    """A table of limits without that of open files is refused."""
    limits = render_limits([ResourceLimit("Max processes", 5, 5, "processes")])

    assert "row 'Max open files' is missing" in failure_of(
        DAEMONS, host(BOTH, limits={700: limits})
    )


@pytest.mark.parametrize(("capture", "fds"), [(CAPTURES[0], (16, 14)), (CAPTURES[1], (29, 34))])
def test_a_real_hosts_daemons(capture: Path, fds: tuple[int, int]) -> None:
    """Descriptors of a real host's daemons are those the capture lists."""
    files, directories = {}, {}
    for directory in (capture / "proc").glob("*d.[0-9]*"):
        pid = directory.suffix[1:]
        for name in ("comm", "limits"):
            files[f"/proc/{pid}/{name}"] = (directory / name).read_bytes()
        lines = (directory / "fd-list").read_text().splitlines()
        directories[f"/proc/{pid}/fd"] = tuple(
            line.split()[0] for line in lines if not line.startswith(" ")
        )
        directories["/proc"] = (*directories.get("/proc", ()), pid)
    found = read(dom0(files, directories=directories))

    assert (found["xenstored"].fds, found["xenconsoled"].fds) == fds
    assert found["xenstored"].comm == "oxenstored"
    assert found["xenconsoled"].fd_limit == 132008


def test_ptys_are_counted_by_the_kernel() -> None:
    """Pseudo-terminals in use and their maximum are two numbers of the kernel."""
    files = {"/proc/sys/kernel/pty/nr": b"7\n", "/proc/sys/kernel/pty/max": b"4096\n"}

    assert value_of(PTYS, FakeHost(files=files)) == Ptys(7, 4096)


def test_tasks_are_counted_by_the_kernel() -> None:
    """Tasks are behind the slash of the load average, beside the kernel's two limits."""
    files = {
        "/proc/loadavg": b"0.10 0.20 0.30 1/234 5678\n",
        "/proc/sys/kernel/pid_max": b"32768\n",
        "/proc/sys/kernel/threads-max": b"15000\n",
    }

    assert value_of(PIDS, FakeHost(files=files)) == Pids(234, 32768, 15000)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "/proc/sys/kernel/pty/nr: No such file"),
        ({"/proc/sys/kernel/pty/nr": b"many\n"}, "/proc/sys/kernel/pty/nr: expected one decimal"),
        ({"/proc/sys/kernel/pty/nr": b""}, "/proc/sys/kernel/pty/nr: expected one decimal"),
    ],
)
def test_a_number_that_is_none_is_named(files: dict[str, bytes], reason: str) -> None:
    """A counter that is missing or not a number is a failure that names its file."""
    assert reason in failure_of(PTYS, FakeHost(files=files))


@pytest.mark.parametrize(("instance", "epoll"), [(0, True), (1023, True), (1024, False)])
def test_an_epoll_instance_is_looked_for_where_select_reaches(instance: int, epoll: bool) -> None:
    """All descriptors are looked at that a xapi which selects could have."""
    source = host([*BOTH, XAPI], {**PID_FILES, "/run/xapi.pid": b"720\n"})
    home = f"/proc/{XAPI[0]}/fd"
    source.directories = {**source.directories, home: tuple(map(str, range(2000)))}
    source.targets = {f"{home}/{fd}": f"socket:[{fd}]" for fd in range(2000)}
    source.targets[f"{home}/{instance}"] = EVENTPOLL

    assert read(source)["xapi"].epoll is epoll


@pytest.mark.parametrize(
    ("targets", "epoll"),
    [
        ({"0": "/dev/null", "3": EVENTPOLL}, True),
        ({"0": "/dev/null", "3": "socket:[1]"}, False),
        ({"3": EVENTPOLL}, True),
        ({"0": "/dev/null"}, False),
        ({}, None),
    ],
    ids=["epoll", "select", "epoll, one closed", "select, one closed", "not readable"],
)
def test_xapi_itself_says_how_it_waits(targets: Mapping[str, str], epoll: bool | None) -> None:
    """A xapi that has an epoll instance open waits with it; where it cannot be seen, unknown."""
    source = host([*BOTH, XAPI], {**PID_FILES, "/run/xapi.pid": b"720\n"})
    home = f"/proc/{XAPI[0]}/fd"
    source.directories = {**source.directories, home: ("0", "3")}
    source.targets = {f"{home}/{fd}": target for fd, target in targets.items()}

    assert read(source)["xapi"].epoll is epoll
    assert read(source)["xenstored"].epoll is None


@pytest.mark.parametrize("files", [PID_FILES, {}])
def test_a_zombie_is_no_daemon(files: Mapping[str, bytes]) -> None:
    """One that has ended and was not reaped has an empty directory of descriptors: not zero."""
    source = host(
        [(0, "oxenstored"), (710, "xenconsoled")], {**files, "/run/xenstored.pid": b"0\n"}
    )

    assert read(source) == {"xenconsoled": process(710, "xenconsoled")}
