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

pytest.register_assert_rewrite("tests.xen.hazards")

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


class Machines:
    """One machine at a time, kept for as long as the modules want the same dom0."""

    def __init__(self, xen_image: Image, report: Report) -> None:
        self._image = xen_image
        self._report = report
        self._now: tuple[str, Daemon] | None = None

    def get(self, name: str, arguments: str) -> Daemon:
        """The daemon of a dom0 with these additions to its command line, a new one by this name."""
        if self._now is None or self._now[0] != arguments:
            self.close()
            machine = Vm(
                self._image, BUILD / name, PORT, xen_args="conring_size=1M", dom0_args=arguments
            )
            running = Daemon(machine)
            self._now = arguments, running
            with self._report.stage(f"{name}: boot"):
                machine.boot()
            with self._report.stage(f"{name}: install xenwatch"):
                install(machine, BUILD / "wheel")
            self._report.note(f"{name}: start of the unit", running.start())
            machine.wait(running.answers, "/metrics", 60)
        return self._now[1]

    def close(self) -> None:
        """End the machine there is."""
        if self._now is not None:
            self._now[1].vm.close()
            self._now = None


@pytest.fixture(scope="session")
def machines(xen_image: Image, report: Report) -> Iterator[Machines]:
    """The machines, the last of which ends with the tests."""
    with contextlib.closing(Machines(xen_image, report)) as these:
        yield these


@pytest.fixture(scope="module")
def daemon(request: pytest.FixtureRequest, machines: Machines) -> Daemon:
    """The running daemon of a module, without guests.

    The module names the additions for dom0's kernel `DOM0_ARGS`.
    """
    arguments: str = request.module.DOM0_ARGS
    running = machines.get(request.module.__name__.rpartition(".")[2], arguments)
    guests.destroy(running.vm, *guests.running(running.vm))
    running.configure(INTERVAL)
    return running


@pytest.fixture(scope="module")
def vm(daemon: Daemon) -> Vm:
    """The machine of a module."""
    return daemon.vm


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
