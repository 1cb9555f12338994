"""The kinds of messages of the logs: each is recognized, and leads to a runbook."""

from __future__ import annotations

import re

import pytest

from xenwatch.errors.kinds import KINDS, LOGS, kinds_of
from xenwatch.errors.pattern import found_in
from xenwatch.explain.search import matches
from xenwatch.explain.table import BY_KIND, ENTRIES

LINES = {
    ("kernel", "xen:grant_table: maptrack limit reached, can't map all guest pages"): (
        "maptrack_full",
    ),
    ("xen", "(XEN) grant_table.c:1030:d0v1 Failed to obtain maptrack handle"): ("maptrack_full",),
    (
        "kernel",
        "xen:grant_table: xen/grant-table: max_grant_frames reached cur=32 extra=1 limit=32",
    ): ("grant_frames_full",),
    ("kernel", "deferring g.e. 0x2c (pfn 0x1a2b3c)"): ("grants_pending",),
    ("kernel", "xen:grant_table: g.e. 0x2c still pending"): ("grants_pending",),
    (
        "xen",
        "(XEN) p2m_pod_demand_populate: Dom72 out of PoD memory! (tot=524304 ents=28773031 dom72)",
    ): ("pod_memory_exhausted",),
    ("kernel", "Out of memory: Killed process 4711 (tapdisk) total-vm:812kB, anon-rss:4kB"): (
        "oom_kill",
    ),
    ("kernel", "Out of memory: Kill process 4711 (xapi) score 5 or sacrifice child"): ("oom_kill",),
    ("kernel", "Memory cgroup out of memory: Killed process 99 (tail) total-vm:9kB"): ("oom_kill",),
    ("kernel", "xapi invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0"): (),
    ("kernel", "swapper/0: page allocation failure: order:0, mode:0x480020(GFP_ATOMIC)"): (
        "page_allocation_failure",
    ),
    ("kernel", "vif1.0-q0-guest: page allocation failure: order:4, mode:0xcc0(GFP_KERNEL)"): (
        "large_page_allocation_failure",
    ),
    ("kernel", "INFO: task tapdisk:4711 blocked for more than 120 seconds."): ("hung_task",),
    ("kernel", "nfs: server 10.0.0.5 not responding, still trying"): ("nfs_not_responding",),
    ("kernel", "nfs: server 10.0.0.5 OK"): (),
    ("kernel", "nf_conntrack: nf_conntrack: table full, dropping packet"): ("conntrack_full",),
    ("kernel", "neighbour: arp_cache: neighbor table overflow!"): ("neighbour_table_full",),
    ("kernel", "ipv4: Neighbour table overflow."): ("neighbour_table_full",),
    ("kernel", "VFS: file-max limit 209715 reached"): ("open_files_full",),
    (
        "kernel",
        "timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is",
    ): ("clocksource_unstable",),
    ("kernel", "tsc: Marking TSC unstable due to TSCs unsynchronized"): ("clocksource_unstable",),
    ("kernel", "mce: [Hardware Error]: Machine check events logged"): ("machine_check",),
    ("xen", "(XEN) MCE: Error can't be recovered"): ("machine_check",),
    ("kernel", "xen_netback:xenvif_tx_err: vif1.0: fatal error"): (),
    ("xen", "(XEN) d3 nf_conntrack: table full, dropping packet"): (),
}
"""Log and line, and the kinds it is of."""


@pytest.mark.parametrize(("place", "names"), LINES.items(), ids=[line[:40] for _, line in LINES])
def test_a_line_is_of_its_kind(place: tuple[str, str], names: tuple[str, ...]) -> None:
    """A real line of each kind is recognized in the log that has it, other lines are not."""
    log, line = place

    assert tuple(kind.name for kind in found_in(line, kinds_of(log))) == names


@pytest.mark.parametrize(
    ("line", "names"), [(line, names) for (_, line), names in LINES.items() if names]
)
def test_explain_leads_where_the_kind_does(line: str, names: tuple[str, ...]) -> None:
    """What `xenwatch explain` says of a line is the runbook of its kind."""
    assert {entry.title for entry in matches(line)} >= {BY_KIND[name].title for name in names}


def test_every_kind_has_lines_here() -> None:
    """No kind is left out of these tests."""
    assert {name for names in LINES.values() for name in names} == {kind.name for kind in KINDS}


def test_names_make_good_labels() -> None:
    """No two kinds have the same name, every name is short, every log is known."""
    names = [kind.name for kind in KINDS]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z_]{2,31}", name) for name in names)
    assert all(kind.logs and set(kind.logs) <= set(LOGS) for kind in KINDS)
    assert all(kind.patterns for kind in KINDS)


def test_a_kind_is_explained_once() -> None:
    """Its messages are those of one entry of the table, which has a runbook."""
    for kind in KINDS:
        [entry] = [entry for entry in ENTRIES if entry.messages == kind.messages]
        assert entry.runbook
