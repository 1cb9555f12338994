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
