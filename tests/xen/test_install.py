"""The documents' way from a wheel to a service, in dom0, with the unit as it is shipped."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.runbooks.blocks import mitigations
from tests.runbooks.layouts import BY_NAME
from tests.xen.daemon import CONFIG, Daemon, install_units, remove_units, weighed
from tests.xen.report import Report
from tests.xen.suite import SUITE
from tests.xen.vm import Vm
from tests.xen.wheels import ROOT

DOM0_ARGS = ""

CHECKOUT = "/root/checkout"
COMMANDS = (
    "ln -s /opt/xenwatch/bin/xenwatch /usr/local/sbin/xenwatch",
    "xenwatch doctor",
    "install -m 644 systemd/*.service systemd/*.socket /etc/systemd/system/",
    "install -D -m 644 systemd/sysusers.d/xenwatch.conf /etc/sysusers.d/xenwatch.conf",
    "install -D -m 644 systemd/tmpfiles.d/xenwatch.conf /etc/tmpfiles.d/xenwatch.conf",
    "systemd-sysusers /etc/sysusers.d/xenwatch.conf",
    "systemd-tmpfiles --create /etc/tmpfiles.d/xenwatch.conf",
    "systemctl daemon-reload",
    "systemctl enable --now xenwatch",
    "systemctl status xenwatch",
    "journalctl -u xenwatch",
)
"""Of docs/operations.md, in its order."""
CONFIGURE = (
    "install -d -m 755 /etc/xenwatch",
    "cp -n contrib/xenwatch.toml /etc/xenwatch/",
    "chgrp xenwatch /etc/xenwatch/xenwatch.toml",
    "chmod 640 /etc/xenwatch/xenwatch.toml",
    "xenwatch check-config",
    "systemctl reload xenwatch",
)
END = "systemctl disable --now xenwatch"
RAISED = ("fs.aio-max-nr", "kernel.pty.max", "kernel.threads-max")
QUEUES = "/sys/module/xen_netback/parameters/max_queues"
MODULES = "br_netfilter nf_conntrack"
RELOADED = "configuration reloaded"


@pytest.fixture
def bare(vm: Vm, daemon: Daemon) -> Iterator[None]:
    """dom0 with the wheel installed and no unit; afterwards the tests' own again."""
    vm.put([ROOT / "systemd", ROOT / "contrib"], CHECKOUT)
    remove_units(vm)
    yield
    install_units(vm)
    weighed(vm)
    daemon.start()


@pytest.mark.arm64
@pytest.mark.usefixtures("bare", "guest")
def test_the_documented_commands_end_in_a_service(vm: Vm, daemon: Daemon, report: Report) -> None:
    """Each command does what its document says, and no probe of the confined daemon fails."""
    said = {line: vm.run(f"cd {CHECKOUT}; {line}", deadline=300) for line in COMMANDS}
    daemon.wait()
    failed = daemon.fresh().failed()
    cursor = vm.run("journalctl -u xenwatch -n 0 --show-cursor")
    vm.run(f"rm -f {CONFIG}")
    for command in CONFIGURE:
        vm.run(f"cd {CHECKOUT}; {command}", deadline=90)
    shipped = vm.run(f"cat {CONFIG}")
    again = f"journalctl -u xenwatch --after-cursor {cursor.split()[-1]!r} | grep '{RELOADED}'"
    vm.wait(lambda: not vm.attempt(again).status, RELOADED, 60)
    vm.run(END, deadline=90)

    probes = Counter(line.rpartition(": ")[2] for line in states(said["xenwatch doctor"]))
    report.note(f"doctor: {dict(probes)}", 0)
    assert probes["ok"] > 20
    assert not probes["failed"]
    assert "active (running)" in said["systemctl status xenwatch"]
    assert "Started" in said["journalctl -u xenwatch"]
    assert failed == set()
    assert shipped == (ROOT / "contrib/xenwatch.toml").read_text()
    assert not daemon.answers()
    assert vm.attempt("systemctl is-enabled xenwatch").stdout.strip() != "enabled"


@pytest.fixture
def limits_restored(vm: Vm) -> Iterator[None]:
    """dom0's limits afterwards as they were, for tests that count what guests take.

    Not by modprobe -r, which would remove the bridge too.
    """
    sysctls = vm.run(f"sysctl {' '.join(RAISED)}")
    queues = vm.run(f"cat {QUEUES}").strip()
    vm.run(f"modprobe --all {MODULES}")
    yield
    vm.run("sysctl -q -p -", stdin=sysctls.encode())
    vm.run(f"echo {queues} > {QUEUES}; rmmod {MODULES} || :")


@pytest.mark.usefixtures("guest", "limits_restored")
def test_the_mitigations_of_the_runbooks_work(vm: Vm) -> None:
    """Every command that raises a limit of dom0 succeeds, and the limit is higher."""
    read = f"sysctl -n {' '.join(RAISED)}"
    before = [int(line) for line in vm.run(read).split()]
    for block in mitigations(BY_NAME[f"debian-{SUITE.debian}"]):
        vm.run(f"sh -euc {shlex.quote(block)}")

    assert [int(line) for line in vm.run(read).split()] == [2 * number for number in before]


def states(doctor: str) -> list[str]:
    """The lines of doctor's report that begin with a probe's name."""
    return [line for line in doctor.splitlines() if ": " in line and not line.startswith(" ")]
