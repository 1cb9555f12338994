"""The QEMU of an HVM guest: its wakeups by hand, their causes, and a device switched off."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

import pytest

from tests.xen import guests
from tests.xen.daemon import INTERVAL, READING, SCRIPTS, Daemon, Page
from tests.xen.guests import DIRECTORY, Shape
from tests.xen.report import Report
from tests.xen.vm import Vm
from xenwatch.parse.hist import DIRECTORIES, INSTANCE, POLL, SLEEP, parse_hists

DOM0_ARGS = ""

WAKEUPS = "xenwatch_qemu_wakeups_total"
CAUSES = "xenwatch_qemu_wakeups_by_cause_total"
PROBE = "qemu_wakeups_by_cause"
ON = f"[probes.{PROBE}]\nenabled = true\ninterval = {INTERVAL}\n"
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
        'device_model_args_hvm=["-usb","-device","usb-tablet,port=2"]',
    ),
)
WITHOUT_USB = Shape("hvm", extra=WITH_USB.extra[:2])
DROP_IN = "/etc/systemd/system/xenwatch.service.d/tracing.conf"

pytestmark = pytest.mark.timeout(1800)


def started(vm: Vm, name: str, shape: Shape) -> int:
    """The domain id of a new HVM guest."""
    guests.start(vm, name, shapes={name: shape})
    return guests.domid(vm, name)


@pytest.fixture
def with_usb(vm: Vm) -> int:
    """The domain id of an HVM guest whose QEMU has a USB tablet that the guest uses."""
    if vm.attempt(f"test -e {INITRD}").status:
        vm.run(PACK)
    return started(vm, "hvm1", WITH_USB)


def pid_of(vm: Vm, domid: int) -> str:
    """The pid of a guest's QEMU, as the toolstack has it."""
    return vm.run(f"xenstore-read /local/domain/{domid}/image/device-model-pid").strip()


def reading(
    daemon: Daemon, domid: int, since: float | None = None, also: Sequence[str] = ()
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
    """Wakeups of so long by xenwatch and by hand, and the pages at its ends."""
    with sampler(vm, pid_of(vm, domid), seconds + 40) as by_hand:
        time.sleep(3)
        first, began = reading(daemon, domid, also=also)
        last, ended = reading(daemon, domid, began + seconds, also)
        time.sleep(1)
        by_hand.terminate()
        assert by_hand.stdout is not None
        lines = by_hand.stdout.read().decode().rpartition("\n")[0].splitlines()
    samples = [(float(when), int(total)) for when, total in (line.split() for line in lines)]
    ours = (last.get(WAKEUPS, domid=str(domid)) or 0) - (first.get(WAKEUPS, domid=str(domid)) or 0)
    return ours, at(samples, ended) - at(samples, began), first, last


def test_wakeups_are_those_counted_by_hand(
    vm: Vm, daemon: Daemon, report: Report, with_usb: int
) -> None:
    """Over a minute xenwatch counts the voluntary switches of all threads, within 2 %."""
    ours, by_hand, _, page = watched(vm, daemon, with_usb, MINUTE)

    report.note(f"wakeups of an idle QEMU in a minute: {ours:.0f}, by hand {by_hand:.0f}", MINUTE)
    assert by_hand > 1000
    assert abs(ours - by_hand) <= 0.02 * by_hand
    assert page.get("xenwatch_qemu_threads", domid=str(with_usb)) == int(
        vm.run(f"ls /proc/{pid_of(vm, with_usb)}/task | wc -l")
    )
    assert page.get("xenwatch_qemu_wait_seconds_total", domid=str(with_usb)) is not None


def test_dom0s_own_qemu_is_no_guests(vm: Vm, daemon: Daemon) -> None:
    """No series is about domain 0, whose backend QEMU runs too."""
    vm.run("pgrep -f 'xen-domid 0'")

    assert "0" not in daemon.fresh(probes=["qemus"]).by(WAKEUPS, "domid")


def test_causes_add_up_and_nothing_stays(
    vm: Vm, daemon: Daemon, report: Report, with_usb: int
) -> None:
    """Timers and I/O together are all wakeups, and the instance goes with the probe."""
    instance = f"{DIRECTORIES[0]}/{INSTANCE}"
    vm.run(f"mkdir -p $(dirname {DROP_IN}); cat > {DROP_IN}", stdin=_drop_in())
    off = float(vm.run(f"python3 {SCRIPTS}/wakeups.py cost"))
    daemon.write(INTERVAL, ON)
    vm.run("systemctl daemon-reload; systemctl restart xenwatch", deadline=90)
    vm.wait(daemon.answers, "/metrics", 60)
    vm.wait(lambda: bool(daemon.page().of(CAUSES)), CAUSES, 60)
    on = float(vm.run(f"python3 {SCRIPTS}/wakeups.py cost"))
    texts = [vm.run(f"cat {instance}/{event}/hist").encode() for event in (POLL, SLEEP)]

    ours, _, first, last = watched(vm, daemon, with_usb, MINUTE, [PROBE])
    by_cause = {
        cause: (last.get(CAUSES, domid=str(with_usb), cause=cause) or 0)
        - (first.get(CAUSES, domid=str(with_usb), cause=cause) or 0)
        for cause in ("timer", "io")
    }
    report.note(f"a minute: {by_cause}, wakeups {ours:.0f}; poll {off:.2f} us, {on:.2f} us", 0)
    vm.run("systemctl kill -s KILL xenwatch", deadline=30)
    vm.wait(daemon.answers, "the daemon after SIGKILL", 60)
    vm.wait(lambda: bool(daemon.page().of(CAUSES)), CAUSES, 60)
    daemon.configure(INTERVAL)
    vm.wait(lambda: bool(vm.attempt(f"test -d {instance}").status), "the instance to go", 30)

    assert [hist.dropped for text in texts for hist in parse_hists(text)] == [0, 0, 0]
    # The two probes are run a moment apart, and a QEMU may wait for something but its polls.
    assert abs(ours - sum(by_cause.values())) <= 0.05 * ours


def test_a_usb_tablet_less_is_fewer_wakeups(
    vm: Vm, daemon: Daemon, report: Report, with_usb: int
) -> None:
    """Without its emulated USB tablet the same guest's QEMU wakes far less often."""
    rates, devices = {}, {}
    for name in ("with", "without"):
        its = with_usb if name == "with" else started(vm, name, WITHOUT_USB)
        count, _, page, _ = watched(vm, daemon, its, SPAN)
        rates[name] = count / SPAN
        devices[name] = {
            dict(labels)["device"]
            for labels in page.of("xenwatch_qemu_emulated_device")
            if dict(labels)["domid"] == str(its)
        }
    guests.destroy(vm, "without")
    report.note(f"wakeups a second with USB tablet and without: {rates}", SPAN)

    assert {"usb", "usb-tablet"} <= devices["with"]
    assert not {"usb", "usb-tablet"} & devices["without"]
    assert rates["with"] > 2 * rates["without"]


@pytest.mark.usefixtures("daemon", "with_usb")
def test_advice_is_about_this_host(vm: Vm) -> None:
    """xenwatch advise, run in dom0, ranks the guest and speaks of its xl.cfg."""
    told = vm.run("/opt/xenwatch/bin/xenwatch advise --interval 5", deadline=120)

    assert '"hvm1"' in told
    assert "wakeups a second" in told


def _drop_in() -> bytes:
    return f"[Service]\nReadWritePaths={DIRECTORIES[0]}/instances\n".encode()
