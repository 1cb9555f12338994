"""What kind of host this is, and above all its event-channel ABI."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.captures import LAB, listed
from tests.probes.support import (
    BARE,
    DOM0,
    GUEST,
    FakeHost,
    after,
    denied,
    dom0,
    failed,
    failure_of,
    value_of,
    versions,
)
from xenwatch.parse.xenversion import XEN_VERSION
from xenwatch.probes.base import Pass
from xenwatch.probes.host import HOST, KERNEL_LOG, NETBACK_QUEUES
from xenwatch.readings.host import Abi, Host

BEGIN = b"6,1,0,-;Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)\n"
FIFO = b"6,104,1762981,-;xen:events: Using FIFO-based ABI\n"
TWO_LEVEL = b"6,104,1762981,-;xen:events: Using 2-level ABI\n"
LATER = b"6,9000,99000000,-;vif vif-6-0: Guest Rx ready\n"
XENSERVER_62 = b"PRODUCT_BRAND='XenServer'\nPRODUCT_VERSION='6.2.0'\n"
XENSERVER_70 = XENSERVER_62.replace(b"6.2.0", b"7.0.0")


def host(
    log: bytes | None = None,
    xen: str = "4.17",
    command_line: str = "",
    files: dict[str, bytes] | None = None,
    **parts: Any,
) -> FakeHost:
    """A dom0 with this kernel log and this Xen."""
    major, minor = xen.split(".")
    told = {
        "/sys/hypervisor/version/major": f"{major}\n".encode(),
        "/sys/hypervisor/version/minor": f"{minor}\n".encode(),
        "/sys/hypervisor/version/extra": b".5\n",
        "/proc/cmdline": f"root=/dev/xvda1 {command_line}\n".encode(),
        **({} if log is None else {KERNEL_LOG: log}),
        **(files or {}),
    }
    return dom0(told, **parts)


def read(source: FakeHost, before: Pass | None = None) -> Host:
    """What the probe reads."""
    found: Host = value_of(HOST, source, before)
    return found


@pytest.mark.parametrize(("files", "queues"), [({NETBACK_QUEUES: b"8\n"}, 8), ({}, None)])
def test_the_queues_netback_gives_are_read(files: dict[str, bytes], queues: int | None) -> None:
    """netback's max_queues is a fact of the host, and not known where netback has none."""
    assert read(host(files=files)).netback_queues == queues


@pytest.mark.parametrize(
    ("source", "name", "ports", "origin"),
    [
        pytest.param(host(BEGIN + FIFO), "fifo", 131072, "kernel log: Using FIFO", id="log"),
        pytest.param(host(FIFO), "fifo", 131072, "kernel log: Using FIFO", id="rest of a log"),
        pytest.param(
            host(FIFO, command_line="xen.fifo_events=0", kernel="3.10.0", xen="4.1"),
            "fifo",
            131072,
            "kernel log",
            id="the log goes before all",
        ),
        pytest.param(
            host(BEGIN + TWO_LEVEL), "2-level-64", 4096, "kernel log: Using 2-level ABI", id="2"
        ),
        pytest.param(
            host(BEGIN + LATER),
            "2-level-64",
            4096,
            "kernel log: complete, FIFO-based ABI not mentioned",
            id="silent",
        ),
        pytest.param(
            host(LATER, command_line="quiet xen.fifo_events=0"),
            "2-level-64",
            4096,
            "kernel command line: xen.fifo_events=0",
            id="rotated, command line",
        ),
        pytest.param(
            host(LATER, command_line="xen.fifo_events=1"),
            "fifo",
            131072,
            "not confirmed",
            id="command line says yes",
        ),
        pytest.param(host(LATER), "fifo", 131072, "not confirmed", id="rotated"),
        pytest.param(host(None), "fifo", 131072, "not confirmed", id="no log"),
        pytest.param(
            host(errors={KERNEL_LOG: denied(KERNEL_LOG)}),
            "fifo",
            131072,
            "not confirmed",
            id="log closed",
        ),
        pytest.param(
            host(kernel="3.13.0-24-generic"), "2-level-64", 4096, "Linux 3.13 has no", id="kernel"
        ),
        pytest.param(host(kernel="3.14.0", xen="4.4"), "fifo", 131072, "default", id="first"),
        pytest.param(host(xen="4.3"), "2-level-64", 4096, "Xen 4.3 has no FIFO", id="Xen"),
        *(
            pytest.param(
                host(
                    log,
                    kernel="3.10.0+10",
                    xen="4.6",
                    files={"/etc/xensource-inventory": XENSERVER_70},
                ),
                *expected,
                id=f"XenServer 7.0, {name}",
            )
            for name, log, expected in (
                ("rotated", LATER, ("fifo", 131072, "XenServer's own addition")),
                ("no log", None, ("fifo", 131072, "not confirmed")),
                ("silent", BEGIN + LATER, ("2-level-64", 4096, "FIFO-based ABI not mentioned")),
            )
        ),
        pytest.param(
            host(kernel="2.6.32.43-0.4.1.xs1.6.10.734", xen="4.1", machine="i686"),
            "2-level-32",
            1024,
            "Linux 2.6 has no FIFO ABI",
            id="32 bit",
        ),
        pytest.param(
            host(
                kernel="2.6.32.43-0.4.1.xs1.8.0.835",
                xen="4.1",
                machine="i686",
                files={"/etc/xensource-inventory": XENSERVER_62},
            ),
            "2-level-32",
            4096,
            "XenServer 6.2 gives its 32-bit dom0 4,096 channels",
            id="XenServer 6.2",
        ),
        *(
            pytest.param(
                host(BEGIN + TWO_LEVEL, machine=machine),
                "2-level-64",
                4096,
                "kernel log: Using 2-level ABI",
                id=machine,
            )
            for machine in ("aarch64", "armv7l")
        ),
        pytest.param(
            host(
                BEGIN + TWO_LEVEL,
                machine="x86_64",
                files={"/etc/xensource-inventory": XENSERVER_62},
            ),
            "2-level-64",
            4096,
            "kernel log: Using 2-level ABI",
            id="a 64-bit dom0 is not the release's own",
        ),
    ],
)
def test_the_abi_by_the_best_evidence(source: FakeHost, name: str, ports: int, origin: str) -> None:
    """The event-channel ABI is told by log, parameter or versions, and says by which."""
    abi = read(source).abi

    assert abi is not None
    assert (abi.name, abi.ports) == (name, ports)
    assert origin in abi.origin


def test_the_2_level_abi_of_an_unknown_architecture_is_unknown() -> None:
    """Its channels depend on Xen's word there; those of the FIFO ABI do not."""
    assert read(host(BEGIN + TWO_LEVEL, machine="riscv64")).abi is None
    assert read(host(BEGIN + FIFO, machine="riscv64")).abi is not None


def test_what_was_known_of_a_log_that_rotated_stays() -> None:
    """ABI and NR_IRQS of an earlier reading hold when the log's first lines are gone."""
    told = host(BEGIN + b"6,2,0,-;NR_IRQS: 4352, nr_irqs: 440\n" + TWO_LEVEL)
    again = read(host(LATER), after(HOST, told))

    assert read(told).nr_irqs == 4352
    assert (again.abi, again.nr_irqs) == (read(told).abi, 4352)


@pytest.mark.parametrize("lost", [False, True])
def test_a_log_that_has_told_all_is_not_read_again(lost: bool) -> None:
    """ABI and NR_IRQS are known from then on, also after a reading that failed."""
    told = host(BEGIN + b"6,2,0,-;NR_IRQS: 4352, nr_irqs: 440\n" + TWO_LEVEL)
    first = after(HOST, told)
    source = host(LATER)

    again = read(source, failed(HOST, first) if lost else first)

    assert "/dev/kmsg" not in source.asked
    assert (again.abi, again.nr_irqs) == (read(told).abi, 4352)


@pytest.mark.parametrize("log", [TWO_LEVEL, BEGIN + TWO_LEVEL, BEGIN + LATER])
def test_a_better_log_goes_before_what_was_assumed(log: bytes) -> None:
    """An ABI that was not confirmed gives way to the kernel's own word."""
    told = read(host(log), after(HOST, host(None)))

    assert told.abi == read(host(log)).abi != read(host(None)).abi


def test_a_real_kernel_log_tells_all() -> None:
    """The boot messages of a real dom0 name the ABI and NR_IRQS."""
    found = read(host((LAB / "5-guests/dmesg").read_bytes()))

    assert found.abi == Abi("fifo", 131072, "kernel log: Using FIFO-based ABI")
    assert found.nr_irqs == 524544


def test_versions_of_a_real_xen() -> None:
    """Xen's version comes from sysfs, its command line by hypercall."""
    names = {
        path.removeprefix("FILE "): content
        for path, content in listed(LAB / "5-guests", "sys-hypervisor").items()
    }
    files = {path: data for path, data in names.items() if "/version/" in path}
    found = read(dom0(files, calls={XEN_VERSION: versions((4, 17), "placeholder dom0_mem=2G")}))

    assert (found.xen, found.xen_version) == ((4, 17), "4.17.7")
    assert found.xen_command_line == "placeholder dom0_mem=2G"


@pytest.mark.parametrize("calls", [{}, {XEN_VERSION: versions((4, 17))}], ids=["none", "refused"])
def test_a_command_line_that_cannot_be_had_is_empty(calls: dict[int, Any]) -> None:
    """Without privcmd, or refused by Xen, the rest of the facts are still there."""
    found = read(host(calls=calls))

    assert (found.xen, found.xen_command_line) == ((4, 17), "")


@pytest.mark.parametrize("files", [BARE, {"/sys/hypervisor/type": b"kvm\n"}], ids=["bare", "kvm"])
def test_a_machine_without_xen_has_no_abi(files: dict[str, bytes]) -> None:
    """Linux's own facts are there, those of Xen are not."""
    found = read(FakeHost(files=files))

    assert (found.xen, found.xen_version, found.abi, found.is_dom0) == (None, "", None, False)
    assert (found.kernel, found.kernel_release) == ((6, 1), "6.1.0-18-amd64")
    assert found.machine == "x86_64"


@pytest.mark.parametrize(("files", "is_dom0"), [(DOM0, True), (GUEST, False)])
def test_the_control_domain_is_told_from_a_guest(files: dict[str, bytes], is_dom0: bool) -> None:
    """Only a domain whose capabilities say control_d is dom0."""
    assert read(host(files=files)).is_dom0 is is_dom0


@pytest.mark.parametrize(
    ("files", "platform"),
    [
        ({"/etc/os-release": b'ID=debian\nVERSION_ID="12"\n'}, ("debian", "12")),
        (
            {
                "/etc/os-release": b'ID="centos"\nVERSION_ID="7"\n',
                "/etc/xensource-inventory": b"PRODUCT_BRAND='XCP-ng'\nPRODUCT_VERSION='8.3.0'\n",
            },
            ("xcp-ng", "8.3.0"),
        ),
        ({"/etc/xensource-inventory": XENSERVER_62}, ("xenserver", "6.2.0")),
        ({"/etc/xensource-inventory": b""}, ("xenserver", "")),
        ({}, ("", "")),
    ],
)
def test_the_platform(files: dict[str, bytes], platform: tuple[str, str]) -> None:
    """XenServer's inventory goes before os-release; without either the platform is unknown."""
    found = read(host(files=files))

    assert (found.platform, found.platform_version) == platform


@pytest.mark.parametrize(
    ("names", "version"),
    [
        (("cgroup.controllers", "system.slice"), 2),
        (("cpu,cpuacct", "memory", "systemd"), 1),
        ((), None),
        (None, None),
    ],
)
def test_the_cgroup_version(names: tuple[str, ...] | None, version: int | None) -> None:
    """The unified hierarchy, controllers of their own, or no cgroups at all."""
    directories = {} if names is None else {"/sys/fs/cgroup": names}

    assert read(host(directories=directories)).cgroup_version == version


def test_a_kernel_of_no_version_is_before_all() -> None:
    """A release that begins with no number is (0, 0), and is kept as it is."""
    found = read(replace(host(), kernel="xen-next"))

    assert (found.kernel, found.kernel_release) == ((0, 0), "xen-next")


def test_a_broken_sysfs_is_a_failure() -> None:
    """Xen's version that cannot be read fails the probe and names the file."""
    path = "/sys/hypervisor/version/minor"

    assert failure_of(HOST, host(errors={path: denied(path)})) == f"{path}: Permission denied"
