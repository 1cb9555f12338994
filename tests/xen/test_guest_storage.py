"""Storage of guests in a real dom0: a thin pool that fills up, a device that answers nothing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

import pytest

from tests.xen import guests
from tests.xen.daemon import DROP_INS, INTERVAL, Daemon, Page, section
from tests.xen.guests import Shape
from tests.xen.hazards import alerting
from tests.xen.report import Report
from tests.xen.vm import Vm
from tests.xen.wheels import ROOT
from xenwatch.probes import PROBES

DOM0_ARGS = ""
OPERATIONS: Final = ROOT / "docs" / "operations.md"
DROP_IN: Final = f"{DROP_INS}/lvm.conf"
ON: Final = "".join(section(probe) for probe in PROBES if probe.name == "thin_pools")

POOL: Final = "tests-pool"
DATA: Final = "xenwatch_thin_pool_data_used_bytes"
METADATA: Final = "xenwatch_thin_pool_metadata_used_bytes"
BLOCK: Final = 64 << 10
MAKE_POOL: Final = f"""set -e
cd {guests.DIRECTORY}
truncate -s 4M pool-metadata.img
truncate -s 64M pool-data.img
metadata=$(losetup -f --show pool-metadata.img)
data=$(losetup -f --show pool-data.img)
dmsetup create {POOL} --table "0 131072 thin-pool $metadata $data 128 0"
dmsetup message {POOL} 0 'create_thin 0'
dmsetup create tests-thin --table "0 131072 thin /dev/mapper/{POOL} 0"
"""
"""A pool of 1,024 blocks and a volume that may take all of them."""
REMOVE_POOL: Final = f"""dmsetup remove tests-thin
dmsetup remove {POOL}
for device in $(losetup -n -O NAME,BACK-FILE | awk '/pool-(meta)?data.img/ {{print $1}}'); do
    losetup -d "$device"
done
"""
BY_HAND: Final = f"dmsetup status --noflush {POOL}"
WRITE: Final = "dd if=/dev/zero of=/dev/mapper/tests-thin bs=1M oflag=direct conv=notrunc"
HANGS: Final = f"""set -e
cd {guests.DIRECTORY}
truncate -s 16M hangs.img
device=$(losetup -f --show hangs.img)
dmsetup create tests-lower --table "0 32768 linear $device 0"
dmsetup create tests-disk --table "0 32768 linear /dev/mapper/tests-lower 0"
udevadm settle || true
dmsetup suspend tests-lower
"""
"""Requests to the upper device are in flight until the lower one, which queues them, goes on."""
REMOVE_DISK: Final = f"""dmsetup resume tests-lower
dmsetup remove --retry tests-disk
dmsetup remove --retry tests-lower
losetup -d "$(losetup -n -O NAME -j {guests.DIRECTORY}/hangs.img)"
"""
FEW_INODES: Final = f"""set -e
truncate -s 16M {guests.DIRECTORY}/inodes.img
mke2fs -q -t ext4 -N 256 {guests.DIRECTORY}/inodes.img
mount -o loop {guests.DIRECTORY}/inodes.img /var/log
number=0
while touch /var/log/$number; do number=$((number + 1)); done 2>&1
df --output=iused,itotal /var/log | tail -n 1
df --output=pcent /var/log | tail -n 1
"""
"""A file system for the logs whose inodes are used up by empty files."""
STALLED: Final = "xenwatch_storage_stalled_disks"
ALERT: Final = {"alert": "XenwatchStorageHung", "severity": "critical", "state": "firing"}


def used(vm: Vm) -> tuple[int, int]:
    """Blocks of metadata and of data in use, as the kernel's own status says."""
    metadata, data = vm.run(BY_HAND).split()[4:6]
    return int(metadata.partition("/")[0]), int(data.partition("/")[0])


def page_of(daemon: Daemon) -> Page:
    """A page on which the thin pools are new."""
    return daemon.fresh(probes=["thin_pools"])


@pytest.fixture
def allowed(vm: Vm, daemon: Daemon) -> Iterator[None]:
    """The probe of thin pools is on, and the unit has the drop-in that the documents show."""
    shown = re.search(r"lvm\.conf`:\n\n((?: {4}.*\n)+)", OPERATIONS.read_text())
    assert shown
    vm.run(f"cat > {DROP_IN}", stdin=textwrap.dedent(shown[1]).encode())
    daemon.restart()
    daemon.configure(INTERVAL, ON)
    yield
    daemon.configure(INTERVAL)
    vm.run(f"rm {DROP_IN}")
    daemon.restart()


@pytest.fixture
def pool(vm: Vm) -> Iterator[None]:
    """The thin pool with its volume."""
    vm.run("modprobe dm-thin-pool")
    vm.run(MAKE_POOL)
    yield
    vm.attempt(REMOVE_POOL)


@pytest.mark.usefixtures("pool", "allowed")
def test_a_thin_pool_that_fills_up(vm: Vm, daemon: Daemon, report: Report) -> None:
    """Data and metadata of a real pool are what its status says, and 90 % are critical."""
    readings = []
    for mib in (8, 58):
        vm.run(f"{WRITE} count={mib}")
        low = used(vm)
        page = page_of(daemon)
        readings.append((mib, low, used(vm), page))
    report.table(
        "thin pool (MiB written, blocks of metadata and data before and after, xenwatch's bytes)",
        [
            (str(mib), str(low), str(high), str(page.get(DATA, thin_pool=POOL)))
            for mib, low, high, page in readings
        ],
    )

    for _, low, high, page in readings:
        assert low[1] * BLOCK <= (page.get(DATA, thin_pool=POOL) or 0) <= high[1] * BLOCK
        # What a transaction has used is free again once it is committed.
        least, most = sorted((low[0], high[0]))
        assert least * 4096 <= (page.get(METADATA, thin_pool=POOL) or 0) <= most * 4096
    page = readings[-1][-1]
    assert page.get("xenwatch_thin_pool_data_max_bytes", thin_pool=POOL) == 64 << 20
    assert page.get("xenwatch_thin_pool_mode", thin_pool=POOL, mode="rw") == 1
    states = page.of("xenwatch_alert_state")
    near = [
        dict(labels)
        for labels in states
        if dict(labels).get("alert") == "XenwatchThinPoolDataNearLimit"
    ]
    assert {its["severity"] for its in near if its["state"] in ("pending", "firing")} == {
        "warning",
        "critical",
    }


def test_a_disk_that_hangs_is_named(vm: Vm, daemon: Daemon, report: Report) -> None:
    """Requests of a guest that do not complete for two minutes fire, and end when they complete."""
    line = (
        'disk=["format=raw,vdev=xvda,access=rw,script=block-tests,target=/dev/mapper/tests-disk"]'
    )
    vm.run(HANGS)
    try:
        guests.create(vm, "hangs", Shape(disks=0, vifs=0, extra=(line,)))
        domid = str(guests.domid(vm, "hangs"))
        took = vm.wait(lambda: bool(daemon.page().of(STALLED)), "a disk that hangs", 400)
        page = daemon.fresh(probes=["disks"])
        vm.run("dmsetup resume tests-lower")
        vm.wait(lambda: not daemon.page().of(STALLED), "the end of the hang", 120)
    finally:
        vm.attempt("dmsetup resume tests-lower")
        guests.destroy(vm, "hangs")
        vm.attempt(REMOVE_DISK)

    report.note("from the start of the guest until its storage is said to hang", took)
    ((labels, disks),) = page.of(STALLED).items()
    assert disks == 1
    assert dict(labels)["domid"] == domid
    assert dict(labels)["name"] == "hangs"
    assert dict(labels)["device"] == "51712"
    assert dict(labels)["storage"].startswith("dm-")
    assert page.get("xenwatch_alert_state", **ALERT) == 1
    assert (page.get("xenwatch_disk_requests_in_flight", domid=domid, device="51712") or 0) > 0


def test_inodes_used_up_are_critical_while_space_is_left(vm: Vm, daemon: Daemon) -> None:
    """When no file can be made any more the limit is reached, and the one of space is not near."""
    try:
        refused, inodes, space = vm.run(FEW_INODES).strip().splitlines()
        page = daemon.fresh(probes=["file_systems"])
    finally:
        vm.attempt("umount /var/log")

    used, most = map(int, inodes.split())
    labels = {"mountpoint": "/var/log"}
    assert "No space left on device" in refused
    assert int(space.strip().rstrip("%")) < 50
    assert page.get("xenwatch_inodes_used", **labels) == used == most
    assert page.get("xenwatch_inodes_max", **labels) == most
    assert alerting(page, "XenwatchInodesNearLimit") == {"warning", "critical"}
    assert alerting(page, "XenwatchFileSystemNearLimit") == set()
