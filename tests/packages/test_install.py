"""What the scripts of the packages do on a host that is not as they would like it."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.packages.built import Packages
from tests.packages.recipe import ROOT
from tests.packages.roots import Root

LayerOf = Callable[[str], Root]
CALLS = "srv/systemctl.log"
STAND_IN = f"""#!/bin/sh
[ "$1" != --version ] || echo systemd 252
echo "$*" >>/{CALLS}
"""
UNITS = {path.name for path in (ROOT / "systemd").glob("xenwatch*.*")}


def unpacked(packages: Packages, root: Root) -> str:
    """The archive unpacked in the root: the path of its script."""
    shutil.unpack_archive(packages.archive, root.path / "srv", filter="tar")
    return f"/srv/{packages.archive.name.removesuffix('.tar.gz')}/install.sh"


def with_systemd(root: Root) -> None:
    """Have the root look as if systemd ran, which notes what it is told."""
    (root.path / "run/systemd/system").mkdir(parents=True)
    stand_in = root.path / "usr/bin/systemctl"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)


def disabled(root: Root) -> set[str]:
    """The units that systemctl was told to disable."""
    calls = (root.path / CALLS).read_text().splitlines()
    return {call.split()[-1] for call in calls if "disable" in call.split()}


def test_a_strict_umask_locks_nobody_out(packages: Packages, layer_of: LayerOf) -> None:
    """Unpacked and installed with umask 077, the daemon's user can run what is installed."""
    root = layer_of("bookworm")
    script = unpacked(packages, root)
    directory = script.removesuffix("/install.sh")
    root.run("sh", "-c", f"chmod -R go= {directory}; umask 077; {script}")
    as_user = ("setpriv", "--reuid=xenwatch", "--regid=xenwatch", "--clear-groups")

    root.run(*as_user, "xenwatch", "check-config")


def test_a_copy_that_fails_leaves_the_installed_version(
    packages: Packages, layer_of: LayerOf
) -> None:
    """Where an upgrade finds no room for its files, the version that is there has its units."""
    root = layer_of("bookworm")
    script = unpacked(packages, root)
    root.run(script)
    (root.path / "usr/local/bin/cp").write_text("#!/bin/sh\nexit 1\n")
    (root.path / "usr/local/bin/cp").chmod(0o755)

    assert root.attempt(script).returncode == 1
    assert {path.name for path in (root.path / "etc/systemd/system").iterdir()} >= UNITS
    root.run("xenwatch", "--version")


def test_after_one_that_has_failed_comes_a_first_installation(
    packages: Packages, layer_of: LayerOf
) -> None:
    """Where no user can be made the script fails; run again it enables and starts the service."""
    root = layer_of("bookworm")
    with_systemd(root)
    script = unpacked(packages, root)
    for name in ("useradd", "systemd-sysusers"):
        (root.path / "usr/local/bin" / name).write_text("#!/bin/sh\nexit 1\n")
        (root.path / "usr/local/bin" / name).chmod(0o755)
    assert root.attempt(script).returncode == 1
    for name in ("useradd", "systemd-sysusers"):
        (root.path / "usr/local/bin" / name).unlink()
    root.run(script)
    first = (root.path / CALLS).read_text().splitlines()
    root.run(script)
    second = (root.path / CALLS).read_text().splitlines()[len(first) :]

    assert {"enable xenwatch.service", "start xenwatch.service"} <= set(first)
    assert "try-restart xenwatch*.service" in second
    assert not any(call.startswith(("enable", "start")) for call in second)


@pytest.mark.parametrize("kind", ["archive", "rpm", "deb"])
def test_what_is_removed_is_disabled(kind: str, packages: Packages, layer_of: LayerOf) -> None:
    """Optional units that were enabled leave no link to themselves behind, as the service does."""
    root = layer_of("bookworm" if kind == "deb" else "rpm")
    with_systemd(root)
    if kind == "deb":
        root.run("dpkg", "--install", root.put(packages.deb, "srv"))
        root.run("dpkg", "--purge", "xenwatch")
        # The service is dpkg's own, by deb-systemd-helper.
        assert disabled(root) == UNITS - {"xenwatch.service"}
        return
    if kind == "archive":
        script = unpacked(packages, root)
        root.run(script)
        root.run(script, "--uninstall")
    else:
        root.run("rpm", "-i", "--nodeps", root.put(packages.rpm, "srv"))
        root.run("rpm", "-e", "xenwatch")

    assert disabled(root) == UNITS


def test_a_configuration_that_was_removed_stays_so(packages: Packages, layer_of: LayerOf) -> None:
    """Who has removed it has the defaults: dpkg, which brings none back, upgrades all the same."""
    root = layer_of("bookworm")
    package = root.put(packages.deb, "srv")
    root.run("dpkg", "--install", package)
    root.run("rm", "/etc/xenwatch/xenwatch.toml")
    root.run("dpkg", "--install", package)

    assert not (root.path / "etc/xenwatch/xenwatch.toml").exists()
    root.run("xenwatch", "check-config")
