"""What holds for every test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.web_config import certificates
from xenwatch import threads


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
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
