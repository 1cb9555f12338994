"""The packages as package managers and install.sh install, upgrade and remove them."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.packages.built import Packages
from tests.packages.conftest import LayerOf
from tests.packages.installed import (
    CONFIGURATION,
    MINE,
    STATE,
    UNITS,
    installed_well,
    kept,
    owner,
    use,
)
from tests.packages.recipe import recipe
from tests.packages.roots import Root, inside
from xenwatch import __version__

SERVED = ("run", "--source=synthetic:xcp-ng-8.3", "--web.listen-address=127.0.0.1:0")
PATIENCE = 120.0


def version(root: Root) -> str:
    """What the command on PATH says it is."""
    return root.run("xenwatch", "--version").split()[1]


def test_the_deb_is_installed_upgraded_and_purged(
    packages: Packages, older: Packages, layer_of: LayerOf, suite: str
) -> None:
    """dpkg keeps configuration and state until it purges them; only the user stays."""
    root = layer_of(suite)
    old, new = root.put(older.deb, "srv"), root.put(packages.deb, "srv")
    root.run("dpkg", "--install", old)
    installed_well(root, "/usr/lib/systemd/system")
    use(root)
    root.run("dpkg", "--install", new)
    after_upgrade = kept(root)
    installed_well(root, "/usr/lib/systemd/system")
    root.run("dpkg", "--remove", "xenwatch")
    after_removal = kept(root)
    left = root.new()
    root.run("dpkg", "--purge", "xenwatch")

    assert after_upgrade == after_removal == (MINE, "1\n")
    assert left - UNIT_STATE == {CONFIGURATION[1:], STATE[1:]}
    assert not (root.path / "opt/xenwatch").exists()
    assert root.new() == set()
    assert "xenwatch" in root.run("getent", "passwd", "xenwatch")


UNIT_STATE = {
    "etc/systemd/system/multi-user.target.wants/xenwatch.service",
    "var/lib/systemd/deb-systemd-helper-enabled/xenwatch.service.dsh-also",
    "var/lib/systemd/deb-systemd-helper-enabled/multi-user.target.wants/xenwatch.service",
    "var/lib/systemd/deb-systemd-helper-masked/xenwatch.service",
}
"""What Debian remembers of a unit between removal and purge: deb-systemd-helper(1p)."""


@pytest.fixture(params=["bookworm", "trixie"])
def suite(request: pytest.FixtureRequest) -> str:
    """The Debians that the deb is for."""
    return str(request.param)


def test_the_rpm_is_installed_upgraded_and_removed(
    packages: Packages, older: Packages, layer_of: LayerOf
) -> None:
    """rpm keeps configuration and state through upgrade and removal, and leaves nothing else."""
    root = layer_of("rpm")
    old, new = root.put(older.rpm, "srv"), root.put(packages.rpm, "srv")
    # No package of this root is in the database of rpm, so that no dependency can be met.
    root.run("rpm", "-i", "--nodeps", old)
    installed_well(root, "/usr/lib/systemd/system")
    untouched = root.attempt("rpm", "-V", "--nodeps", "xenwatch").stdout
    use(root)
    root.run("rpm", "-U", "--nodeps", new)
    after_upgrade = kept(root)
    upgraded = version(root), root.run("rpm", "-q", "xenwatch").strip()
    installed_well(root, "/usr/lib/systemd/system")
    changed = root.attempt("rpm", "-V", "--nodeps", "xenwatch").stdout.splitlines()
    root.run("rpm", "-U", "--oldpackage", "--nodeps", old)
    went_back = root.run("rpm", "-q", "xenwatch").strip()
    root.run("rpm", "-e", "xenwatch")

    assert after_upgrade == (MINE, "1\n")
    assert upgraded == (__version__, packages.rpm.name.removesuffix(".rpm"))
    assert went_back == older.rpm.name.removesuffix(".rpm")
    assert untouched == ""
    assert [line.split()[-1] for line in changed] == [CONFIGURATION]
    assert root.new() == {
        f"{CONFIGURATION[1:]}.rpmsave",
        STATE[1:],
    }
    assert root.run("cat", f"{CONFIGURATION}.rpmsave") == MINE


def test_the_rpm_needs_what_centos_7_has(packages: Packages, layer_of: LayerOf) -> None:
    """The rpm asks for glibc 2.17, a shell and useradd, and for nothing of a newer rpm."""
    root = layer_of("rpm")
    asked = root.run("rpm", "-q", "--requires", "-p", root.put(packages.rpm, "srv")).split("\n")
    features = {line.split("(")[1].split(")")[0] for line in asked if line.startswith("rpmlib(")}

    assert {line for line in asked if line and not line.startswith("rpmlib(")} == {
        "/bin/sh",
        "libc.so.6(GLIBC_2.17)(64bit)",
        "libgcc",
        "shadow-utils",
    }
    # rpm has the last one since 4.7; CentOS 7 has 4.11.
    assert features <= {
        "CompressedFileNames",
        "FileDigests",
        "PayloadFilesHavePrefix",
        "PayloadIsXz",
    }


def test_install_sh_needs_no_python(
    packages: Packages,
    oldest: str,
    layer_of: LayerOf,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """install.sh installs where nothing else is, upgrades, and leaves configuration and state."""
    root = layer_of(oldest)
    shutil.unpack_archive(packages.archive, root.path / "srv", filter="tar")
    script = f"/srv/{packages.archive.name.removesuffix('.tar.gz')}/install.sh"
    assert root.attempt("sh", "-c", "command -v python3").returncode != 0

    began = time.monotonic()
    root.run(script)
    installed = time.monotonic() - began
    with root.daemon("xenwatch", *SERVED, "--log.format=json") as daemon:
        daemon.get_ready()
        assert b"xenwatch_build_info" in daemon.get("metrics")
        served = time.monotonic() - began
        inside(daemon).send_signal(signal.SIGTERM)
        daemon.process.wait(timeout=PATIENCE)
    with capsys.disabled():
        print(f"\ninstall.sh: {installed:.1f} s, /metrics after {served:.1f} s")
    installed_well(root, UNITS)
    use(root)
    root.run("sh", "-c", "echo 0.0.1 >/opt/xenwatch/of-the-old-version")
    root.run(script)
    after_upgrade = kept(root)
    installed_well(root, UNITS)
    stale = (root.path / "opt/xenwatch/of-the-old-version").exists()
    root.run(script, "--uninstall")

    assert after_upgrade == kept(root) == (MINE, "1\n")
    assert not stale
    assert root.new() == {
        CONFIGURATION[1:],
        STATE[1:],
    }


def test_install_sh_leaves_a_package_alone(packages: Packages, layer_of: LayerOf) -> None:
    """install.sh refuses to write over what a package manager has installed."""
    root = layer_of("bookworm")
    root.run("dpkg", "--install", root.put(packages.deb, "srv"))
    shutil.unpack_archive(packages.archive, root.path / "srv", filter="tar")
    done = root.attempt(f"/srv/{packages.archive.name.removesuffix('.tar.gz')}/install.sh")

    assert done.returncode == 1
    assert done.stderr == "install.sh: xenwatch is installed from a package; use apt or rpm\n"


def test_the_virtual_environment_of_0_1_is_replaced(packages: Packages, layer_of: LayerOf) -> None:
    """Over the virtual environment that 0.1 was installed in, the deb runs, and keeps its state."""
    root = layer_of("bookworm")
    for name in ("opt/xenwatch/bin", "var/lib/xenwatch", "etc/xenwatch"):
        (root.path / name).mkdir(parents=True)
    (root.path / "opt/xenwatch/pyvenv.cfg").write_text("home = /usr/bin\n")
    (root.path / STATE[1:]).write_text("1\n")
    (root.path / CONFIGURATION[1:]).write_text(MINE)
    root.run("dpkg", "--install", "--force-confold", root.put(packages.deb, "srv"))

    installed_well(root, "/usr/lib/systemd/system")
    assert kept(root) == (MINE, "1\n")
    assert owner(root, STATE) == "xenwatch:xenwatch 644"
    assert version(root) == __version__


def test_an_older_systemd_has_its_drop_ins(packages: Packages, layer_of: LayerOf) -> None:
    """Where systemd is 219, the drop-ins for it are installed, and removed with the package."""
    root = layer_of("rpm")
    stand_in = root.path / "usr/bin/systemctl"
    stand_in.write_text("#!/bin/sh\necho systemd 219\n")
    stand_in.chmod(0o755)
    root.run("rpm", "-i", "--nodeps", root.put(packages.rpm, "srv"))
    wanted = drop_ins(root.path / "opt/xenwatch/share/systemd/219")
    there = drop_ins(root.path / "etc/systemd/system")
    root.run("rpm", "-e", "xenwatch")

    assert there == wanted
    assert drop_ins(root.path / "etc/systemd/system") == set()


def drop_ins(directory: Path) -> set[str]:
    """The drop-ins below a directory."""
    return {str(path.relative_to(directory)) for path in directory.glob("*.service.d/*.conf")}


def test_the_packages_hold_the_gates(packages: Packages, tmp_path: Path) -> None:
    """What is published needs no symbol above GLIBC_2.17, is a PIE, and as small as promised."""
    gates = recipe("gates")
    shutil.unpack_archive(packages.archive, tmp_path, filter="tar")
    (tree,) = tmp_path.glob("*/xenwatch")

    gates.check_binaries(tree)
    gates.check_sizes(tree, (packages.archive, packages.rpm, packages.deb))


def test_the_bill_names_what_is_compiled_in(packages: Packages) -> None:
    """The bill of materials has the files of Python's source, and libraries within libraries."""
    (path,) = packages.archive.parent.glob("*.cdx.json")
    parts = {part["name"]: part for part in json.loads(path.read_text())["components"]}
    sources = {file["url"] for file in parts["python3.13"]["externalReferences"]}

    assert {file.name for file in recipe("lock").load().source} == sources
    assert {"mpdecimal", "llhttp", "pyo3", "blowfish", "sha2", "libssl-dev"} <= parts.keys()
    assert {name for name, part in parts.items() if "licenses" not in part} == {
        name for name, part in parts.items() if part["purl"].startswith("pkg:cargo/")
    }
