"""Tables of dom0's kernel, and nbd devices."""

from __future__ import annotations

from tests.probes.support import FakeHost, after, failure_of, outcome_of, value_of
from xenwatch.limits import conntrack
from xenwatch.limits.states import Severity, assess
from xenwatch.model.render.neighbours import render_neighbours
from xenwatch.model.render.partitions import render_partitions
from xenwatch.parse.partitions import Partition
from xenwatch.probes.kernel_tables import KERNEL_TABLES, NBDS
from xenwatch.readings.kernel_tables import KernelTables, Nbds, Table
from xenwatch.readings.snapshot import Snapshot, Status

FILES = {
    "/proc/sys/net/netfilter/nf_conntrack_count": b"65530\n",
    "/proc/sys/net/netfilter/nf_conntrack_max": b"65536\n",
    "/proc/net/stat/arp_cache": render_neighbours(1000, 2),
    "/proc/net/stat/ndisc_cache": render_neighbours(9, 2),
    "/proc/sys/net/ipv4/neigh/default/gc_thresh3": b"1024\n",
    "/proc/sys/net/ipv6/neigh/default/gc_thresh3": b"1024\n",
    "/proc/key-users": b"    0:     9 8/8 190/200 40/20000\n",
}


def test_tables_that_are_nearly_full_are_critical() -> None:
    """The tables of a host that drops packets and cannot reach neighbours are critical."""
    snapshot = after(KERNEL_TABLES, FakeHost(files=FILES)).snapshot
    states = {(state.limit.name, state.instance): state.severity for state in assess(snapshot)}

    assert states == {
        ("conntrack", ""): Severity.CRITICAL,
        ("neighbours", "ipv4"): Severity.CRITICAL,
        ("neighbours", "ipv6"): Severity.OK,
        ("kernel_keys", ""): Severity.CRITICAL,
        ("kernel_key_memory", ""): Severity.OK,
    }


def test_what_a_kernel_does_not_have_is_absent() -> None:
    """Without the modules and without keys there is no table, and no limit of any."""
    found = value_of(KERNEL_TABLES, FakeHost())

    assert found == KernelTables(None, {}, None, None)
    assert conntrack.LIMIT.used(Snapshot(kernel_tables=found)) == {}


def test_a_table_without_limit_has_no_max() -> None:
    """With nf_conntrack_max at 0 connections are counted and never full."""
    found = KernelTables(Table(7, 0), {}, None, None)
    snapshot = Snapshot(kernel_tables=found)

    assert (conntrack.LIMIT.used(snapshot), conntrack.LIMIT.max(snapshot)) == ({"": 7}, {})


def test_keys_of_other_users_are_not_roots() -> None:
    """Without a row of root nothing is known of its keys."""
    files = {"/proc/key-users": b" 1000:     2 2/2 1/200 9/20000\n"}

    assert value_of(KERNEL_TABLES, FakeHost(files=files)).keys is None


def test_nonsense_is_a_failure() -> None:
    """A number that is none is named by its file."""
    files = {**FILES, "/proc/sys/net/netfilter/nf_conntrack_count": b"many\n"}

    assert "nf_conntrack_count" in failure_of(KERNEL_TABLES, FakeHost(files=files))


def test_nbd_devices_in_use_are_those_with_a_size() -> None:
    """Connected devices are in /proc/partitions; their partitions do not count."""
    rows = [Partition(43, n, 9, name) for n, name in enumerate(("nbd0", "nbd0p1", "nbd7", "sda"))]
    files = {
        "/sys/module/nbd/parameters/nbds_max": b"24\n",
        "/proc/partitions": render_partitions(rows),
    }

    assert value_of(NBDS, FakeHost(files=files)) == Nbds(2, 24)


def test_without_the_module_there_are_no_nbd_devices() -> None:
    """A host that has not loaded nbd has no limit of them."""
    assert outcome_of(NBDS, FakeHost()).status is Status.NOT_APPLICABLE
