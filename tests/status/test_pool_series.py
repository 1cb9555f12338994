"""The hosts of a pool by the series of a Prometheus."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.page.test_page import FULL
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.page import pool
from xenwatch.page.document import Links
from xenwatch.status import pool_series
from xenwatch.status.host_status import StatusError
from xenwatch.status.pool import HostRow, Hosts
from xenwatch.status.pool_series import Series
from xenwatch.status.targets import Targets

NOW = 1_700_000_000.0
LINKS = Links("/style", "/script", "/icon", {})
QUERIES = pool_series.target_queries("xenwatch") | pool_series.queries("xenwatch", Targets())
WELL: dict[str, tuple[dict[str, str], float]] = {
    pool_series.UP: ({}, 1.0),
    pool_series.SEEN: ({}, NOW),
    CRITICAL: ({}, 0.0),
    WARNING: ({}, 0.0),
    pool_series.UNKNOWN: ({}, 0.0),
    pool_series.FULLEST: ({"limit": "ptys"}, 0.5),
    pool_series.ROOM: ({"shape": "windows"}, 12.0),
    pool_series.DOMAINS: ({}, 7.0),
    pool_series.BROKEN: ({}, 0.0),
    pool_series.SOURCE: ({"mark": ""}, 1.0),
    pool_series.BUILD: ({"version": "1.2.3"}, 1.0),
    pool_series.HOST: ({"platform": "debian", "platform_version": "13", "xen": "4.20"}, 1.0),
}
"""What is said of a host that is fine, by query."""


def hosts(answers: Mapping[str, list[Series]], **own: str) -> Hosts:
    """The hosts besides the own one, as the page asks for them."""
    return pool_series.hosts(answers, own, NOW, pool_series.distinct(answers))


def row(**changes: tuple[dict[str, str], float] | None) -> HostRow:
    """The row of a host that is fine but for these answers, `None`: none of it."""
    said = {**WELL, **changes}
    answers: dict[str, list[Series]] = {name: [] for name in QUERIES}
    for name, each in said.items():
        if each is not None:
            answers[name.replace("_", " ")] = [({"instance": "xen1", **each[0]}, each[1])]
    (found,) = hosts(answers, instance="me").rows
    return found


def test_a_host_that_is_fine() -> None:
    """Everything that is said of it is in its row; it is nowhere to be followed to."""
    found = row()

    assert (found.url, found.name, found.state, found.time) == (None, "xen1", "ok", NOW)
    assert (found.fullest, found.ratio) == ("pseudo-terminals", 0.5)
    assert (found.host, found.version, found.mark) == ("debian 13, Xen 4.20", "1.2.3", "")
    assert [dataclasses.astuple(room) for room in found.headroom] == [("windows", 12, False)]
    assert (found.critical, found.warning, found.domains, found.broken) == (0, 0, 7, 0)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"critical": ({}, 1.0), "warning": ({}, 3.0)}, "critical"),
        ({"warning": ({}, 1.0), "unknown": ({}, 3.0)}, "warning"),
        ({"unknown": ({}, 1.0)}, "unknown"),
        ({"limits_critical": ({"limit": "tasks"}, 0.97)}, "critical"),
        ({"limits_warning": ({"limit": "tasks"}, 0.8)}, "warning"),
        ({"critical": None, "warning": None, "unknown": None}, "ok"),
        ({"critical": ({}, math.nan)}, "unknown"),
        ({"domains": ({}, -1.0)}, "unknown"),
        ({"fullest": None}, "unknown"),
        ({"domains": None}, "unknown"),
        ({"up": ({}, 0.0), "critical": ({}, 1.0)}, "unknown"),
        ({"up": None}, "ok"),
        ({"seen": ({}, NOW - 200)}, "unknown"),
        ({"seen": None}, "unknown"),
    ],
)
def test_the_state_is_the_worst_that_is_said(changes: dict[str, Any], state: str) -> None:
    """A host that is down, stale or partly unknown is unknown; alerts that are off say nothing."""
    assert row(**changes).state == state


def test_the_most_urgent_limit_is_the_one_that_is_reached() -> None:
    """A fuller one below its thresholds comes after it, and one without a title has its name."""
    found = row(limits_warning=({"limit": "odd_limit"}, 0.3))

    assert (found.fullest, found.ratio) == ("odd_limit", 0.3)


def test_what_is_not_said_is_unknown() -> None:
    """It is never zero; a host that is down keeps only the time of its last reading."""
    bare = row(**{name: None for name in WELL if name != pool_series.UP})
    down = row(up=({}, 0.0), seen=({}, NOW - 900))

    assert (bare.critical, bare.warning, bare.domains, bare.broken) == (None,) * 4
    assert (bare.ratio, bare.headroom, bare.fullest) == (None, (), "")
    assert (down.reason, down.time, down.domains) == (pool_series.DOWN, NOW - 900, None)


def test_few_hosts_are_shown_the_worst() -> None:
    """How many are left out is told, on the page too; hosts that are stale are not the last."""
    names = [f"xen{n:03}" for n in range(100)]
    answers: dict[str, list[Series]] = {name: [] for name in QUERIES}
    for query, (labels, value) in WELL.items():
        answers[query] = [({"instance": name, **labels}, value) for name in names]
    answers[CRITICAL][98] = ({"instance": "xen098"}, 1.0)
    answers[pool_series.SEEN][99] = ({"instance": "xen099"}, NOW - 999)
    found = hosts(answers, instance="xen000")

    assert (len(found.rows), found.left_out) == (64, 35)
    assert [each.name for each in found.rows[:3]] == ["xen098", "xen099", "xen001"]
    assert b"35 more hosts not shown." in pool.render(found.rows, FULL, LINKS, found.left_out)


def test_hosts_of_another_job_are_not_asked_for() -> None:
    """Every series of every query is one of the job, whatever else it is to have."""
    every = pool_series.target_queries("xenwatch_up")
    every |= pool_series.queries("xenwatch_up", Targets(("site",)))
    for query in every.values():
        series = re.findall(r"(?<!\")\b(?:up|xenwatch_\w+)\b(.{19})", query)
        assert series
        assert {each[:18] for each in series} == {'{job="xenwatch_up"'}
    seen = 'last_over_time(xenwatch_snapshot_timestamp_seconds{job="xenwatch"}[1h])'
    assert QUERIES[pool_series.SEEN] == seen
    assert (
        'xenwatch_alert_state{job="xenwatch",state="unknown"} == 1'
        in (QUERIES[pool_series.UNKNOWN])
    )


def sites(*labels: Mapping[str, str]) -> dict[str, list[Series]]:
    """What is said of hosts that are fine, with these labels of their targets."""
    answers: dict[str, list[Series]] = {name: [] for name in QUERIES}
    for name, (more, value) in WELL.items():
        answers[name] = [({**target, **more}, value) for target in labels]
    return answers


def test_hosts_of_two_sites_are_two() -> None:
    """Those of the same instance are named by what differs; what is said of one is its own."""
    a = {"instance": "xen1", "job": "xenwatch", "site": "a"}
    answers = sites(a, {**a, "site": "b"}, {**a, "instance": "xen2"}, {"instance": "xen1"})
    answers[CRITICAL][1] = (answers[CRITICAL][1][0], 1.0)
    found = hosts(answers, instance="me")

    assert {(each.name, each.state) for each in found.rows} == {
        ("xen1 (job=xenwatch, site=a)", "ok"),
        ("xen1 (job=xenwatch, site=b)", "critical"),
        ("xen1 (no job, no site)", "ok"),
        ("xen2", "ok"),
    }


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ({"site": "a"}, {"xen1 (site=b)", "xen2"}),
        ({"site": "b", "rack": "7"}, {"xen1 (site=a)", "xen2"}),
        ({}, {"xen1 (site=a)", "xen1 (site=b)", "xen2"}),
        ({"site": "c"}, {"xen1 (site=a)", "xen1 (site=b)", "xen2"}),
    ],
)
def test_the_own_host_is_the_one_with_its_labels(own: dict[str, str], left: set[str]) -> None:
    """Another of the same name is not taken for it; where it is not clear, none is left out."""
    labels = ({"site": "a"}, {"site": "b"}, {"instance": "xen2", "site": "a"})
    found = hosts(sites(*({"instance": "xen1", **each} for each in labels)), instance="xen1", **own)

    assert {each.name for each in found.rows} == left


def test_the_only_host_of_that_name_may_be_at_another_site() -> None:
    """It is another host then, and is shown."""
    found = hosts(sites({"instance": "xen1", "site": "b"}), instance="xen1", site="a")

    assert [each.name for each in found.rows] == ["xen1"]


def test_labels_that_only_the_daemon_gives_make_no_other_host() -> None:
    """`up` lacks those of web.telemetry_labels, and says of the same host that it is down."""
    answers = sites({"instance": "xen1", "site": "a"})
    answers[pool_series.UP] = [({"instance": "xen1"}, 0.0)]
    answers[pool_series.SEEN].append(({"instance": "xen1", "site": "old"}, NOW - 3000))
    (found,) = hosts(answers, instance="me").rows

    assert (found.name, found.reason, found.time) == ("xen1", pool_series.DOWN, NOW)


def test_every_query_keeps_the_sites_apart() -> None:
    """Each aggregation and each join of those after the first."""
    for query in pool_series.queries("xenwatch", Targets(("rack", "site"))).values():
        groups = re.findall(r"\b(?:by|on) \(([^)]*)", query)
        assert groups
        assert all(group.startswith("instance, rack, site") for group in groups)


NUMBERS = st.floats() | st.sampled_from([0.0, 1.0, -1.0, 1e300, math.nan, math.inf])
LABELS = st.dictionaries(
    st.sampled_from(
        ["instance", "limit", "shape", "mark", "version", "platform", "x", "é", ") or"]
    ),
    st.sampled_from(["", "xen1", "xen2", "<b>\u202e\n\x1b[2J", "y" * 5000]) | st.text(),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(QUERIES)), st.lists(st.tuples(LABELS, NUMBERS))))
def test_whatever_is_said_makes_a_page(answers: dict[str, list[Series]]) -> None:
    """Numbers that are none, labels that are missing or long: none is fine unless all answered."""
    found = hosts(answers, instance="me")

    page = pool.render(found.rows, FULL, LINKS, found.left_out).decode()
    assert not {"\u202e", "\x1b"} & set(page)
    for query in pool_series.queries("j", pool_series.distinct(answers)).values():
        assert query.isascii()
        assert ") or," not in query
    for each in found.rows:
        assert each.state != "ok" or answers.keys() >= QUERIES.keys()
        assert all(n is None or 0 <= n <= 1e11 for n in (each.domains, each.critical, each.broken))
        assert len(each.name) <= 200


@settings(deadline=None)
@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["data", "result", "metric", "value"]), inner)
        ),
    ).map(lambda document: json.dumps(document).encode())
)
def test_an_answer_is_read_or_refused(body: bytes) -> None:
    """Whatever it is, it raises nothing else."""
    with contextlib.suppress(StatusError):
        pool_series.read(body)
