"""The metrics of a snapshot: names, labels, values, and what is left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import psutil
import pytest
from prometheus_client import ProcessCollector

from tests.planning.support import WINDOWS, plan, xenserver
from tests.support import UUIDS, full_snapshot, labelled, series
from xenwatch.alerts.states import Alerts, State
from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.config.settings import Settings
from xenwatch.exposition.text_format import Family, render
from xenwatch.limits.base import Limit, Max, Thresholds
from xenwatch.limits.states import assess
from xenwatch.metrics import METRICS, Configured, Counts, Metric, families
from xenwatch.metrics.base import Readings, Recorded
from xenwatch.metrics.own import limit_metrics
from xenwatch.metrics.process import own_process
from xenwatch.planning.estimates import Estimate, Learnt
from xenwatch.planning.prediction import Interval
from xenwatch.probes.control_path import NO_ROUND_TRIPS
from xenwatch.readings.control_path import ControlPath
from xenwatch.readings.domains import Domains
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

OVERRUNS = {"host": 2, "aio": 0}
EACH = Estimate(Interval(10.5, 12.0, 15.25), complete=True)
LEARNT = {WINDOWS: Learnt(23, EACH, EACH)}
POLICY = dataclasses.replace(
    Settings().alerts(), thresholds={"limit_full_soon": Thresholds(7200.0, None)}
)
PORTS = Limit(
    name="bridge_ports",
    title="Ports of a bridge",
    probe="bridges",
    used=lambda snapshot: snapshot.bridges.ports if snapshot.bridges else {},
    max=lambda _: {"xenbr0": Max(8, "kernel"), "ovs0": Max(2, 'the "switch"\n')},
    thresholds=Thresholds(0.5, None),
    source="/sys/class/net.",
    symptom="",
    reference="",
    label="bridge",
)  # fmt: skip


def assessed(snapshot: Snapshot) -> Assessment:
    """The assessment of a snapshot, with plans, a forecast and an alert that fires."""
    return dataclasses.replace(
        assess_pass(snapshot, Rules(policy=POLICY, maintenance=())),
        plans=(
            dataclasses.replace(plan(xenserver("6.2.0"), windows=1), learnt=LEARNT),
            plan(xenserver("6.1.0"), linux=1),
        ),
        seconds_to_full={"aio_requests": 3600.0},
        full_between={"aio_requests": (3000.0, 4200.0)},
        alerts=Alerts(states={("limit_full_soon", "warning"): State.FIRING}),
    )


def full_families() -> list[Family]:
    """Every family of the full snapshot."""
    counts = Counts(
        OVERRUNS,
        0,
        0,
        Configured(True, 1.0),
        {"limit": 0},
        {"idle": 2},
        Recorded(0, 7, successful=True, instant=1.0),
        {"backends": 0},
    )
    return families(assessed(full_snapshot()), counts)


def values(name: str, snapshot: Snapshot | None = None) -> Mapping[tuple[str, ...], float]:
    """One metric's values by its labels' values, of the full snapshot unless told another."""
    return labelled(name, render(families(assessed(snapshot or full_snapshot()), Counts(OVERRUNS))))


def of_limits(snapshot: Snapshot, *limits: Limit) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """What the metrics made from these limits say of a snapshot."""
    states = assess(snapshot, limits=limits)
    own = [metric for limit in limits for metric in limit_metrics(limit)]
    assessment = dataclasses.replace(assess_pass(snapshot), states=states)
    readings = Readings.from_assessment(assessment, Counts(OVERRUNS))
    found = [metric.family(readings) for metric in (*own, *METRICS)]
    return {family.name: list(family.samples) for family in found}


def test_every_declared_metric_is_emitted_for_a_full_host() -> None:
    """No metric is declared that no host shows, and none is shown that is not declared."""
    assert [family.name for family in full_families()] == [metric.name for metric in METRICS]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_names_its_source_and_no_host(metric: Metric) -> None:
    """HELP ends with where the values are from; no label says which host this is."""
    assert metric.source
    assert metric.help.endswith(".")
    family = metric.family(Readings.from_assessment(assess_pass(Snapshot())))
    assert family.help.endswith(f"Source: {metric.source.rstrip('.')}.")
    assert not {"instance", "host", "hostname", "job"} & set(metric.labels)


def test_room_for_vms_is_told_by_shape_and_limit() -> None:
    """Each shape has its headroom and that by each limit, in numbers of VMs."""
    assert values("xenwatch_vm_headroom") == {("windows",): 500, ("linux",): 225}
    by_limit = values("xenwatch_limit_vm_headroom")
    assert by_limit["event_channels", "windows"] == 571
    assert by_limit["blktap_minors", "linux"] == 1024
    assert values("xenwatch_limit_seconds_to_full") == {("aio_requests",): 3600}


def test_processes_of_vms_are_told_by_program() -> None:
    """Memory of all that serve a VM, CPU time of its helpers; a stubdomain with its VM."""
    assert values("xenwatch_vm_process_memory_bytes") == {
        ("5", "qemu"): 24 << 20,
        ("5", "varstored"): 6 << 20,
    }
    assert values("xenwatch_vm_helper_cpu_seconds_total") == {("5", "varstored"): 1.5}
    assert values("xenwatch_stubdomain_info") == {("5", "4"): 1}


def test_what_was_learnt_has_its_quantiles() -> None:
    """Memory and tasks learnt for a shape are told by quantile, with the number of VMs."""
    assert values("xenwatch_vm_learnt_vms") == {("windows",): 23}
    for name in ("xenwatch_vm_dom0_memory_bytes", "xenwatch_vm_dom0_tasks"):
        assert values(name) == {
            ("0.05", "windows"): 10.5,
            ("0.5", "windows"): 12,
            ("0.95", "windows"): 15.25,
        }


def test_room_that_is_not_known_has_no_sample() -> None:
    """Where a limit was not read there is no headroom of the shape, only that of other limits."""
    snapshot = xenserver("6.2.0")
    outcomes = {**snapshot.outcomes, "aio": Outcome(Status.FAILED)}
    failed = dataclasses.replace(snapshot, outcomes=outcomes, aio=None)
    page = render(families(assess_pass(failed)))

    assert labelled("xenwatch_vm_headroom", page) == {}
    assert ("aio_requests", "windows") not in labelled("xenwatch_limit_vm_headroom", page)
    assert labelled("xenwatch_limit_vm_headroom", page)["event_channels", "windows"] == 571


def test_a_dead_control_path_has_no_room() -> None:
    """While xenstored does not answer no shape has headroom, by no limit."""
    dead = ControlPath({"xenstored": dataclasses.replace(NO_ROUND_TRIPS, recent=(None,))}, {})
    page = render(families(assess_pass(dataclasses.replace(xenserver("6.2.0"), control_path=dead))))

    assert labelled("xenwatch_control_path_failed_ratio", page) == {("xenstored",): 1}
    assert labelled("xenwatch_vm_headroom", page) == {}
    assert labelled("xenwatch_limit_vm_headroom", page) == {}


def test_names_of_metrics_are_unique() -> None:
    """Nothing is declared twice."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_full_page_can_be_read_back(openmetrics: bool) -> None:
    """Both parsers find as many series as there are samples."""
    found = full_families()
    page = series(render(found, openmetrics), openmetrics)
    # A histogram has a series for each bucket, the one of all, the sum and the count.
    of_histograms = [
        len(histogram.bounds) + 3 for family in found for _, histogram in family.histograms
    ]
    assert len(page) == sum(len(family.samples) for family in found) + sum(of_histograms)


def test_nothing_read_is_nothing_told() -> None:
    """An empty snapshot has no samples but its source and xenwatch's own version."""
    assert [family.name for family in families(assess_pass(Snapshot()))] == [
        "xenwatch_source_info",
        "xenwatch_build_info",
    ]


def test_no_part_of_a_domain_is_invented() -> None:
    """A domain of which only its number is known has no values, and no state."""
    full = full_snapshot()
    assert full.domains is not None
    bare = dataclasses.replace(
        full.domains.domains[1], name=None, type=None, state=None, vcpus_online=None,
        vcpus_max=None, memory_bytes=None, cpu_seconds=None,
    )  # fmt: skip
    snapshot = Snapshot(domains=Domains((bare,), full.domains.route))
    assert {family.name: family.samples for family in families(assess_pass(snapshot))} | {
        "xenwatch_build_info": []
    } == {
        "xenwatch_build_info": [],
        "xenwatch_source_info": [(("host", ""), 1)],
        "xenwatch_domains": [(("unknown",), 1)],
        "xenwatch_vm_restarts_total": [((), 0)],
        "xenwatch_domain_info": [(("5", "", UUIDS[5], ""), 1)],
    }


def test_a_limits_instances() -> None:
    """Used and max by instance, the fullest one's ratio, each origin; no null threshold."""
    found = of_limits(full_snapshot(), PORTS)
    assert found["xenwatch_bridge_ports_used"] == [(("xenbr0",), 2), (("ovs0",), 1)]
    assert found["xenwatch_bridge_ports_max"] == [(("xenbr0",), 8), (("ovs0",), 2)]
    assert found["xenwatch_limit_used_ratio"] == [(("bridge_ports",), 0.5)]
    assert found["xenwatch_limit_threshold_ratio"] == [(("bridge_ports", "warning"), 0.5)]
    assert found["xenwatch_limit_ceiling_info"] == [
        (("bridge_ports", "kernel"), 1),
        (("bridge_ports", 'the "switch"\n'), 1),
    ]


def test_one_origin_of_many_maxima_is_told_once() -> None:
    """Instances that share where their max is known from share one sample."""
    same = dataclasses.replace(
        PORTS, max=lambda _: {"xenbr0": Max(8, "kernel"), "ovs0": Max(2, "kernel")}
    )
    found = of_limits(full_snapshot(), same)
    assert found["xenwatch_limit_ceiling_info"] == [(("bridge_ports", "kernel"), 1)]


def test_a_max_that_is_not_known_leaves_the_use() -> None:
    """Without its max a limit has neither ratio nor maximum, but is still counted."""
    found = of_limits(full_snapshot(), dataclasses.replace(PORTS, max=lambda _: {}))
    assert found["xenwatch_bridge_ports_used"] == [(("xenbr0",), 2), (("ovs0",), 1)]
    assert found["xenwatch_bridge_ports_max"] == []
    assert found["xenwatch_limit_used_ratio"] == []
    assert found["xenwatch_limit_ceiling_info"] == []


def test_how_probes_fared() -> None:
    """Success, applicability, times and the reading's age tell the four outcomes apart."""
    times = (1000.5, 0.25, 0.125)
    outcomes = {
        "host": Outcome(Status.OK, "", *times, starved=True),
        "aio": Outcome(Status.FAILED, "why", *times),
        "blktap": Outcome(Status.NOT_APPLICABLE, "why", *times),
        "maptrack": Outcome(Status.DISABLED, "off"),
    }
    snapshot = Snapshot(1001.5, outcomes, instant=1001.5)
    ran = {("host",), ("aio",), ("blktap",)}
    assert values("xenwatch_probe_success", snapshot) == {("host",): 1, ("aio",): 0}
    assert values("xenwatch_probe_applicable", snapshot) == {
        ("host",): 1, ("aio",): 1, ("blktap",): 0
    }  # fmt: skip
    assert values("xenwatch_probe_duration_seconds", snapshot) == dict.fromkeys(ran, 0.25)
    assert values("xenwatch_probe_cpu_seconds", snapshot) == dict.fromkeys(ran, 0.125)
    assert values("xenwatch_probe_reading_timestamp_seconds", snapshot) == {("host",): 1000.5}
    assert values("xenwatch_probe_starved", snapshot) == {**dict.fromkeys(ran, 0), ("host",): 1}
    assert values("xenwatch_probe_overruns_total", snapshot) == {("host",): 2, ("aio",): 0}
    assert values("xenwatch_snapshot_timestamp_seconds", snapshot) == {(): 1001.5}


def test_lost_events_are_told_by_probe() -> None:
    """Of the probes that are read after events, from 0."""
    found = families(assess_pass(Snapshot()), Counts(lost={"backends": 1, "bridges": 0}))

    assert labelled("xenwatch_probe_lost_events_total", render(found)) == {
        ("backends",): 1, ("bridges",): 0
    }  # fmt: skip


def test_failed_writes_of_the_textfile_are_told() -> None:
    """They are counted from 0 where there is a textfile, and absent where there is none."""
    name = "xenwatch_textfile_failures_total"
    found = families(assess_pass(Snapshot()), Counts(textfile_failures=2))

    assert labelled(name, render(found)) == {(): 2}
    assert values(name) == {}


def test_roots_part_of_a_file_system_is_told() -> None:
    """What only root can fill is a series of its own, 0 where there is none."""
    assert values("xenwatch_file_system_reserved_bytes") == {("/",): 1 << 30, ("/var/log",): 0}


def test_a_ring_is_told_as_dom0_sees_it() -> None:
    """What the guest sends is received in dom0, and room it gives is for what dom0 sends."""
    assert values("xenwatch_vif_ring_requests") == {
        ("vif5.0", "rx", "5"): 500,
        ("vif5.0", "tx", "5"): 0,
    }
    assert values("xenwatch_vif_ring_slots")["vif5.0", "rx", "5"] == 512
    assert values("xenwatch_vif_queued_bytes") == {("vif5.0", "5"): 900}
    assert values("xenwatch_vif_queued_max_bytes") == {("vif5.0", "5"): 1000}
    assert values("xenwatch_vif_stopped_queues") == {("vif5.0", "5"): 1}


def test_what_a_disk_does_not_tell_is_absent() -> None:
    """blkback keeps no times: no series, and the storage of a disk may be unknown."""
    assert values("xenwatch_disk_wait_seconds_total") == {
        ("51712", "5", "read"): 0.5,
        ("51712", "5", "write"): 0.25,
    }
    assert ("blkback", "51712", "6", "") in values("xenwatch_disk_info")


def test_the_control_path_as_told() -> None:
    """Buckets hold all smaller ones, a daemon whose waiting is not told has none."""
    buckets = values("xenwatch_control_path_round_trip_seconds_bucket")
    assert buckets["0.0001", "xenstored"] == 0
    assert buckets["0.00025", "xenstored"] == buckets["2.0", "xenstored"] == 2
    assert buckets["+Inf", "xenstored"] == 3
    assert values("xenwatch_control_path_failures_total") == {("xenstored",): 4}
    assert values("xenwatch_control_path_failed_ratio") == {("xenstored",): 0.25}
    assert values("xenwatch_control_path_median_round_trip_seconds") == {("xenstored",): 0.125}
    assert values("xenwatch_daemon_wait_seconds_total") == {("xenstored",): 0.5}


def test_domains() -> None:
    """Domains are counted by state; a name's bytes are one label."""
    assert values("xenwatch_domains") == {("running",): 1, ("blocked",): 1, ("dying",): 1}
    assert set(values("xenwatch_domain_info")) == {
        ("0", "Domain-0", "pv", UUIDS[0]),
        ("5", 'web "1"\\xff\n', "pvh", UUIDS[5]),
        ("6", "", "", UUIDS[6]),
    }
    assert values("xenwatch_domain_cpu_seconds_total")["5",] == 0.25
    assert values("xenwatch_domain_event_channels") == {("5",): 5, ("6",): 3}


def test_the_host_is_named_with_what_is_known() -> None:
    """A label of xenwatch_host_info is empty where the fact is not known."""
    full = full_snapshot()
    assert full.host is not None
    host = dataclasses.replace(full.host, abi=None, cgroup_version=None)
    (family,) = (
        family
        for family in families(assess_pass(Snapshot(host=host)))
        if family.name == "xenwatch_host_info"
    )
    ((labels, _),) = family.samples
    assert dict(zip(family.labels, labels, strict=True)) == {
        "xen": "4.17.5",
        "kernel": "6.1.0-18-amd64",
        "platform": "debian",
        "platform_version": "12",
        "machine": "x86_64",
        "cgroup": "",
        "event_channel_abi": "",
        "abi_origin": "",
    }


def test_the_process_agrees_with_prometheus_client() -> None:
    """The process's families are those of every Python exporter, and its number of threads."""
    theirs = {s.name: s.value for m in ProcessCollector(registry=None).collect() for s in m.samples}
    ours = {family.name: family.samples[0][1] for family in own_process()}

    assert ours.keys() == theirs.keys() | {"process_threads"}
    same = ("process_max_fds", "process_open_fds")
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    assert ours["process_start_time_seconds"] == pytest.approx(theirs["process_start_time_seconds"])
    assert ours["process_resident_memory_bytes"] > 1 << 20
    assert ours["process_threads"] >= 1


def test_a_process_that_cannot_be_read_has_no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of its files cannot be read the families are absent, not zero."""

    def denied(_process: psutil.Process) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "num_fds", denied)

    assert own_process() == []


def test_alerts_are_told_by_the_names_others_know() -> None:
    """States and thresholds of alerts carry the alert's name as in Prometheus's rules."""
    assert values("xenwatch_alert_threshold") == {("XenwatchLimitFullSoon", "warning"): 7200}
    assert values("xenwatch_alert_state") == {("XenwatchLimitFullSoon", "warning", "firing"): 1}
