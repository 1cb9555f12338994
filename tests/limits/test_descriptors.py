"""Descriptors of a daemon: whose they are, and how there are more."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from tests.planning.support import with_host, xenserver
from xenwatch.limits import xenconsoled_fds, xenstored_fds
from xenwatch.limits.base import Cost, Limit, Max, Shortage, same
from xenwatch.limits.file_descriptors import fds_max, fds_remedy
from xenwatch.readings.processes import DaemonProcess, Daemons
from xenwatch.readings.snapshot import Snapshot


def running(snapshot: Snapshot, comm: str, limit: int | None = 1024) -> Snapshot:
    """The host with this program as its xenstored."""
    daemons = Daemons({"xenstored": DaemonProcess(700, comm, 30, limit)})
    return dataclasses.replace(snapshot, daemons=daemons)


def remedy(snapshot: Snapshot, target: int = 4096) -> tuple[str, ...]:
    """The remedy for xenstored's descriptors."""
    return fds_remedy("xenstored")(Shortage(snapshot, "", None, target, 1))


@pytest.mark.parametrize(("comm", "since"), [("oxenstored", "Xen 4.5"), ("xenstored", "Xen 4.3")])
def test_a_daemon_that_selects_needs_another_release(comm: str, since: str) -> None:
    """No limit of open files helps a daemon that waits with select."""
    [text] = remedy(running(with_host(xen=(4, 2)), comm))

    assert text.startswith(f"update the host: from {since} on, xenstored ")


def test_an_old_init_script_sets_the_limit() -> None:
    """On a host of CentOS 5 the limit is raised where the daemon is started."""
    snapshot = running(xenserver("6.2.0"), "another")
    host = dataclasses.replace(snapshot.host, xen=(4, 17))  # type: ignore[type-var]

    assert remedy(dataclasses.replace(snapshot, host=host)) == (
        "add ulimit -n 4096 to the script that starts xenstored",
    )


@pytest.mark.parametrize("target", [4096, 1 << 20, (1 << 20) + 1])
def test_a_running_daemon_and_its_unit_are_raised(target: int) -> None:
    """The process and its unit get the descriptors, and the kernel's own bound where it is less."""
    found = remedy(running(with_host(), "xenstored"), target)
    *raised, now, persistent = found

    assert now.split(" || ") == [
        f"prlimit --pid 700 --nofile={target}:",
        f"prlimit --pid 700 --nofile={target}:{target}",
    ]
    assert persistent.startswith("systemctl edit xen.service  # ")
    assert f"LimitNOFILE={target}" in persistent
    assert [text.partition(" || ")[2] for text in raised] == (
        [f"sysctl -w fs.nr_open={target}"] if target > 1 << 20 else []
    )


@pytest.mark.parametrize(("now", "raised"), [(1 << 20, True), (1 << 30, False)])
def test_a_higher_bound_of_the_kernel_is_never_lowered(
    now: int, raised: bool, tmp_path: Path
) -> None:
    """The command sets fs.nr_open only where it is lower, as systemd may have raised it."""
    sysctl = tmp_path / "sysctl"
    sysctl.write_text(f'#!/bin/sh\n[ $1 = -n ] && echo {now} || echo "$@"\n')
    sysctl.chmod(0o755)
    command = remedy(running(with_host(), "xenstored"), 1 << 21)[0]
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == (f"-w fs.nr_open={1 << 21}\n" if raised else "")


def test_a_daemon_that_does_not_run_has_no_remedy() -> None:
    """Without a process there is nothing to raise."""
    assert remedy(with_host()) == ()
    assert remedy(dataclasses.replace(with_host(), daemons=None)) == ()


@pytest.mark.parametrize("limit", [512, 4096])
def test_the_origin_of_a_daemons_own_limit_is_its_process(limit: int) -> None:
    """Where the daemon's own limit of open files counts, its process is named."""
    snapshot = running(with_host(), "xenstored", limit)

    assert fds_max("xenstored")(snapshot) == {"": Max(limit, "Max open files of process 700")}


@pytest.mark.parametrize(
    ("role", "limit"),
    [
        ("xenstored", xenstored_fds.LIMIT),
        ("xenconsoled", xenconsoled_fds.LIMIT),
    ],
)
def test_descriptors_are_those_of_the_limits_own_daemon(role: str, limit: Limit) -> None:
    """Use, max and remedy of a daemon's descriptors are its own, whatever the others have."""
    daemons = {
        name: DaemonProcess(700 + number, name, 10 + number, 900 + number)
        for number, name in enumerate(("xenstored", "xenconsoled", "xapi"))
    }
    process = daemons[role]
    snapshot = dataclasses.replace(with_host(), daemons=Daemons(daemons))
    shortage = Shortage(snapshot, "", None, 4096, 1)

    assert limit.used(snapshot) == {"": process.fds}
    assert limit.max(snapshot)[""].value == process.fd_limit
    assert limit.remedy is not None
    assert f"prlimit --pid {process.pid} --nofile=4096: ||" in limit.remedy(shortage)[0]


def test_one_cost_is_that_of_every_type_or_of_those_named() -> None:
    """A cost without types is that of PV, PVH and HVM domains."""
    cost = Cost(domain=7)

    assert same(cost) == {"pv": cost, "pvh": cost, "hvm": cost}
    assert same(cost, "pv", "hvm") == {"pv": cost, "hvm": cost}
