"""Metrics of devices and interfaces."""

from __future__ import annotations

import dataclasses
import errno

import pytest

from tests.metrics.test_metrics import values
from tests.support import UUIDS, full_snapshot


def test_a_disk_is_counted_whatever_its_backend() -> None:
    """Disks of every class count as disks; a domain without any has a true 0."""
    assert values("xenwatch_domain_disks") == {("0",): 0, ("5",): 1, ("6",): 1}
    assert values("xenwatch_domain_network_interfaces") == {("0",): 0, ("5",): 2, ("6",): 1}


def test_devices_of_a_domain_that_could_not_be_listed_are_not_counted() -> None:
    """Where it is unknown what other domains serve, a count would be too low, or a false 0."""
    full = full_snapshot()
    assert full.xenstore_devices is not None
    unlisted = dataclasses.replace(full.xenstore_devices, unlisted=frozenset({5}))
    snapshot = dataclasses.replace(full, xenstore_devices=unlisted)
    assert values("xenwatch_domain_disks", snapshot) == {("0",): 0, ("6",): 1}
    assert values("xenwatch_domain_disks", dataclasses.replace(full, xenstore_devices=None)) == {}


def test_no_domains_leave_the_devices_counted() -> None:
    """Where domains cannot be read, those that have devices are known by them."""
    snapshot = dataclasses.replace(full_snapshot(), domains=None)
    assert values("xenwatch_domain_disks", snapshot) == {("5",): 1, ("6",): 1}


def test_states_and_errors_of_backends() -> None:
    """Devices are counted by state, errors by symbol where the number has one."""
    assert values("xenwatch_domain_backends") == {
        ("0", "vbd", "5", "Connected"): 1,
        ("0", "vif", "5", "InitWait"): 1,
        ("0", "vif", "6", "Connected"): 1,
        ("0", "qdisk", "6", "Connected"): 1,
        ("3", "vif", "5", "InitWait"): 1,
    }
    assert values("xenwatch_domain_backend_errors") == {
        ("0", "vif", "5", errno.errorcode[28]): 2,
        ("0", "vbd", "5", "0"): 1,
        ("3", "vif", "5", "EPERM"): 1,
    }


def test_interfaces_of_running_domains_are_looked_at() -> None:
    """Those of a dying domain do not count, nor those nothing is known of."""
    assert values("xenwatch_vifs_unattached") == {("5",): 1}
    assert values("xenwatch_vifs_unconnected") == {("5",): 2}
    fault = {"5", "vif5.0", "in no bridge", UUIDS[5], 'web "1"\\xff\n'}
    assert [set(labels) for labels in values("xenwatch_vif_fault")] == [fault]
    assert values("xenwatch_datapath_cpu_seconds_total") == {
        ("5", "netback"): 3.0,
        ("5", "blkback"): 0.25,
    }
    assert values("xenwatch_vif_dropped_packets_total") == {
        ("vif5.0", "rx", "5"): 3,
        ("vif5.0", "tx", "5"): 4,
    }


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        ("running", True),
        ("blocked", True),
        (None, True),
        ("paused", False),
        ("shutdown", False),
        ("crashed", False),
        ("dying", False),
    ],
)
def test_only_a_domain_that_can_run_has_interfaces_to_connect(
    state: str | None, counted: bool
) -> None:
    """A paused guest has not connected yet and a crashed one never will: neither is a fault."""
    snapshot = full_snapshot()
    assert snapshot.domains is not None
    domains = tuple(
        dataclasses.replace(domain, state=state) if domain.domid == 5 else domain
        for domain in snapshot.domains.domains
    )
    snapshot = dataclasses.replace(
        snapshot, domains=dataclasses.replace(snapshot.domains, domains=domains)
    )

    expected = {("5",): 2} if counted else {}  # one of them served by a driver domain
    assert values("xenwatch_vifs_unconnected", snapshot) == expected
    expected = {("5",): 1} if counted else {}
    assert values("xenwatch_vifs_unattached", snapshot) == expected


def test_uplinks_are_told_with_their_bonds() -> None:
    """A bond with a member that works is not lost, an interface of its own without a signal is."""
    assert values("xenwatch_uplink_up") == {
        ("bond0", "eth0"): 1, ("bond0", "eth1"): 0, ("", "eth2"): 0,
    }  # fmt: skip
    assert values("xenwatch_uplink_lost") == {("bond0",): 0, ("eth2",): 1}
    assert values("xenwatch_uplink_speed_bytes") == {("eth0",): 1.25e9}
    assert values("xenwatch_uplink_errors_total")["eth0", "rx"] == 3
    assert values("xenwatch_bond_members") == {("bond0",): 2}
    assert values("xenwatch_bond_members_down") == {("bond0",): 1}


def test_paths_to_the_storage_are_counted_as_far_as_they_are_known() -> None:
    """A map without any path has lost all; states that are unknown are no samples."""
    assert values("xenwatch_multipath_paths") == {
        ("36001405a",): 4, ("36001405b",): 2, ("36001405c",): 0,
    }  # fmt: skip
    assert values("xenwatch_multipath_paths_down") == {("36001405a",): 1, ("36001405c",): 0}
    assert values("xenwatch_multipath_paths_down_ratio") == {
        ("36001405a",): 0.25, ("36001405c",): 1,
    }  # fmt: skip
    assert values("xenwatch_iscsi_session_up") == {
        ("192.0.2.31:3260", "1", "iqn.a"): 1, ("192.0.2.32:3260", "2", "iqn.a"): 0,
    }  # fmt: skip
    assert values("xenwatch_nfs_retransmissions_total") == {("repo",): 5}
    assert values("xenwatch_nfs_timeouts_total") == {("repo",): 2}


def test_queues_are_those_agreed_on() -> None:
    """An interface that is not connected has no queues yet, whatever sysfs shows of it."""
    snapshot = full_snapshot()

    assert values("xenwatch_vif_queues") == {("vif6.0", "6"): 1}
    assert values("xenwatch_vif_queues", dataclasses.replace(snapshot, backends=None)) == {}
