"""`xenwatch plan --pool` and `--prometheus`: hosts whose answers are odd or hostile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import no_traces
from tests.cli.test_plan_pool import Plan, plan, pool, served
from xenwatch.assessment import assess_pass
from xenwatch.cli.source import open_source
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.status.host_status import PATH, dumps, host_status

__all__ = ["no_traces", "plan"]
pytestmark = pytest.mark.usefixtures("no_traces")

HOSTILE = "\x1b]0;x\x07\u202e"
LIMIT = {"limit": "host_memory", "instance": "", "takes": 2, "left": 9}
PLAN = {"headroom": 4, "limits": [LIMIT], "not_counted": ["dom0_memory"]}
SERIES = {"instance": "a", "shape": "windows", "limit": "host_memory"}


def daemon(answer: Any) -> dict[str, Callable[[Any], str]]:
    """A daemon with the status of a synthetic host, and that answer for each shape."""
    source = open_source("synthetic:debian-12")
    assessment = assess_pass(take(source, PROBES, lambda: 1_700_000_000.0).snapshot)
    status = dumps(host_status(assessment, PROBES))
    return {PATH: lambda _: status, "/api/v1/headroom": lambda _: json.dumps(answer)}


def prometheus(series: Mapping[str, str], value: object, vms: object = 3) -> dict[str, Any]:
    """A Prometheus with such a series of headroom and so many VMs; the host `b` is well."""

    def query(given: Mapping[str, list[str]]) -> str:
        first, count = (series, vms) if "domains" in given["query"][0] else (series, value)
        both = [(first, count), ({**SERIES, "instance": "b"}, 5)]
        result = [{"metric": labels, "value": [1, str(number)]} for labels, number in both]
        return json.dumps({"status": "success", "data": {"result": result}})

    return {"/api/v1/query": query}


def test_no_text_of_a_daemon_reaches_the_terminal_raw(plan: Plan, tmp_path: Path) -> None:
    """Neither names of limits nor what is not counted."""
    limit = {**LIMIT, "limit": HOSTILE}
    with served(daemon({"plans": [{**PLAN, "limits": [limit], "not_counted": [HOSTILE]}]})) as url:
        done = plan("--pool", pool(tmp_path, xen1=url), "--shape=linux")
    assert r"stopped by: \x1b]0;x\x07\u202e on 1" in done.out
    assert r"Not counted: \x1b]0;x\x07\u202e" in done.out
    assert all(line.isprintable() for line in done.out.splitlines())


def test_no_label_of_a_prometheus_reaches_the_terminal_raw(plan: Plan) -> None:
    """In the table, in placements and in losses."""
    labels = {**SERIES, "instance": HOSTILE, "limit": HOSTILE}
    with served(prometheus(labels, 7)) as url:
        done = plan("--prometheus", url, "--shape=windows", "--count=9")
    assert "they fit" in done.out
    assert all(line.isprintable() for line in done.out.splitlines())


@pytest.mark.parametrize(
    ("plans", "said"),
    [
        ([1], "the plan is not from xenwatch"),
        ([{}], "the plan is not from xenwatch: headroom is missing"),
        ([{**PLAN, "limits": [{**LIMIT, "left": float("inf")}]}], "left is out of range"),
        ([{**PLAN, "limits": [{**LIMIT, "takes": float("nan")}]}], "takes is out of range"),
        ([{**PLAN, "limits": [{**LIMIT, "left": 10**400}]}], "the plan is not from xenwatch"),
        ([{**PLAN, "limits": [{**LIMIT, "left": "9"}]}], "a field has a value of the wrong type"),
        ([{**PLAN, "not_counted": 1}], "a field has a value of the wrong type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_odd_plan_leaves_the_other_hosts(
    plan: Plan, tmp_path: Path, plans: Any, said: str
) -> None:
    """The host has no room, and the reason beside it."""
    with served(daemon({"plans": plans})) as url:
        file = pool(tmp_path, xen1=url, xen2="synthetic:debian-12")
        done = plan("--pool", file, "--add=linux=1")
    assert (done.status, done.err) == (0, "")
    assert said in next(line for line in done.out.splitlines() if line.startswith("xen1"))
    assert "1 linux: they fit" in done.out


def test_numbers_of_any_size_are_counted(plan: Plan, tmp_path: Path) -> None:
    """As far as it matters how many VMs fit."""
    limit = {**LIMIT, "takes": 5e-324, "left": 1e19}
    with served(daemon({"plans": [{**PLAN, "limits": [limit]}]})) as url:
        done = plan("--pool", pool(tmp_path, xen1=url), "--add=linux=1")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize(
    ("series", "value", "vms", "said"),
    [
        (SERIES, "NaN", 3, "xenwatch_vm_headroom) is nan"),
        (SERIES, "+Inf", 3, "xenwatch_vm_headroom) is inf"),
        (SERIES, 7, "NaN", "- 1 is nan"),
        (SERIES, 7, "1.7e308", "- 1 is 1.7e+308"),
        ({"instance": "a", "shape": "windows"}, 7, 3, "a series has no label limit"),
        ({"shape": "windows", "limit": "x"}, 7, 3, "a series has no label instance"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_odd_series_leaves_the_other_hosts(
    plan: Plan, series: Mapping[str, str], value: object, vms: object, said: str
) -> None:
    """The host has no room, and the reason beside it."""
    with served(prometheus(series, value, vms)) as url:
        done = plan("--prometheus", url, "--add=windows=5")
    assert (done.status, done.err) == (0, "")
    name = series.get("instance", "(no instance)")
    assert said in next(line for line in done.out.splitlines() if line.startswith(name))
    assert "  b: 5 windows" in done.out


@pytest.mark.parametrize("row", [1, {}, {"metric": [], "value": [1, "1"]},
                                 {"metric": {}, "value": [1]}], ids=str)  # fmt: skip
def test_what_is_no_series_is_not_from_prometheus(plan: Plan, row: object) -> None:
    """The answer as a whole is rejected."""
    answer = json.dumps({"data": {"result": [row]}})
    with served({"/api/v1/query": lambda _: answer}) as url:
        done = plan("--prometheus", url)
    assert done.status == 3
    assert "not a Prometheus response" in done.err


def test_headroom_below_zero_is_none(plan: Plan) -> None:
    """Not as much as there could be."""
    with served(prometheus(SERIES, -5)) as url:
        done = plan("--prometheus", url, "--add=windows=6")
    assert done.status == 1
    assert "no room for 1 windows" in done.out
