"""The runbooks' commands that read, in a dom0 of Debian."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

import pytest

from tests.runbooks.blocks import chosen
from tests.runbooks.layouts import BY_NAME
from tests.runbooks.shell import verdict
from tests.xen import guests
from tests.xen.daemon import PROGRAM
from tests.xen.report import Report
from tests.xen.suite import SUITE
from tests.xen.vm import Vm

DOM0_ARGS = ""
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""As root has it on Debian: Xen's own tools are not there."""
ELSEWHERE: Final = (
    *("bridge", "chronyc", "conntrack", "curl", "dmsetup", "ethtool", "iscsiadm", "losetup"),
    *("lsof", "lvs", "multipath", "multipathd", "nbd-client", "openssl", "ovs-vsctl", "pvs"),
    *("smartctl", "vgs"),
)
"""Programs of packages that a dom0 need not have, and the tests' own has not all of them."""
COMMAND: Final = "/usr/local/sbin/xenwatch"
SAID: Final = "/root/said"
WRAPPER: Final = f"""#!/bin/sh
key={SAID}/$(printf %s "$*" | md5sum | cut -d ' ' -f 1)
mkdir -p {SAID}
if [ ! -e "$key.status" ]; then
    {PROGRAM} "$@" >"$key"
    echo $? >"$key.status"
fi
cat "$key"
exit "$(cat "$key.status")"
"""
"""xenwatch, of which the blocks want the same over and over: emulated, each run takes seconds."""
ALERT: Final = {
    "mountpoint": "/",
    "bridge": "xenbr0",
    "family": "ipv4",
    "limit": "event_channels",
    "role": "xenconsoled",
    "interface": "eth0",
    "backend_domid": "0",
}
"""What alerts of this dom0 may name, beside its guest."""


def values(vm: Vm, guest: int) -> dict[str, str]:
    """What an alert about that guest names."""
    vm_path = vm.run(f"xenstore-read /local/domain/{guest}/vm").strip()
    uuid = vm_path.rpartition("/")[2]
    return ALERT | {"domid": str(guest), "name": guests.ONE, "uuid": uuid, "vm": uuid}


@pytest.fixture
def wrapped(vm: Vm) -> Iterator[None]:
    """The wrapper in place of a link to xenwatch, through which it would replace the program."""
    vm.run(f"rm -rf {SAID} {COMMAND}; cat > {COMMAND}; chmod 755 {COMMAND}", stdin=WRAPPER.encode())
    yield
    vm.run(f"rm -rf {SAID} {COMMAND}")


@pytest.mark.usefixtures("daemon", "wrapped")
def test_the_commands_of_the_runbooks_work_in_a_dom0(vm: Vm, guest: int, report: Report) -> None:
    """Each block for Debian ends well and prints something, with root's own PATH."""
    layout = BY_NAME[f"debian-{SUITE.debian}"]
    run = f"env -i PATH={PATH} HOME=/root"
    metrics = vm.run(f"{COMMAND} once --format prometheus", 120)
    missing = [name for name in ELSEWHERE if vm.attempt(f"{run} which {name}").status]
    lacking = re.compile(rf"\b(?:{'|'.join(missing) or '(?!)'})\b")
    named = values(vm, guest)
    wrong, count = [], 0
    for block in chosen(layout, metrics, writes=False):
        if lacking.search(block.text):
            continue
        try:
            text = block.filled(named)
        except KeyError:
            continue  # Of an alert that this dom0 cannot have.
        done = vm.attempt(f"{run} sh -euc {shlex.quote(text)}", deadline=120)
        why = verdict(block, done.status, done.stdout, done.stderr)
        count += 1
        if why is not None:
            wrong.append(f"{block.runbook}: {text}    {why}")
    report.note(f"runbooks: {count} blocks run, missing: {', '.join(missing)}", 0)

    assert count > 50
    assert wrong == []
