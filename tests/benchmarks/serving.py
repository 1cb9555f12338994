"""What daemons cost: scrapes, CPU time, memory, loop, commands, start, record, and churn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks import results, scrapes, table
from tests.benchmarks.programs import (
    cpu_seconds,
    daemon,
    ended,
    front,
    listening,
    node_exporter,
    reader,
    resident,
    scraped,
)
from tests.benchmarks.results import Row
from tests.benchmarks.table import BUSY, DAEMONS, IDLE
from tests.shown import ROOT

LARGE: Final = 1000
SMALL: Final = 24
CLIENTS: Final = (1, 10)
INTERVAL: Final = 10.0
"""Seconds between two scrapes of the daemons."""
WARMING: Final = 6
"""Passes before a daemon is measured."""
COMMAND: Final = "from xenwatch.cli.main import main; sys.exit(main(sys.argv[1:]))"
MILLI: Final = 1e3
PYTHON: Final = sys.executable


def of_scrapes(rounds: int, seconds: float) -> Iterator[Row]:
    """The 99th percentile of scrapes of a large host, against the same bytes from bare aiohttp."""
    with daemon(LARGE, BUSY) as served, tempfile.TemporaryDirectory() as name:
        warm([served.url])
        page = Path(name, "page")
        page.write_bytes(scraped(served.url))
        bare = [PYTHON, "-m", "tests.benchmarks.scrapes", "{port}", str(page)]
        with listening(bare) as (_, other):
            for clients in CLIENTS:
                pairs = [_percentiles((served.url, other), clients, seconds) for _ in range(rounds)]
                mine, others = zip(*pairs, strict=True)
                yield Row(table.scrape(clients), mine, others)


def _percentiles(urls: tuple[str, str], clients: int, seconds: float) -> tuple[float, float]:
    found = asyncio.run(scrapes.latencies(urls, clients, seconds))
    mine, other = (results.percentile(values, 0.99) * MILLI for values in found)
    return mine, other


def of_daemons(rounds: int, seconds: float) -> Iterator[Row]:
    """CPU time of daemons of several sizes while each is scraped, without the model's own work."""
    with contextlib.ExitStack() as stack:
        served = {each: stack.enter_context(daemon(*each)) for each in DAEMONS}
        pid, url = stack.enter_context(node_exporter())
        urls = [*(each.url for each in served.values()), url]
        warm(urls)
        found: dict[tuple[int, str], list[float]] = {each: [] for each in DAEMONS}
        others: list[float] = []
        for _ in range(rounds):
            before = {each: one.cost() for each, one in served.items()}
            theirs = cpu_seconds(pid)
            scrape_for(seconds, urls)
            others.append((cpu_seconds(pid) - theirs) / seconds * 100)
            for each, one in served.items():
                found[each].append((one.cost() - before[each]) / seconds * 100)
    for each in DAEMONS:
        name = table.daemon(*each)
        yield Row(name, tuple(found[each]), tuple(others) if table.TABLE[name].peer else ())


def of_memory(rounds: int, _: float) -> Iterator[Row]:
    """Memory of daemons that ask a reader in another process, which has the synthetic host."""
    with contextlib.ExitStack() as stack:
        options = {each: stack.enter_context(reader(*each)) for each in DAEMONS}
        fronts = {each: stack.enter_context(front(option)) for each, option in options.items()}
        urls = [url for _, url in fronts.values()]
        warm(urls)
        found: dict[tuple[int, str], list[float]] = {each: [] for each in DAEMONS}
        for _ in range(rounds):
            scrape_for(INTERVAL, urls)
            for each, (pid, _url) in fronts.items():
                found[each].append(resident(pid))
    for each in DAEMONS:
        yield Row(table.memory(*each), tuple(found[each]))


def warm(urls: Sequence[str]) -> None:
    """Wait until every probe of these has run, and then for some passes, with scrapes."""
    for url in urls:
        scraped(url.replace("/metrics", "/-/ready") if "/metrics" in url else url)
    scrape_for(WARMING * INTERVAL, urls)


def scrape_for(seconds: float, urls: Sequence[str]) -> None:
    """Scrape each every ten seconds, for so long."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        due = time.monotonic() + INTERVAL
        for url in urls:
            scraped(url)
        time.sleep(max(0.0, min(due - time.monotonic(), left)))


def of_commands(rounds: int, _: float) -> Iterator[Row]:
    """Commands that run and end, against a Python that does nothing."""
    with reader(SMALL, IDLE) as source, front(source) as (_pid, url):
        warm_url = url.removesuffix("/metrics")
        scraped(f"{warm_url}/-/ready")
        commands = {table.VERSION: ["--version"], table.CHECK: ["check", f"--url={warm_url}"]}
        for name, arguments in commands.items():
            costs = [(ended(COMMAND, *arguments), ended("")) for _ in range(rounds)]
            mine, others = zip(*costs, strict=True)
            for kind, unit, factor in ((0, table.MS, MILLI), (1, "MiB", 1.0)):
                yield Row(
                    f"{name}, {unit}",
                    tuple(each[kind] * factor for each in mine),
                    tuple(each[kind] * factor for each in others),
                )


def of_start(rounds: int, _: float) -> Iterator[Row]:
    """CPU time from the start of `xenwatch run` until it has told systemd that it is ready."""
    mine, others = [], []
    with reader(SMALL, IDLE) as source:
        for _ in range(rounds):
            with front(source) as (pid, _url):
                mine.append(cpu_seconds(pid) * MILLI)
            others.append(ended("")[0] * MILLI)
    yield Row(table.READY, tuple(mine), tuple(others))


def of_loop(rounds: int, seconds: float) -> Iterator[Row]:
    """How late the event loop is beside the probes of a large host, of its own making."""
    late = [
        json.loads(_printed("loop_lag", str(LARGE), str(int(seconds))))["p99.9"]
        for _ in range(rounds)
    ]
    yield Row(table.LAG, tuple(late))


def of_churn(rounds: int, _: float) -> Iterator[Row]:
    """Memory that VMs leave behind which start and stop."""
    yield Row(table.CHURN, tuple(float(_printed("churn")) for _ in range(rounds)))


def of_record(_: int, __: float) -> Iterator[Row]:
    """What the record costs a small host, and a day of a small and of a large one on the disk."""
    small, without, large = (
        json.loads(_printed("recording", str(vms), what))
        for vms, what in ((SMALL, "kept"), (SMALL, "left"), (LARGE, "kept"))
    )
    yield Row(table.RECORD_CPU, (small["cpu"],))
    yield Row(table.RECORD_MEMORY, (small["MiB"] - without["MiB"],))
    for vms, found in ((SMALL, small), (LARGE, large)):
        yield Row(table.record_day(vms), (found["MB"],))


def _printed(name: str, *arguments: str) -> str:
    argv = [PYTHON, "-m", f"tests.benchmarks.{name}", *arguments]
    return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def profile(seconds: float) -> None:
    """Print where the daemon of a large host spends its time."""
    with daemon(LARGE, BUSY, "--profile") as served:
        warm([served.url])
        scrape_for(seconds, [served.url])
