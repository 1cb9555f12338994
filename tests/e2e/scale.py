"""Measures what many hosts cost the programs that watch them: series, memory, CPU of the rules.

By hand, one system at a time, on a machine that does nothing else:

    .venv/bin/python -m tests.e2e.scale prometheus --hosts 1000 --vms 20 --interval 60 --minutes 10

It prints a table. CPU time is measured for so many minutes without rules, then as long with them.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from tests.e2e.fleets import BY, JOB, PATIENT, Fleet, Process, VictoriaMetrics, federated
from tests.e2e.programs import Alertmanager, Receiver, Server, exported
from xenwatch.cli.option_values import between, seconds
from xenwatch.config.settings import Settings
from xenwatch.generate.grouping import Grouping
from xenwatch.generate.rules import rules

HEAD: Final = "prometheus_tsdb_head_series"
CREATED: Final = "vm_new_timeseries_created_total"
SITES: Final = ("a", "b")
UPPER: Final = (
    '{__name__=~"(job|instance):xenwatch_.*"}',
    "xenwatch_vm_headroom",
    f'up{{job="{JOB}"}}',
)
"""The series that docs/fleets.md has the upper of two tiers federate."""


def rules_of_site(*, keep_firing_for: bool = True) -> str:
    """The rules for the fleet."""
    grouping = Grouping(JOB, BY, keep_firing_for=keep_firing_for)
    return rules(Settings().alerts(), grouping=grouping)


@dataclass(frozen=True, slots=True)
class Watcher:
    """A program that watches the fleet, and how many series it has."""

    name: str
    process: subprocess.Popen[bytes]
    series: Callable[[], float]

    def cpu(self) -> float:
        """Seconds of CPU time so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def mebibytes(self) -> float:
        """Its resident memory."""
        return float(psutil.Process(self.process.pid).memory_info().rss / (1 << 20))


class Run:
    """A `fleet`, an Alertmanager, and the `watchers`, which end with `stack`."""

    def __init__(
        self, stack: contextlib.ExitStack, directory: Path, options: argparse.Namespace
    ) -> None:
        self.watchers: list[Watcher] = []
        self._stack, self._directory, self._options = stack, directory, options
        self._interval = f"{options.interval:g}s"
        sites = SITES if options.system == "tiers" else SITES[:1]
        self.fleet = Fleet(
            directory,
            f"--hosts={options.hosts // len(sites)}",
            f"--sites={','.join(sites)}",
            f"--vms={options.vms}",
        )
        receiver = Receiver()
        self._keeper = Alertmanager(directory / "keeper", receiver.url)
        for each in (receiver, self.fleet, self._keeper):
            stack.enter_context(each.running())

    def prometheus(
        self, name: str, job: Mapping[str, Any], **labels: str
    ) -> tuple[Server, Callable[[], None]]:
        """A Prometheus that runs, and what has it evaluate the rules from then on."""
        server = Server(
            self._directory / name,
            [self._timed(job)],
            keepers=[self._keeper.url],
            labels=labels,
            interval=self._interval,
        )
        process = self._start(name, server.running(), lambda: exported(server.url, HEAD))
        return server, lambda: server.judge(process, rules_of_site())

    def victoria(self) -> Callable[[], None]:
        """VictoriaMetrics runs; what has vmalert evaluate the rules from then on."""
        database = VictoriaMetrics(
            self._directory / "victoria-metrics",
            self._timed(self.fleet.job()),
            rules_of_site(keep_firing_for=False),
            keeper=self._keeper.url,
            interval=self._interval,
        )
        name = "victoria-metrics"
        self._start(name, database.running(), lambda: exported(database.url, CREATED))

        def judge() -> None:
            self._start("vmalert", database.judging(), lambda: 0.0)

        return judge

    def period(self) -> dict[str, float]:
        """Seconds of CPU time of each watcher a minute, from its third interval on."""
        time.sleep(2 * self._options.interval)
        began = {watcher.name: watcher.cpu() for watcher in self.watchers}
        time.sleep(60 * self._options.minutes)
        return {
            watcher.name: (watcher.cpu() - began[watcher.name]) / self._options.minutes
            for watcher in self.watchers
        }

    def _timed(self, job: Mapping[str, Any]) -> dict[str, Any]:
        return {**job, **dict.fromkeys(PATIENT, self._interval)}

    def _start(
        self, name: str, process: Process, series: Callable[[], float]
    ) -> subprocess.Popen[bytes]:
        started = self._stack.enter_context(process)
        self.watchers.append(Watcher(name, started, series))
        return started


def _prometheus(run: Run) -> Callable[[], None]:
    _, judge = run.prometheus("prometheus", run.fleet.job())
    return judge


def _tiers(run: Run) -> Callable[[], None]:
    lower = [run.prometheus(f"site {site}", run.fleet.job(site), site=site) for site in SITES]
    run.prometheus("upper", federated(*(server for server, _ in lower), matches=UPPER))

    def judge() -> None:
        for _, each in lower:
            each()

    return judge


SYSTEMS: Final[Mapping[str, Callable[[Run], Callable[[], None]]]] = {
    "prometheus": _prometheus,
    "tiers": _tiers,
    "victoria": Run.victoria,
}
"""What watches the fleet: each starts, and returns what begins with the rules."""


def measure(options: argparse.Namespace) -> str:
    """The table of a run."""
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        run = Run(stack, Path(directory), options)
        judge = SYSTEMS[options.system](run)
        before = run.period()
        judge()
        after = run.period()
        lines = [
            f"{options.hosts} hosts, {options.vms} VMs each, every {options.interval:g} s:",
            "",
            "| Program | Series | Memory, MiB | CPU, s/min | with rules, s/min |",
            "| --- | --- | --- | --- | --- |",
        ]
        for watcher in run.watchers:
            name = watcher.name
            numbers = (watcher.series(), watcher.mebibytes())
            cpu = (before.get(name, 0.0), after[name])
            cells = (*(f"{number:.0f}" for number in numbers), *(f"{each:.1f}" for each in cpu))
            lines.append(f"| {name} | {' | '.join(cells)} |")
        return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    found.add_argument("system", choices=SYSTEMS)
    found.add_argument(
        "--hosts", type=between(1, 100_000), default=1000, help="in all (%(default)s)"
    )
    found.add_argument(
        "--vms", type=between(1, 10_000), default=20, help="VMs of a host (%(default)s)"
    )
    found.add_argument(
        "--interval",
        type=seconds(1, 600),
        default=60,
        help="seconds from scrape to scrape (%(default)s)",
    )
    found.add_argument(
        "--minutes", type=seconds(0, 600), default=10, help="of each measurement (%(default)s)"
    )
    return found


if __name__ == "__main__":
    print(measure(parser().parse_args()))
