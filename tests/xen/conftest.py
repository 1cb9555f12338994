"""The machines and their report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.xen import guests
from tests.xen.daemon import INTERVAL, PORT, Daemon, install
from tests.xen.image import Image, image
from tests.xen.report import Report
from tests.xen.vm import Vm
from tests.xen.wheels import ROOT

BUILD = ROOT / "build" / "xen"
CAPTURES = BUILD / "captures"
"""Where the populations are kept as captured hosts until `make keep-captures`."""
REPORT = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    """Have a report."""
    config.stash[REPORT] = Report()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the report after the tests."""
    terminalreporter.section("real Xen")
    for line in terminalreporter.config.stash[REPORT].lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """What is printed at the end."""
    return pytestconfig.stash[REPORT]


@pytest.fixture(scope="session")
def xen_image(report: Report) -> Image:
    """dom0's image."""
    with report.stage("image"):
        return image()


@pytest.fixture(scope="module")
def vm(request: pytest.FixtureRequest, report: Report, xen_image: Image) -> Iterator[Vm]:
    """The machine of a module, which names the additions to dom0's command line `DOM0_ARGS`."""
    name = request.module.__name__.rpartition(".")[2]
    arguments: str = request.module.DOM0_ARGS
    machine = Vm(xen_image, BUILD / name, PORT, xen_args="conring_size=1M", dom0_args=arguments)
    with contextlib.closing(machine):
        with report.stage(f"{name}: boot"):
            machine.boot()
        with report.stage(f"{name}: install xenwatch"):
            install(machine, BUILD / "wheel")
        yield machine


@pytest.fixture(scope="module")
def daemon(vm: Vm, report: Report) -> Daemon:
    """The running daemon."""
    running = Daemon(vm)
    report.note("start of the unit", running.start())
    vm.wait(running.answers, "/metrics", 60)
    return running


@pytest.fixture
def often(daemon: Daemon) -> Iterator[None]:
    """Readings every few seconds, for tests that watch them go on."""
    daemon.configure(4)
    yield
    daemon.configure(INTERVAL)


@pytest.fixture
def guest(vm: Vm) -> int:
    """The domain id of a guest that runs."""
    if "pv1" not in guests.running(vm):
        guests.start(vm, "pv1")
    return guests.domid(vm, "pv1")
