"""The QEMU of an HVM guest: its wakeups by hand, their causes, and a device switched off."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.xen import guests
from tests.xen.daemon import DROP_INS, INTERVAL, PROGRAM, READING, SCRIPTS, Daemon, Page, section
from tests.xen.guests import DIRECTORY, Shape
from tests.xen.report import Report
from tests.xen.vm import Vm
from xenwatch.parse.hist import parse_hists
from xenwatch.probes import PROBES
from xenwatch.sources.histograms import DIRECTORIES, INSTANCE, POLL, SLEEP

DOM0_ARGS = ""

WAKEUPS = "xenwatch_qemu_wakeups_total"
CAUSES = "xenwatch_qemu_wakeups_by_cause_total"
PROBE = "qemu_wakeups_by_cause"
ON = section(next(probe for probe in PROBES if probe.name == PROBE))
MINUTE = 60.0
SPAN = 20.0
"""Seconds over which rates are told that differ by far."""
MODULES = (
    *("usb/common/usb-common.ko", "usb/core/usbcore.ko", "usb/host/uhci-hcd.ko"),
    *("hid/hid.ko", "hid/usbhid/usbhid.ko", "hid/hid-generic.ko"),
)
"""What a Linux guest needs to run the USB controller, below drivers/ of dom0's own modules."""
INITRD = f"{DIRECTORY}/usb.gz"
PACK = f"""set -e
rm -rf /root/tree; mkdir /root/tree; cd /root/tree
zcat {DIRECTORY}/initrd.gz | cpio --quiet -id
for name in {" ".join(MODULES)}; do
    cp /lib/modules/$(uname -r)/kernel/drivers/$name modules
    echo "insmod /modules/${{name##*/}}" >>usb.sh
done
sed '/xen-blkfront/{{r usb.sh
}}' init >init.new
chmod +x init.new; mv init.new init
find . | cpio --quiet -o -H newc | gzip >{INITRD}
"""
WITH_USB = Shape(
    "hvm",
    extra=(
        f'ramdisk="{INITRD}"',
        'extra="console=ttyS0 console=hvc0 mitigations=off usbcore.autosuspend=-1"',
        "usb=1",
        'usbdevice="tablet"',
    ),
)
DROP_IN = f"{DROP_INS}/tracing.conf"
TRACES = f"{DIRECTORIES[0]}/{INSTANCE}"
GUEST = "hvm1"


@pytest.fixture
def packed(vm: Vm) -> None:
    """The machine has an initramfs whose kernel runs the USB controller."""
    if vm.attempt(f"test -e {INITRD}").status:
        vm.run(PACK)


@pytest.fixture
def with_usb(vm: Vm, packed: None) -> int:
    """The domain id of an HVM guest whose QEMU has a USB tablet that the guest uses."""
    guests.start(vm, GUEST, shapes={GUEST: WITH_USB})
    return guests.domid(vm, GUEST)


@pytest.fixture
def causes(vm: Vm, daemon: Daemon, with_usb: int) -> Iterator[None]:
    """The probe of the causes is on, and the unit may write what it needs."""
    if vm.attempt(f"test -e {DROP_IN}").status:
        paths = f"[Service]\nReadWritePaths={DIRECTORIES[0]}/instances\n"
        vm.run(f"cat > {DROP_IN}", stdin=paths.encode())
        daemon.restart()
    daemon.configure(INTERVAL, ON)
    vm.wait(lambda: bool(daemon.page().of(CAUSES)), CAUSES, 60)
    yield
    daemon.configure(INTERVAL)


def pid_of(vm: Vm, domid: int) -> str:
    """The pid of a guest's QEMU, as the toolstack has it."""
    return vm.run(f"xenstore-read /local/domain/{domid}/image/device-model-pid").strip()


def reading(
    daemon: Daemon, domid: int, since: float = 0.0, also: Sequence[str] = ()
) -> tuple[Page, float]:
    """A page with wakeups of a domain and what `also` reads, and when the wakeups were read."""
    daemon.vm.wait(
        lambda: daemon.page().get(WAKEUPS, domid=str(domid)) is not None, f"QEMU of {domid}", 90
    )
    page = daemon.fresh(since, ["qemus", *also])
    return page, page.by(READING, "probe")["qemus"]


def sampler(vm: Vm, pid: str, seconds: float) -> subprocess.Popen[bytes]:
    """Samples of a process's wakeups by hand, while other things are done."""
    argv = [*vm.ssh(), f"python3 {SCRIPTS}/wakeups.py {pid} {seconds:.0f}"]
    return subprocess.Popen(argv, stdout=subprocess.PIPE)


def at(samples: Sequence[tuple[float, int]], moment: float) -> float:
    """Wakeups at a moment between two samples."""
    after = next(number for number, (when, _) in enumerate(samples) if when >= moment)
    (then, low), (now, high) = samples[after - 1], samples[after]
    return low + (high - low) * (moment - then) / (now - then)


def watched(
    vm: Vm, daemon: Daemon, domid: int, seconds: float, also: Sequence[str] = ()
) -> tuple[float, float, Page, Page]:
    """Wakeups a second over so long, by xenwatch and by hand, and the pages at its ends."""
    with sampler(vm, pid_of(vm, domid), seconds + 60) as by_hand:
        time.sleep(3)
        first, began = reading(daemon, domid, also=also)
        last, ended = reading(daemon, domid, began + seconds, also)
        time.sleep(1)
        by_hand.terminate()
        assert by_hand.stdout is not None
        lines = by_hand.stdout.read().decode().rpartition("\n")[0].splitlines()
    samples = [(float(when), int(total)) for when, total in (line.split() for line in lines)]
    ours = rates(first, last, "qemus", WAKEUPS, domid)[""]
    return ours, (at(samples, ended) - at(samples, began)) / (ended - began), first, last


def rates(first: Page, last: Page, probe: str, metric: str, domid: int) -> dict[str, float]:
    """What a domain's counters have grown a second between two readings, by cause."""
    seconds = last.by(READING, "probe")[probe] - first.by(READING, "probe")[probe]
    return {
        dict(its).get("cause", ""): (value - first.of(metric).get(its, 0)) / seconds
        for its, value in last.of(metric).items()
        if dict(its)["domid"] == str(domid)
    }


def emulated(page: Page, domid: int) -> set[str]:
    """The emulated devices of a domain."""
    devices = [dict(its) for its in page.of("xenwatch_qemu_emulated_device")]
    return {its["device"] for its in devices if its["domid"] == str(domid)}


@pytest.mark.usefixtures("causes")
def test_wakeups_and_their_causes_are_those_counted_by_hand(
    vm: Vm, daemon: Daemon, report: Report, with_usb: int
) -> None:
    """Over a minute xenwatch counts the voluntary switches of all threads, and tells why."""
    ours, by_hand, first, page = watched(vm, daemon, with_usb, MINUTE, [PROBE])
    by_cause = rates(first, page, PROBE, CAUSES, with_usb)
    texts = [vm.run(f"cat {TRACES}/{event}/hist").encode() for event in (POLL, SLEEP)]
    threads = int(vm.run(f"ls /proc/{pid_of(vm, with_usb)}/task | wc -l"))

    report.note(f"wakeups of an idle QEMU a second: {ours:.1f}, by hand {by_hand:.1f}", MINUTE)
    report.note(f"their causes: {by_cause}", MINUTE)
    assert by_hand * MINUTE > 1000
    assert ours == pytest.approx(by_hand, rel=0.02)
    assert by_cause.keys() == {"timer", "io"}
    # A QEMU may sleep in something else than its polls.
    assert sum(by_cause.values()) == pytest.approx(ours, rel=0.05)
    assert [hist.dropped for text in texts for hist in parse_hists(text)] == [0, 0, 0]
    assert page.get("xenwatch_qemu_threads", domid=str(with_usb)) == threads
    assert page.get("xenwatch_qemu_wait_seconds_total", domid=str(with_usb)) is not None
    assert emulated(page, with_usb) >= {"usb", "usb-tablet"}


@pytest.mark.usefixtures("causes")
def test_nothing_of_the_causes_stays(vm: Vm, daemon: Daemon, report: Report) -> None:
    """A daemon that was killed finds its instance again, and it goes with the probe."""
    on = float(vm.run(f"python3 {SCRIPTS}/wakeups.py cost"))
    vm.run("systemctl kill -s KILL xenwatch", deadline=30)
    daemon.wait()
    vm.wait(lambda: bool(daemon.page().of(CAUSES)), CAUSES, 60)

    daemon.configure(INTERVAL)

    vm.wait(lambda: bool(vm.attempt(f"test -d {TRACES}").status), "the instance to go", 30)
    off = float(vm.run(f"python3 {SCRIPTS}/wakeups.py cost"))
    report.note(f"CPU time of a poll that waits: {off:.2f} us, {on:.2f} us with causes", 0)
    assert not daemon.fresh(probes=["qemus"]).of(CAUSES)


def test_dom0s_own_qemu_is_no_guests(vm: Vm, daemon: Daemon, with_usb: int) -> None:
    """No series is about domain 0, whose backend QEMU runs too."""
    vm.run("pgrep -f 'xen-domid 0'")

    assert daemon.fresh(probes=["qemus"]).by(WAKEUPS, "domid").keys() == {str(with_usb)}


def test_advice_taken_is_a_qemu_without_usb(vm: Vm, daemon: Daemon, packed: None) -> None:
    """The very lines that advise, run in dom0, says to change have the guest start without USB."""
    path = f"{DIRECTORY}/advised.cfg"
    # Paused: the emulator cannot lose it, and its QEMU is all that is looked at.
    create = f"{guests.prepare(vm, 'advised', WITH_USB)} -p"
    vm.run(create, deadline=240)
    try:
        told = json.loads(vm.run(f"{PROGRAM} advise --interval 5 --format json", deadline=120))
        (mine,) = [row for row in told["vms"] if row["name"] == "advised"]
        before = emulated(daemon.fresh(), mine["domid"])
        lines = vm.run(f"cat {path}").splitlines()
        for remedy in mine["remedies"]:
            lines = changed(lines, remedy["command"])
        text = "".join(f"{line}\n" for line in lines)
        vm.run(f"xl destroy advised; cat > {path}", stdin=text.encode())
        vm.run(create, deadline=240)
        page, domid = daemon.fresh(), guests.domid(vm, "advised")
    finally:
        guests.destroy(vm, "advised")

    assert told["toolstack"] == "xl"
    assert mine["wakeups_per_second"] is not None
    assert {remedy["device"] for remedy in mine["remedies"]} == before >= {"usb", "usb-tablet"}
    assert str(domid) in page.by(WAKEUPS, "domid")
    assert not emulated(page, domid)


def test_a_usb_tablet_less_is_fewer_wakeups(
    vm: Vm, daemon: Daemon, report: Report, with_usb: int
) -> None:
    """A guest's QEMU wakes far less often when its emulated USB tablet has been taken away."""
    before, _, _, _ = watched(vm, daemon, with_usb, SPAN)
    monitor = f"xl qemu-monitor-command {GUEST}"
    tree = vm.run(f"{monitor} 'info qom-tree /machine/unattached'")
    (tablet,) = re.findall(r"^ *(/device\[\d+\]) \(usb-tablet\)", tree, re.MULTILINE)
    vm.run(f"{monitor} 'device_del /machine/unattached{tablet}'")
    try:
        after, by_hand, _, _ = watched(vm, daemon, with_usb, SPAN)
    finally:
        guests.destroy(vm, GUEST)

    report.note(f"wakeups a second with USB tablet {before:.2f}, without {after:.2f}", SPAN)
    assert before > 2 * after
    assert after == pytest.approx(by_hand, rel=0.02, abs=1)


def changed(lines: Sequence[str], command: str) -> list[str]:
    """An xl.cfg after what advise says of it: what to set, and the settings to remove."""
    new, _, out = command.removeprefix("xl.cfg: ").partition("remove ")
    set_ = [line for line in new.split("; ") if line]
    # What follows is about arguments for QEMU, which this guest has none of.
    gone = re.findall(r"(\w+)=", " ".join([*set_, out.partition("and from ")[0]]))
    return [line for line in lines if line.partition("=")[0] not in gone] + set_
