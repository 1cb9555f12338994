"""What holds for every test."""

from __future__ import annotations

import resource
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest
import structlog

from tests.web_config import certificates
from xenwatch import threads

CPU: Final = "CPU seconds"
_since = [0.0]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with certificates and keys: see `certificates.make`."""
    return certificates.make(tmp_path_factory.mktemp("pki"))


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Undo what a command under test has made of the log: it is set up for the whole process."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def threads_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the waiting threads that a daemon under test leaves behind."""
    pool = threads._Pool()
    monkeypatch.setattr(threads, "_POOL", pool)
    monkeypatch.setattr(threads.Lane, "_are_open", False)
    yield
    pool.keep(0)
    while pool._waiting:
        pool.run(lambda: None, "ends")


def cpu_seconds() -> float:
    """CPU time of this process and of those it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def pytest_runtest_logstart() -> None:
    """Count the CPU time of a test from here on."""
    _since[0] = cpu_seconds()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have the report of each phase of a test say what it has cost, in whichever process it ran."""
    report = yield
    _since[0], before = cpu_seconds(), _since[0]
    report.user_properties.append((CPU, _since[0] - before))
    return report


def group_of(nodeid: str) -> str:
    """The directory of a test: `tests/parse`."""
    return nodeid.partition("::")[0].rpartition("/")[0]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the tests have cost, by directory, and name what was skipped."""
    cost = defaultdict[str, float](float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                spent = dict(report.user_properties).get(CPU)
                cost[group_of(report.nodeid)] += spent if isinstance(spent, float) else 0.0
    if len(cost) > 1:
        terminalreporter.section("CPU time")
        for group, seconds in sorted(cost.items(), key=lambda each: -each[1]):
            terminalreporter.write_line(f"{seconds:7.1f} s {group}")
        terminalreporter.write_line(f"{sum(cost.values()):7.1f} s in all")
    name_skipped(terminalreporter)


def name_skipped(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was skipped, with the command that gets what it lacked."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    )
    if not reasons:
        return
    terminalreporter.section("not run")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} of {reason}")
    terminalreporter.write_line("To install all packages, as root on Debian: make test SETUP=1")
