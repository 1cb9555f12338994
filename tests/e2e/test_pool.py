"""The page of a pool as a real Prometheus knows its hosts."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.programs import Server, until
from tests.e2e.test_alerts import AT_ONCE
from tests.running import ROOT, Process, xenwatch
from tests.tools import tool
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.http.members import Members, scraped
from xenwatch.status import host_status, pool_series
from xenwatch.status.pool import HostRow, host_row
from xenwatch.status.targets import Targets

pytestmark = pytest.mark.timeout(300)

JOB = "xenwatch"
FULL = "synthetic:leak-event-channels@3700"
"""A host without free event channels."""
BROKEN = "synthetic:debian-12"
"""A host with a VM without its disk, and one that does not die."""


def settings(path: Path, **sections: str) -> tuple[str, str]:
    """The option of a configuration in which alerts fire at once, with more in some sections."""
    path.write_text(
        f"[pool]\n{sections.get('pool', '')}\n[alerts]\n{sections.get('alerts', '')}\n{AT_ONCE}"
    )
    return "--config.file", str(path)


def target(running: Process, labels: Mapping[str, str]) -> dict[str, Any]:
    """A target of Prometheus with these labels."""
    return {"targets": [":".join(map(str, running.address))], "labels": dict(labels)}


def said(running: Process) -> HostRow:
    """What a daemon says of itself, its alerts counted by name, each with its severities."""
    status = host_status.loads(running.get(host_status.PATH.lstrip("/")))
    alone = {(row.alert, row.severity): row for row in status.alerts or ()}
    alerts = tuple(dataclasses.replace(row, labels={}) for row in alone.values())
    return host_row("", dataclasses.replace(status, alerts=alerts))


def asked(server: Server, query: str) -> bool:
    """Whether a query has an answer without an error."""
    return bool(server.query(query))


def every(hosts: Targets) -> list[str]:
    """The queries of the page for the hosts of the job."""
    return [*pool_series.target_queries(JOB).values(), *pool_series.queries(JOB, hosts).values()]


def rows(server: Server) -> dict[str, HostRow]:
    """The hosts that it knows, by name."""
    found = asyncio.run(Members(scraped(Endpoint(server.url), JOB, {"instance": ""})).answers())
    assert found is not None
    return {row.name: row for row in found.rows}


def same(row: HostRow) -> tuple[object, ...]:
    """What both say of a host that does not change."""
    rooms = frozenset((room.shape, room.at_most) for room in row.headroom)
    alerts = (row.state, row.critical, row.warning)
    return (*alerts, row.mark, row.host, row.version, row.domains, row.broken, rooms)


def shown(page: str) -> list[tuple[str, str]]:
    """Name and state of the hosts on a page."""
    found = re.findall(r'role="rowheader".*?<bdi>([^<]*)<.*?class="badge (\w+)"', page, re.DOTALL)
    return [(name, state) for name, state in found]


@contextlib.contextmanager
def pool(
    path: Path, labels: Sequence[Mapping[str, str]], own: str = "", differ: Sequence[str] = ()
) -> Iterator[tuple[Server, Process, Process]]:
    """A Prometheus that has scraped a full and a broken host, targets with these labels, and both.

    The full one is xen1, with the `own` keys of its configuration; `differ` are labels in which
    the hosts differ beside `instance`.
    """
    tool("prometheus")
    targets = path / "targets.json"
    job = {"job_name": JOB, "file_sd_configs": [{"files": [str(targets)]}]}
    server = Server(path / "prometheus", [job])
    named = {"pool": f'prometheus = "{server.url}"', "alerts": 'instance = "xen1"'}
    here = settings(path / "here.toml", **named)
    with Path(here[1]).open("a") as file:
        file.write(own)
    with (
        xenwatch("--source", FULL, *here) as full,
        xenwatch("--source", BROKEN, *settings(path / "there.toml")) as broken,
    ):
        daemons = full, broken
        for each in daemons:
            each.get_ready()
        targets.write_text(json.dumps(list(map(target, daemons, labels))))
        with server.running():
            for query in every(Targets(tuple(differ))):
                until(functools.partial(asked, server, query), query)
            yield server, full, broken


def test_a_prometheus_says_what_the_daemons_say(tmp_path: Path) -> None:
    """Each host is as its own daemon says it is; one that is stopped is unknown, never fine.

    The host whose page it is stands there once, as itself.
    """
    with pool(tmp_path, [{"instance": "xen1"}, {"instance": "xen2"}]) as (server, full, broken):
        daemons = {"xen1": full, "xen2": broken}
        until(
            lambda: (
                {(name, *same(row)) for name, row in rows(server).items()}
                == {(name, *same(said(daemon))) for name, daemon in daemons.items()}
            ),
            "Prometheus and the daemons say the same of the hosts",
        )
        assert rows(server)["xen1"].fullest == "dom0 event channels"
        until(lambda: shown(full.get("pool").decode())[1:] == [("xen2", "critical")], "it")
        broken.stop()
        until(lambda: shown(full.get("pool").decode())[1:] == [("xen2", "unknown")], "it")
        page = full.get("pool").decode()

    assert pool_series.DOWN in page
    assert len(shown(page)) == 2


def test_two_sites_have_hosts_of_the_same_name(tmp_path: Path) -> None:
    """Page and plan have both, each as its daemon says; this host is the one with its labels."""
    labels = [{"instance": "xen1", "site": site} for site in "ab"]
    with pool(tmp_path, labels, '[labels]\nsite = "a"\n', ["site"]) as (server, full, broken):
        daemons = {"a": full, "b": broken}
        expected = {(f"xen1 (site={site})", *same(said(each))) for site, each in daemons.items()}
        until(
            lambda: {(name, *same(row)) for name, row in rows(server).items()} == expected,
            "Prometheus and the daemons say the same of the hosts",
        )
        until(
            lambda: [name for name, _ in shown(full.get("pool").decode())[1:]] == ["xen1 (site=b)"],
            "the page shows the other one",
        )
        argv = [sys.executable, "-m", "xenwatch", "plan", "--prometheus", server.url]
        plan = subprocess.run(
            [*argv, "--format=json"], cwd=ROOT, capture_output=True, check=False, timeout=120
        )

    planned = {(each["name"], each["vms"] > 0) for each in json.loads(plan.stdout)["hosts"]}
    assert planned == {(name, True) for name, *_ in expected}
