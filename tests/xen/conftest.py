"""The machines and their report."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from types import ModuleType

import pytest

from tests.xen import guests
from tests.xen.daemon import INTERVAL, PORT, Daemon, install
from tests.xen.image import Image, image
from tests.xen.report import LOG, Report
from tests.xen.vm import Vm, VmError
from tests.xen.wheels import ROOT

pytest.register_assert_rewrite("tests.xen.hazards")

BUILD = ROOT / "build" / "xen"
CAPTURES = BUILD / "captures"
"""Where the populations are kept as captured hosts until `make keep-captures`."""
TAIL = 2000
"""Characters of what a test has failed of that are logged at once: the whole run takes an hour."""
JOURNAL = "journalctl -b -u 'xenwatch*' -n 60 -o cat"
REPORT = pytest.StashKey[Report]()
MACHINES = pytest.StashKey["Machines"]()


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
    """One machine at a time, kept for as long as the modules want the same dom0 and it lives."""

    def __init__(self, xen_image: Image, report: Report) -> None:
        self._image = xen_image
        self._report = report
        self._arguments = self._module = ""
        self._daemon: Daemon | None = None

    def get(self, module: ModuleType) -> Daemon:
        """The daemon of the dom0 that a module wants, at first without guests.

        The module names the additions for dom0's kernel `DOM0_ARGS`.
        """
        name, arguments = module.__name__.rpartition(".")[2], module.DOM0_ARGS
        if self._daemon is None or self._arguments != arguments or not self._daemon.vm.alive():
            self.close()
            self._arguments = arguments
            self._boot(name)
        elif self._module != name:
            guests.destroy(self._daemon.vm, *guests.running(self._daemon.vm))
            self._daemon.configure(INTERVAL)
        self._module = name
        assert self._daemon is not None
        return self._daemon

    def _boot(self, name: str) -> None:
        machine = Vm(
            self._image, BUILD / name, PORT, xen_args="conring_size=1M", dom0_args=self._arguments
        )
        self._daemon = Daemon(machine)
        try:
            with self._report.stage(f"{name}: boot"):
                machine.boot()
            with self._report.stage(f"{name}: install xenwatch"):
                install(machine, BUILD / "wheel")
            self._report.note(f"{name}: start of the unit", self._daemon.start())
        except BaseException:
            machine.lost = True
            raise

    def tail(self) -> str:
        """The last lines of the serial console, "" without a machine."""
        return self._daemon.vm.tail() if self._daemon else ""

    def journal(self) -> str:
        """The last lines of xenwatch's own, "" of a machine that is lost."""
        if self._daemon is None or self._daemon.vm.lost:
            return ""
        with contextlib.suppress(VmError):
            return self._daemon.vm.attempt(JOURNAL).stdout
        return ""

    def close(self) -> None:
        """End the machine there is."""
        if self._daemon is not None:
            self._daemon.vm.close()
            self._daemon = None


@pytest.fixture(scope="session")
def machines(pytestconfig: pytest.Config, xen_image: Image, report: Report) -> Iterator[Machines]:
    """The machines, the last of which ends with the tests."""
    with contextlib.closing(Machines(xen_image, report)) as these:
        pytestconfig.stash[MACHINES] = these
        yield these


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Whatever a test has failed of, say it at once; at the end show serial console and journal."""
    its = yield
    if its.failed and MACHINES in item.config.stash:
        LOG.info("%s", its.longreprtext[-TAIL:])
        machines = item.config.stash[MACHINES]
        its.sections.append(("serial console", machines.tail()))
        its.sections.append(("journal", machines.journal()))
    return its


@pytest.fixture
def daemon(request: pytest.FixtureRequest, machines: Machines) -> Daemon:
    """The running daemon."""
    return machines.get(request.module)


@pytest.fixture
def vm(daemon: Daemon) -> Vm:
    """Its machine."""
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
    guests.start(vm, guests.ONE)
    return guests.domid(vm, guests.ONE)
