"""Everything that is measured, side by side with peers: `make bench`, see docs/testing.md.

It writes docs/performance.json and docs/performance.md, and says what became slower than in the
figures that were there. `--profile` prints instead where the daemon of a thousand HVM VMs spends
its time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import Metric as ClientMetric

from tests.benchmarks import loop_lag, results, scrapes
from tests.benchmarks.programs import (
    cpu_seconds,
    daemon,
    ended,
    listening,
    node_exporter,
    scraped,
)
from tests.benchmarks.results import Results, Row
from tests.benchmarks.test_process_cost import PROCESSES, ours, processes_of, theirs
from tests.shown import ROOT
from xenwatch import metrics
from xenwatch.assessment import Rules, assess_pass
from xenwatch.display.text import counted
from xenwatch.exposition import text_format
from xenwatch.exposition.text_format import Family
from xenwatch.passes.one_pass import one_pass
from xenwatch.probes import PROBES, qemu

SIZES: Final = (0, 24, 500, 1000)
LARGE: Final = 1000
CLIENTS: Final = (1, 10)
COMMAND: Final = "from xenwatch.cli.main import main; sys.exit(main(sys.argv[1:]))"
INTERVAL: Final = 10.0
"""Seconds between two scrapes of the daemons."""
MICRO: Final = 1e6
FOUND: Final = ROOT / "docs/performance.json"
DOCUMENT: Final = ROOT / "docs/performance.md"
PYTHON: Final = sys.executable


def of_processes(rounds: int, _: float) -> Iterator[Row]:
    """A pass over QEMUs that sleep, and that have run, against a scrape of process-exporter."""
    vars(qemu)["SETTLE_MAX"] = PROCESSES  # all in one pass; a daemon gets there in several
    with processes_of(PROCESSES) as found:
        states: dict[str, Callable[[], None]] = {
            "asleep": found.asleep,
            "awake": found.awake,
        }
        for state, before in states.items():
            pairs = [_process_costs(before) for _ in range(rounds)]
            mine, others = zip(*pairs, strict=True)
            name = f"reading {PROCESSES:,} processes, {state}"
            yield Row(name, "ms CPU", mine, "process-exporter", others)


def _process_costs(before: Callable[[], None]) -> tuple[float, float]:
    return ours(3, before)[0] * 1e3, theirs(2, before)[0] * 1e3


def of_rendering(rounds: int, _: float) -> Iterator[Row]:
    """The page of a large host whose values have all changed, against prometheus_client's."""
    snapshot = one_pass(loop_lag.host(LARGE), PROBES).snapshot
    families = metrics.families(assess_pass(snapshot, Rules()))
    series = sum(len(family.samples) for family in families)

    class Collector:
        def collect(self) -> Iterator[ClientMetric]:
            for family in families:
                made = ClientMetric(family.name, family.help, family.kind)
                for labels, value in family.samples:
                    named = dict(zip(family.labels, labels, strict=True))
                    made.add_sample(family.name, named, value)
                yield made

    collector = Collector()
    before = text_format.page([_changed(family) for family in families])
    mine, others = [], []
    for _ in range(rounds):
        mine.append(
            _timed(lambda: text_format.page(families, before=before).body()) / series * MICRO
        )
        others.append(_timed(lambda: generate_latest(collector)) / series * MICRO)
    name = f"rendering a page of {series:,} series, each"
    yield Row(name, "us CPU", tuple(mine), "prometheus_client", tuple(others))


def _changed(family: Family) -> Family:
    samples = [(labels, value + 1) for labels, value in family.samples]
    return dataclasses.replace(family, samples=samples)


def _timed(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def of_scrapes(rounds: int, seconds: float) -> Iterator[Row]:
    """The 99th percentile of scrapes of a large host, against the same bytes from bare aiohttp."""
    with daemon(LARGE) as served, tempfile.TemporaryDirectory() as name:
        page = Path(name, "page")
        page.write_bytes(scraped(served.url))
        bare = [PYTHON, "-m", "tests.benchmarks.scrapes", "{port}", str(page)]
        with listening(bare) as (_, other):
            for clients in CLIENTS:
                pairs = [_percentiles((served.url, other), clients, seconds) for _ in range(rounds)]
                mine, others = zip(*pairs, strict=True)
                text = f"scrape of {LARGE:,} HVM VMs, {counted(clients, 'client')}, 99th percentile"
                yield Row(text, "ms", mine, "the same bytes from aiohttp", others)


def _percentiles(urls: tuple[str, str], clients: int, seconds: float) -> tuple[float, float]:
    found = asyncio.run(scrapes.latencies(urls, clients, seconds))
    mine, other = (results.percentile(values, 0.99) * 1e3 for values in found)
    return mine, other


def of_daemons(rounds: int, seconds: float) -> Iterator[Row]:
    """What daemons of several sizes cost while each is scraped, without the model's own work."""
    with contextlib.ExitStack() as stack:
        served = {size: stack.enter_context(daemon(size)) for size in SIZES}
        pid, url = stack.enter_context(node_exporter())
        found: dict[int, list[float]] = {size: [] for size in SIZES}
        memory: dict[int, list[float]] = {size: [] for size in SIZES}
        others: list[float] = []
        for _ in range(rounds):
            before = {size: each.cost() for size, each in served.items()}
            theirs_before = cpu_seconds(pid)
            _scrape_for(seconds, [*(each.url for each in served.values()), url])
            others.append((cpu_seconds(pid) - theirs_before) / seconds * 100)
            for size, each in served.items():
                now = each.cost()
                spent = {name: now[name] - before[size][name] for name in ("cpu", "model")}
                found[size].append((spent["cpu"] - spent["model"]) / seconds * 100)
                memory[size].append(now["rss"])
    for size in SIZES:
        name = f"daemon, {size:,} HVM VMs asleep, scraped every {INTERVAL:g} s"
        peer = ("node_exporter", tuple(others)) if size == 0 else ("", ())
        yield Row(name, "% of a core", tuple(found[size]), *peer)
        yield Row(
            f"memory of the daemon and its model, {size:,} HVM VMs", "MiB", tuple(memory[size])
        )


def _scrape_for(seconds: float, urls: list[str]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for url in urls:
            scraped(url)
        time.sleep(max(0.0, min(INTERVAL, left)))


def of_commands(rounds: int, _: float) -> Iterator[Row]:
    """Commands that run and end, against a Python that does nothing."""
    with daemon(24) as served:
        url = served.url.removesuffix("/metrics")
        commands = {
            "xenwatch --version": ["--version"],
            "xenwatch check": ["check", f"--url={url}"],
        }
        for name, arguments in commands.items():
            costs = [(ended(COMMAND, *arguments), ended("")) for _ in range(rounds)]
            (mine, others) = zip(*costs, strict=True)
            for kind, unit, factor in ((0, "ms CPU", 1e3), (1, "MiB", 1.0)):
                yield Row(
                    f"{name}, {unit}",
                    unit,
                    tuple(each[kind] * factor for each in mine),
                    "python -c pass",
                    tuple(each[kind] * factor for each in others),
                )


def of_loop(rounds: int, seconds: float) -> Iterator[Row]:
    """How late the event loop is beside the probes of a large host, of its own making."""
    argv = [PYTHON, "-m", "tests.benchmarks.loop_lag", str(LARGE), str(int(seconds))]
    late = []
    for _ in range(rounds):
        printed = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        late.append(json.loads(printed)["p99.9"])
    yield Row(f"event loop, {LARGE:,} HVM VMs: late at the 99.9th percentile", "ms", tuple(late))


BENCHMARKS: Final[dict[str, Callable[[int, float], Iterator[Row]]]] = {
    "processes": of_processes,
    "rendering": of_rendering,
    "scrapes": of_scrapes,
    "daemons": of_daemons,
    "commands": of_commands,
    "loop": of_loop,
}


def profile(seconds: float) -> None:
    """Print where the daemon of a large host spends its time."""
    with daemon(LARGE, "--profile") as served:
        _scrape_for(seconds, [served.url])


def run_of(rounds: int) -> dict[str, str | int]:
    """Where and when a run is made."""
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    model = cpus[0].partition(": ")[2] if cpus else platform.machine()
    machine = f"{os.cpu_count()} CPUs ({model})"
    python = platform.python_version()
    return {
        "machine": machine,
        "python": python,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "rounds": rounds,
    }


def main() -> None:
    """Measure all, or what `--only` names, and write it down if it is all."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", choices=BENCHMARKS, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=120.0, help="of a round that lasts")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    if options.profile:
        profile(options.seconds)
        return
    rows = []
    for name in options.only or BENCHMARKS:
        for row in BENCHMARKS[name](options.rounds, options.seconds):
            rows.append(row)
            print(*results.lines([row]), sep="\n", flush=True)
    if FOUND.exists():
        print(*results.slower(rows, results.loads(FOUND.read_text()).rows), sep="\n")
    if not options.only:
        made = Results(tuple(rows), run_of(options.rounds))
        FOUND.write_text(results.dumps(made))
        DOCUMENT.write_text(results.document(made))


if __name__ == "__main__":
    main()
