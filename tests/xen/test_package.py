"""The Debian package in dom0, whose own Python is out of reach: installed, upgraded and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.packages import built
from tests.support import series
from tests.xen.conftest import BUILD
from tests.xen.daemon import CONFIG, ETC, PREFIX, PROGRAM, Daemon, install, remove_units
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = ""

PYTHONS: Final = "/usr/bin/python3*"
PUT: Final = "/root/packages"
APT: Final = "apt-get -q -y -o Dpkg::Options::=--force-confold"
TYPO: Final = b"[web]\nlisten_adresses = []\n"
MINE: Final = b"[log]\nlevel = 'debug'\n"
REJECTED: Final = "journalctl -u xenwatch -o cat | grep 'configuration rejected'"
CLEAN: Final = f"{APT} purge xenwatch; rm -rf {PREFIX} {CONFIG}; chmod a+x {PYTHONS}"


@pytest.fixture
def debs(tmp_path: Path) -> tuple[Path, Path]:
    """An older package and today's."""
    packages = built.built()
    return built.older(packages, tmp_path).deb, packages.deb


@pytest.fixture
def without_python(vm: Vm, daemon: Daemon) -> Iterator[None]:
    """dom0 without xenwatch and without a Python that runs; afterwards with both again."""
    remove_units(vm)
    vm.run(f"rm -rf {PREFIX} {CONFIG}; chmod a-x {PYTHONS}")
    assert vm.attempt("python3 --version").status == 126
    yield
    vm.run(CLEAN, 300)
    install(vm, BUILD / "wheel")
    daemon.start()


def state(vm: Vm) -> str:
    """Version and release of the package, and state of the service."""
    vm.run("xenwatch --version")
    version = vm.run("dpkg-query -W -f '${Version}' xenwatch")
    return f"{version} {vm.attempt('systemctl is-active xenwatch').stdout.strip()}"


@pytest.mark.usefixtures("without_python", "guest")
def test_the_deb_is_installed_upgraded_and_removed(
    vm: Vm, daemon: Daemon, debs: tuple[Path, Path], report: Report
) -> None:
    """Each step leaves a service that reads all it can, with the configuration that was there."""
    vm.put(debs, PUT)
    old, new = (f"{PUT}/{deb.name}" for deb in debs)
    before, after = (f"{deb.name.split('_')[1]} active" for deb in debs)
    with report.stage("apt install of the deb"):
        vm.run(f"{APT} install {old}", 300)
    report.note("from there to the first answer", daemon.wait())
    installed = state(vm), vm.run("systemctl is-enabled xenwatch").strip()
    # Written before xenwatch was there, a configuration of the tests' own gives the probes time.
    daemon.start()
    first = daemon.fresh()
    vm.run(f"cat > {CONFIG}", stdin=TYPO)
    vm.run("systemctl reload xenwatch")
    vm.wait(lambda: not vm.attempt(REJECTED).status, "the rejection in the journal", 60)
    rejected = vm.run(REJECTED)
    kept = state(vm)
    vm.run(f"cat > {CONFIG}", stdin=MINE)
    with report.stage("apt upgrade by the deb"):
        vm.run(f"{APT} install {new}", 300)
    daemon.wait()
    upgraded = state(vm)
    configuration = vm.run(f"cat {CONFIG}")
    daemon.start()
    page = daemon.fresh()
    free = series(vm.run(f"{PROGRAM} once --source host --format prometheus", 300).encode())
    vm.run(f"{APT} remove xenwatch", 300)
    left = vm.run(f"ls {CONFIG} /var/lib/xenwatch; ls -d {ETC}/xenwatch* {PREFIX} || :")

    assert installed == (before, "enabled")
    assert "web.listen_adresses" in rejected
    assert kept == before
    assert upgraded == after
    assert configuration.encode() == MINE
    assert first.failed() == page.failed() == set()
    assert {name for name, _ in free} <= {name for name, _ in page.series}
    assert CONFIG in left
    assert PREFIX not in left
    assert ETC not in left
    assert not daemon.answers()
