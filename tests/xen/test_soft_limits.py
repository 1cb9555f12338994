"""The soft limits of a real dom0: datapath, disks, slices, control path, against its own files."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from collections.abc import Mapping
from typing import Final

import pytest

from tests.xen import guests
from tests.xen.daemon import PREFIX, SCRIPTS, Daemon, Page, section
from tests.xen.guests import Shape
from tests.xen.report import Report
from tests.xen.vm import Vm
from tests.xen.wheels import ROOT
from xenwatch import probes

DOM0_ARGS = ""

KIB: Final = 1024
CPU: Final = "xenwatch_datapath_cpu_seconds_total"
METRICS: Final[Mapping[str, tuple[str, tuple[str, ...], float]]] = {
    "datapath": (CPU, ("domid", "kind"), 0.1),
    "queues": ("xenwatch_vif_queues", ("domid", "device"), 0),
    "dropped": ("xenwatch_vif_dropped_packets_total", ("domid", "device", "direction"), 0),
    "unattached": ("xenwatch_vifs_unattached", ("domid",), 0),
    "requests": ("xenwatch_disk_requests_total", ("domid", "device", "operation"), 0),
    "bytes": ("xenwatch_disk_bytes_total", ("domid", "device", "operation"), 0),
    "waited": ("xenwatch_disk_out_of_requests_total", ("domid", "device"), 0),
    "vcpus": ("xenwatch_dom0_vcpus", (), 0),
    "cpu": ("xenwatch_dom0_cpu_seconds_total", ("cpu", "mode"), 0.1),
}
"""Words of `dom0/soft.sh`: the metric, its labels, and how far ticks may be off."""
RINGS: Final = section(next(probe for probe in probes.PROBES if probe.name == "netback_rings"))
MISPLACED: Final = "xenwatch_misplaced_processes"
CONTROL: Final = "/sys/fs/cgroup/control.slice"
DROP_IN: Final = "/etc/systemd/system/ssh.service.d"
MISPLACE: Final = (
    f"echo +cpu > /sys/fs/cgroup/cgroup.subtree_control; mkdir -p {CONTROL} {DROP_IN};"
    f" printf '[Service]\\nSlice=control.slice\\n' > {DROP_IN}/slice.conf"
)
"""What makes of this dom0 one that wants its ssh in a control.slice."""
PROBES: Final = ("datapath", "disks", "dom0_cpus", "slices", "control_path")
POPULATION: Final = ("pv1", "pv5")
"""One guest of the smallest shape, and one with three disks and two interfaces."""

UNATTACHED: Final = "XenwatchVifUnattached"
LOST: Final = {"in no bridge": ("nomaster", "master xenbr0"), "down": ("down", "up")}
"""How a vif loses its network and gets it back, by its fault."""
SHORTLY: Final = "[alerts]\nkeep_firing_for = 1\n[alerts.vif_unattached]\nfor = 15\n"
"""Alerts that need not last for minutes."""

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def population(vm: Vm) -> None:
    """The guests."""
    guests.start(vm, *POPULATION)


def by_hand(vm: Vm) -> tuple[Values, dict[tuple[str, str], str]]:
    """What dom0's own files say: series, and the storage of each disk."""
    found: Values = {}
    storage = {}
    for line in vm.run(f"{SCRIPTS}/soft.sh", deadline=120).splitlines():
        word, *rest = line.split()
        if word == "info":
            storage[rest[0], rest[1]] = rest[2]
            continue
        metric, labels, _ = METRICS[word]
        found[metric, frozenset(zip(labels, rest[:-1], strict=True))] = float(rest[-1])
    return found, storage


def fires(page: Page) -> bool:
    """Whether the alert about interfaces without a network fires."""
    labels = {"alert": UNATTACHED, "severity": "warning", "state": "firing"}
    return page.get("xenwatch_alert_state", **labels) == 1


def page_of(daemon: Daemon) -> Page:
    """A page on which all soft limits are new."""
    return daemon.fresh(probes=PROBES)


@pytest.mark.usefixtures("population")
def test_every_value_lies_between_two_readings_by_hand(
    vm: Vm, daemon: Daemon, report: Report
) -> None:
    """CPU time by domain, queues, drops, requests and dom0's CPUs are what the files say."""
    before, _ = by_hand(vm)
    page = page_of(daemon)
    after, storage = by_hand(vm)
    wrong = []
    slack = {metric: off for metric, _, off in METRICS.values()}
    for series, low in before.items():
        value, high = page.series.get(series), after[series]
        if value is None or not low - slack[series[0]] <= value <= high + slack[series[0]]:
            wrong.append(f"{series}: {value}, by hand {low} to {high}")
    said = {key for key in page.series if key[0] in slack}
    rows = [
        (str(key[0]), str(sorted(key[1])), str(before.get(key)), str(page.series.get(key)))
        for key in sorted(said | before.keys(), key=str)
    ]
    report.table("soft limits (metric, labels, by hand, xenwatch)", rows)

    assert wrong == []
    assert said - before.keys() == set()
    infos = [dict(labels) for labels in page.of("xenwatch_disk_info")]
    assert {(info["domid"], info["device"]): info["storage"] for info in infos} == storage
    assert {info["backend"] for info in infos} == {"blkback"}


def test_a_guest_that_reads_is_told_by_its_disk(vm: Vm, daemon: Daemon, population: None) -> None:
    """Threads and disks of a new guest are on the page without a restart, with what it reads."""
    size = 128 * 64 * KIB
    shape = Shape(extra=('extra="console=hvc0 mitigations=off READS=128"',))
    guests.start(vm, "reader", shapes={"reader": shape})
    try:
        domids = {name: str(guests.domid(vm, name)) for name in (*POPULATION, "reader")}
        page = page_of(daemon)
    finally:
        guests.destroy(vm, "reader")

    read = {
        dict(its)["domid"]: value
        for its, value in page.of("xenwatch_disk_bytes_total").items()
        if dict(its)["operation"] == "read"
    }
    assert domids.keys() == {*POPULATION, "reader"}
    assert set(domids.values()) <= {dict(labels)["domid"] for labels in page.of(CPU)}
    assert read.keys() == set(domids.values())
    assert size <= read[domids["reader"]] < 2 * size
    assert max(read[domids[name]] for name in POPULATION) < size / 2
    assert set(page.by("xenwatch_vifs_unconnected", "domid").values()) == {0}


def test_an_interface_off_its_bridge_is_told(vm: Vm, daemon: Daemon, population: None) -> None:
    """A vif taken from its bridge counts as unattached until it is put back."""
    domid = guests.domid(vm, "pv1")
    vm.run(f"ip link set vif{domid}.0 nomaster")
    try:
        page = page_of(daemon)
    finally:
        vm.run(f"ip link set vif{domid}.0 master xenbr0")

    assert page.get("xenwatch_vifs_unattached", domid=str(domid)) == 1
    assert page_of(daemon).get("xenwatch_vifs_unattached", domid=str(domid)) == 0


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.usefixtures("population")
def test_a_guest_without_its_network_is_alerted(
    vm: Vm, daemon: Daemon, report: Report, fault: str
) -> None:
    """A vif off its bridge, or down, fires with the guest's name, and resolves when put back."""
    lost, back = LOST[fault]
    domid = guests.domid(vm, "pv1")
    device = f"vif{domid}.0"
    daemon.configure(daemon.interval, SHORTLY)
    try:
        page_of(daemon)
        vm.run(f"ip link set {device} {lost}")
        seconds = vm.wait(lambda: fires(daemon.page()), UNATTACHED, 180)
        page = daemon.page()
        vm.run(f"ip link set {device} {back}")
        vm.wait(lambda: not fires(daemon.page()), f"no {UNATTACHED}", 180)
    finally:
        vm.run(f"ip link set {device} {back}")
        daemon.configure(daemon.interval)
    report.note(f"{fault}: {UNATTACHED} after", seconds)

    told = [dict(labels) for labels in page.of("xenwatch_vif_fault")]
    assert [(its["domid"], its["name"], its["device"], its["fault"]) for its in told] == [
        (str(domid), "pv1", device, fault)
    ]
    assert told[0]["uuid"] in vm.run("xl vm-list | grep -w pv1")


def test_a_qemu_that_serves_a_disk_counts_for_its_guest(vm: Vm, daemon: Daemon) -> None:
    """Where QEMU is the backend of a PV guest's disk, its CPU time is the guest's."""
    disk = f"{guests.DIRECTORY}/qdisk.img"
    line = f'disk=["format=raw,vdev=xvda,access=rw,backendtype=qdisk,target={disk}"]'
    vm.run(f"truncate -s 16M {disk}")
    created = guests.create(vm, "qdisk", Shape(disks=0, vifs=0, extra=(line,)))
    domid = guests.domid(vm, "qdisk")
    key = CPU, frozenset({("domid", str(domid)), ("kind", "qdisk")})
    try:
        vm.wait(lambda: key in by_hand(vm)[0], "a QEMU of the guest", 60)
        low = by_hand(vm)[0][key]
        page = page_of(daemon)
        high = by_hand(vm)[0][key]
    finally:
        guests.destroy(vm, "qdisk")

    assert created.status == 0
    assert low - 0.1 <= page.series[key] <= high + 0.1


def test_rings_are_those_of_debugfs(vm: Vm, daemon: Daemon, population: None) -> None:
    """Slots and waiting requests of each interface are what netback's own files say."""
    daemon.configure(daemon.interval, RINGS)
    try:
        page = daemon.fresh(probes=["netback_rings"])
    finally:
        daemon.configure(daemon.interval)
    text = vm.run("cd /sys/kernel/debug/xen-netback && grep -H . vif*/io_ring_q*")
    slots = {}
    waiting = {}
    for vif in {line.partition("/")[0] for line in text.splitlines()}:
        its = "\n".join(line for line in text.splitlines() if line.startswith(f"{vif}/"))
        sizes = map(int, re.findall(r"[TR]X: nr_ents (\d+)", its))
        asked = map(int, re.findall(r"req prod (\d+)", its))
        answered = map(int, re.findall(r"rsp prod (\d+)", its))
        # What is the guest's transmission is received in dom0.
        for direction, size, come, done in zip(("rx", "tx"), sizes, asked, answered, strict=True):
            slots[vif, direction] = size
            waiting[vif, direction] = come - done

    def told(metric: str) -> dict[tuple[str, str], float]:
        series = ((dict(labels), value) for labels, value in page.of(metric).items())
        return {(its["device"], its["direction"]): value for its, value in series}

    assert len(slots) == 2 * 3
    assert told("xenwatch_vif_ring_slots") == slots
    assert told("xenwatch_vif_ring_requests") == waiting
    assert set(page.by("xenwatch_vif_stopped_queues", "device").values()) == {0}


def test_a_slice_is_given_the_share_that_is_computed(vm: Vm, report: Report) -> None:
    """With every slice busy, dom0's kernel divides the CPU as xenwatch says it will."""
    vm.put([ROOT / "tests/contention.py"], "/root")
    found = json.loads(vm.run(f"{PREFIX}/bin/python /root/contention.py", deadline=120))

    control, vms = (found["by_name"][name] for name in ("control.slice", "vm.slice"))
    report.note(f"share of control.slice {control['share']:.3f}, given {control['given']:.3f}", 0)
    assert found["hierarchy"] == 2
    assert control["share"] == pytest.approx(control["given"], rel=0.1)
    assert vms["share"] == pytest.approx(vms["given"], rel=0.2)


def test_slices_have_weights_where_the_kernel_gives_them(vm: Vm, daemon: Daemon) -> None:
    """Weights are those of cpu.weight; without control.slice nothing is misplaced."""
    page = page_of(daemon)
    weights = page.by("xenwatch_slice_weight", "slice")

    for name in ("system.slice", "user.slice"):
        said = vm.attempt(f"cat /sys/fs/cgroup/{name}/cpu.weight")
        assert weights.get(name) == (float(said.stdout) if said.status == 0 else None)
    shares = page.by("xenwatch_slice_share_under_contention_ratio", "slice")
    assert shares.keys() == weights.keys()
    assert sum(shares.values()) < 1
    assert page.of(MISPLACED) == {}
    assert "control.slice" not in weights


def test_what_is_not_where_it_belongs_is_told(vm: Vm, daemon: Daemon) -> None:
    """A service that a drop-in wants in control.slice, a QEMU inside it, and its drift are told."""
    vm.run(f"{MISPLACE}; cd /root; cp /bin/sleep qemu-system-i38; ./qemu-system-i38 600 >&- 2>&- &")
    vm.run(f"pgrep -x qemu-system-i38 > {CONTROL}/cgroup.procs")
    try:
        page = page_of(daemon)
        group = vm.run("grep ^0: /proc/$(pgrep -o -x sshd)/cgroup").strip().removeprefix("0::")
        count = int(vm.run("pgrep -c -x sshd"))
        weight = float(vm.run(f"cat {CONTROL}/cpu.weight"))
    finally:
        vm.run(f"pkill -x qemu-system-i38; sleep 1; rmdir {CONTROL}; rm -r {DROP_IN}")

    assert page.get(MISPLACED, comm="sshd", cgroup=group) == count
    assert page.get(MISPLACED, comm="qemu-system-i38", cgroup="/control.slice") == 1
    assert page.get("xenwatch_slice_weight", slice="control.slice") == weight == 100
    assert page.get("xenwatch_slice_expected_weight", slice="control.slice") == 1000


def test_a_stopped_xenstored_is_a_failure_and_the_daemon_goes_on(vm: Vm, daemon: Daemon) -> None:
    """Round trips that have no answer in time are counted, and afterwards the answers again."""
    failures = "xenwatch_control_path_failures_total"
    answers = "xenwatch_control_path_round_trip_seconds_count"
    first = page_of(daemon)
    had = first.get(failures, target="xenstored")
    assert had is not None
    pid = vm.run("cat /run/xenstore.pid").strip()
    vm.run(f"kill -{signal.SIGSTOP.value} {pid}")
    try:
        vm.wait(
            lambda: (daemon.page().get(failures, target="xenstored") or 0) > had, "a failure", 60
        )
    finally:
        vm.run(f"kill -{signal.SIGCONT.value} {pid}")
    then = daemon.page().get(answers, target="xenstored") or 0

    vm.wait(lambda: (daemon.page().get(answers, target="xenstored") or 0) > then, "an answer", 60)
    assert (first.get(answers, target="xenstored") or 0) > 0
    assert "xapi" not in daemon.page().by(failures, "target")


def test_a_stopped_xenstored_is_an_alert_that_ends(vm: Vm, daemon: Daemon) -> None:
    """xenstored that is stopped for a while is told as critical, and no more once it answers."""
    alert = {"alert": "XenwatchXenstoredUnresponsive", "severity": "critical"}
    soon = "[alerts]\nkeep_firing_for = 0\n[alerts.xenstored_unresponsive]\nfor = 10\n"

    def is_in(state: str) -> bool:
        return daemon.page().get("xenwatch_alert_state", state=state, **alert) == 1

    daemon.configure(daemon.interval, soon)
    vm.wait(lambda: is_in("ok"), "a xenstored that answers", 90)
    pid = vm.run("cat /run/xenstore.pid").strip()
    # Whatever becomes of this test, dom0 has its xenstored back.
    vm.run(f"(sleep 180; kill -CONT {pid}) >/dev/null 2>&1 </dev/null & kill -STOP {pid}")
    try:
        vm.wait(lambda: is_in("firing"), "the alert", 150)
        failing = daemon.page().get("xenwatch_control_path_failed_ratio", target="xenstored")
    finally:
        vm.run(f"kill -CONT {pid}")

    assert failing is not None
    assert failing >= 0.5
    vm.wait(lambda: is_in("ok"), "the end of the alert", 150)
    daemon.configure(daemon.interval)


def test_nodes_of_guests_are_those_xenstore_ls_counts(
    vm: Vm, daemon: Daemon, population: None, report: Report
) -> None:
    """oxenstored tells how many nodes a guest owns, and nothing else of its quotas."""
    listed = vm.run("xenstore-ls -f -p", deadline=120)
    owned = Counter(re.findall(r"\([nrwb](\d+)[^()\n]*\)$", listed, re.MULTILINE))
    page = daemon.fresh(probes=["xenstore_quotas"])
    tool = "timeout 10 xenstore-control"
    for words in ("quota", *(f"quota {domid}" for domid in sorted(owned))):
        answer = vm.attempt(f"{tool} {words}")
        report.note(f"oxenstored, {words}: status {answer.status}, {answer.stdout.strip()!r}", 0)

    guest_nodes = {domid: nodes for domid, nodes in owned.items() if domid != "0"}
    assert page.by("xenwatch_xenstore_nodes_used", "domid") == guest_nodes
    assert set(page.by("xenwatch_xenstore_nodes_max", "domid").values()) == {1000}
    assert page.of("xenwatch_xenstore_watches_used") == {}
