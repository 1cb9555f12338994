"""The soft limits of a real dom0: datapath, disks, slices, control path, against its own files."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from tests.xen import guests
from tests.xen.daemon import SCRIPTS, Daemon, Page
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = ""

METRICS: Final[Mapping[str, tuple[str, tuple[str, ...], float]]] = {
    "datapath": ("xenwatch_datapath_cpu_seconds_total", ("domid", "kind"), 0.1),
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
PROBES: Final = ("datapath", "disks", "dom0_cpus", "slices", "control_path")
POPULATION: Final = ("pv1", "pv5")
"""One guest of the smallest shape, and one with three disks and two interfaces."""

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def population(vm: Vm, report: Report) -> Iterator[None]:
    """The guests."""
    with report.stage("soft limits: guests started"):
        guests.start(vm, *POPULATION)
    yield
    guests.destroy(vm, *POPULATION)


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
    assert {(it["domid"], it["device"]): it["storage"] for it in infos} == storage
    assert {it["backend"] for it in infos} == {"blkback"}


@pytest.mark.usefixtures("population")
def test_a_guest_that_reads_is_told_by_its_disk(vm: Vm, daemon: Daemon) -> None:
    """Threads and disks that a new guest brings are on the page without a restart."""
    domids = {str(guests.domid(vm, name)) for name in POPULATION}

    page = page_of(daemon)

    served = {dict(it)["domid"] for it in page.of("xenwatch_datapath_cpu_seconds_total")}
    assert domids <= served
    assert domids == {dict(it)["domid"] for it in page.of("xenwatch_disk_info")}
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
    assert page.of("xenwatch_misplaced_processes") == {}
    assert "control.slice" not in weights


def test_a_stopped_xenstored_is_a_failure_and_the_daemon_goes_on(vm: Vm, daemon: Daemon) -> None:
    """Round trips that have no answer in time are counted, and afterwards the answers again."""
    failures = "xenwatch_control_path_failures_total"
    answers = "xenwatch_control_path_round_trip_seconds_count"
    first = page_of(daemon)
    assert first.get(failures, target="xenstored") == 0
    pid = vm.run("cat /run/xenstore.pid").strip()
    vm.run(f"kill -{signal.SIGSTOP.value} {pid}")
    try:
        vm.wait(lambda: (daemon.page().get(failures, target="xenstored") or 0) > 0, "a failure", 60)
    finally:
        vm.run(f"kill -{signal.SIGCONT.value} {pid}")
    then = daemon.page().get(answers, target="xenstored") or 0

    vm.wait(lambda: (daemon.page().get(answers, target="xenstored") or 0) > then, "an answer", 60)
    assert (first.get(answers, target="xenstored") or 0) > 0
    assert "xapi" not in daemon.page().by(failures, "target")
