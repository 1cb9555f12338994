"""What the scripts of the packages do on a host that is not as they would like it."""

from __future__ import annotations

import shutil

import pytest

from tests.packages.built import Packages
from tests.packages.conftest import LayerOf
from tests.packages.installed import (
    CONFIGURATION,
    MINE,
    STATE,
    installed_well,
    kept,
    use,
)
from tests.packages.installed import UNITS as LOCAL
from tests.packages.recipe import ROOT
from tests.packages.roots import Root

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


def calls(root: Root) -> list[str]:
    """What systemctl was told so far."""
    return (root.path / CALLS).read_text().splitlines()


def starts(call: str) -> bool:
    """Whether it tells systemctl to enable or start something, which an upgrade does not."""
    return bool({"enable", "start", "preset"} & set(call.split()))


def units(root: Root) -> set[str]:
    """The units of install.sh."""
    directory = root.path / LOCAL[1:]
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


def disabled(root: Root) -> set[str]:
    """The units that systemctl was told to disable."""
    return {call.split()[-1] for call in calls(root) if "disable" in call.split()}


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
    assert units(root) == UNITS
    assert not (root.path / "opt/xenwatch.new").exists()
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
    first = calls(root)
    root.run(script)
    second = calls(root)[len(first) :]

    assert {"--force enable xenwatch.service", "start xenwatch.service"} <= set(first)
    assert "try-restart xenwatch*.service" in second
    assert not any(starts(call) for call in second)


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


@pytest.mark.parametrize(("kind", "enabled"), [("deb", False), ("deb", True), ("rpm", False)])
def test_a_package_replaces_what_install_sh_installed(
    kind: str, enabled: bool, packages: Packages, layer_of: LayerOf
) -> None:
    """Nothing of the archive stays; configuration, state and what was enabled do, as it was."""
    root = layer_of("bookworm" if kind == "deb" else "rpm")
    with_systemd(root)
    root.run(unpacked(packages, root))
    use(root)
    stale = root.path / "opt/xenwatch/lib/python3.13/site-packages/stale.py"
    stale.touch()
    links = {"sockets.target.wants/xenwatch-messages.socket"}
    links |= {"multi-user.target.wants/xenwatch.service"} if enabled else set()
    for link in links:
        path = root.path / "etc/systemd/system" / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(f"{LOCAL}/{path.name}")
    before = len(calls(root))
    if kind == "deb":
        root.run("dpkg", "--install", "--force-confold", root.put(packages.deb, "srv"))
    else:
        root.run("rpm", "-i", "--nodeps", root.put(packages.rpm, "srv"))

    installed_well(root, "/usr/lib/systemd/system")
    assert kept(root) == (MINE, "1\n")
    assert units(root) == set()
    assert not stale.exists()
    assert not (root.path / "opt/xenwatch/installed").exists()
    assert {
        f"{path.parent.name}/{path.name}": str(path.readlink())
        for path in (root.path / "etc/systemd/system").glob("*.wants/xenwatch*")
    } == {link: f"/usr/lib/systemd/system/{link.partition('/')[2]}" for link in links}
    assert "try-restart xenwatch*.service" in calls(root)[before:]
    told = [call for call in calls(root)[before:] if starts(call)]
    # What is enabled deb-systemd-helper enables again, by systemd's presets.
    assert {call.split()[-2] for call in told} == ({"preset"} if enabled else set())
    root.run(*(("dpkg", "--purge") if kind == "deb" else ("rpm", "-e")), "xenwatch")
    assert not (root.path / "opt/xenwatch").exists()


def test_install_sh_follows_a_package_that_was_removed(
    packages: Packages, layer_of: LayerOf
) -> None:
    """What `apt remove` leaves keeps no archive out, and a later purge leaves that one's state."""
    root = layer_of("bookworm")
    root.run("dpkg", "--install", root.put(packages.deb, "srv"))
    use(root)
    root.run("dpkg", "--remove", "xenwatch")
    root.run(unpacked(packages, root))

    installed_well(root, LOCAL)
    assert kept(root) == (MINE, "1\n")
    root.run("dpkg", "--purge", "xenwatch")
    assert root.run("cat", STATE) == "1\n"
    root.run("xenwatch", "--version")


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        ("archive", "groupadd xenwatch"),
        ("archive", "useradd --gid users xenwatch"),
        ("deb", "groupadd xenwatch"),
        ("rpm", "groupadd xenwatch"),
    ],
)
def test_user_or_group_may_be_there(
    kind: str, before: str, packages: Packages, layer_of: LayerOf
) -> None:
    """Where there is a group without the user, or the other way round, the rest is added."""
    root = layer_of("rpm" if kind == "rpm" else "bookworm")
    root.run("sh", "-c", before)
    if kind == "archive":
        root.run(unpacked(packages, root))
    elif kind == "deb":
        root.run("dpkg", "--install", root.put(packages.deb, "srv"))
    else:
        root.run("rpm", "-i", "--nodeps", root.put(packages.rpm, "srv"))

    installed_well(root, LOCAL if kind == "archive" else "/usr/lib/systemd/system")


def test_an_rpm_that_is_not_set_up_says_so(packages: Packages, layer_of: LayerOf) -> None:
    """Where host-setup fails, rpm tells what to do, and not that it can be started."""
    root = layer_of("rpm")
    # Scripts of rpm do not look in /usr/local.
    (root.path / "usr/bin/chown").write_text("#!/bin/sh\nexit 1\n")
    done = root.attempt("rpm", "-i", "--nodeps", root.put(packages.rpm, "srv"))

    assert "run: /opt/xenwatch/share/host-setup install" in done.stderr
    assert "to start it" not in done.stdout + done.stderr


def test_a_mount_point_is_left_as_it_was(packages: Packages, layer_of: LayerOf) -> None:
    """Where /opt/xenwatch cannot be renamed, the installed version has all that belongs to it."""
    root = layer_of("bookworm")
    script = unpacked(packages, root)
    root.run(script)
    mounted = "mount --bind /opt/xenwatch /opt/xenwatch"
    done = root.attempt("sh", "-c", f"{mounted}; {script}")

    assert done.returncode == 1
    assert "install.sh: /opt/xenwatch cannot be renamed" in done.stderr
    assert units(root) == UNITS
    assert {path.name for path in (root.path / "opt").iterdir()} == {"xenwatch"}
    root.run("xenwatch", "--version")


def test_an_interrupted_upgrade_is_taken_up(packages: Packages, layer_of: LayerOf) -> None:
    """Killed between its two renamings, it goes on as an upgrade, and can be uninstalled."""
    root = layer_of("bookworm")
    with_systemd(root)
    script = unpacked(packages, root)
    root.run(script)
    before = len(calls(root))
    killed = "cd /opt; mv xenwatch xenwatch.old; mkdir xenwatch.new"
    root.run("sh", "-c", killed)
    root.run(script)
    upgraded = calls(root)[before:]
    opt = {path.name for path in (root.path / "opt").iterdir()}
    root.run("sh", "-c", killed)
    root.run(script, "--uninstall")

    assert "try-restart xenwatch*.service" in upgraded
    assert not any(starts(call) for call in upgraded)
    assert opt == {"xenwatch"}
    assert list((root.path / "opt").iterdir()) == []
    assert units(root) == set()


def test_a_unit_of_the_administrator_is_kept(packages: Packages, layer_of: LayerOf) -> None:
    """What `systemctl edit --full` has written survives upgrade and removal, and is named."""
    root = layer_of("bookworm")
    script = unpacked(packages, root)
    root.run(script)
    mine = root.path / "etc/systemd/system/xenwatch-reader.service"
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("[Service]\n")
    done = root.attempt(script)
    root.run(script, "--uninstall")

    assert done.returncode == 0
    assert "xenwatch: /etc/systemd/system/xenwatch-reader.service overrides" in done.stderr
    assert mine.read_text() == "[Service]\n"


def test_a_damaged_installation_is_removed(packages: Packages, layer_of: LayerOf) -> None:
    """Without its list of what it has installed, the list of the archive serves."""
    root = layer_of("bookworm")
    script = unpacked(packages, root)
    root.run(script)
    root.run("rm", "-r", "/opt/xenwatch/share")
    root.run(script, "--uninstall")
    again = root.attempt(script, "--uninstall")

    assert {name for name in root.new() if not name.startswith("srv/")} == {CONFIGURATION[1:]}
    assert again.stderr == (
        "install.sh: /opt/xenwatch/installed is missing: no archive is installed\n"
    )


def test_a_file_system_without_programs_is_named(packages: Packages, layer_of: LayerOf) -> None:
    """Unpacked where nothing may be executed, the error is about that and not about glibc."""
    root = layer_of("bookworm")
    script = unpacked(packages, root)
    mounted = "mount --bind /srv /srv; mount -o remount,bind,noexec /srv"
    done = root.attempt("sh", "-c", f"{mounted}; sh {script}")

    assert done.returncode == 1
    assert "not mounted noexec" in done.stderr
    assert "glibc" not in done.stderr


def test_the_state_may_be_on_another_disk(packages: Packages, layer_of: LayerOf) -> None:
    """Where /var/lib/xenwatch is a link, what it leads to is the daemon's."""
    root = layer_of("bookworm")
    root.run(
        "sh", "-c", "mkdir /mnt/state; echo 1 >/mnt/state/a; ln -s /mnt/state /var/lib/xenwatch"
    )
    root.run(unpacked(packages, root))

    assert root.run("stat", "--format", "%U", "/mnt/state", "/mnt/state/a").split() == 2 * [
        "xenwatch"
    ]
