"""Every subcommand from the package, with the oldest libc there is and with no host at all."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import tarfile
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.packages import roots
from tests.packages.built import Packages
from tests.packages.recipe import recipe
from tests.packages.roots import Root, inside
from tests.support import parse_page
from xenwatch.cli.main import PARTS, make_parser

XENWATCH = "/opt/xenwatch/bin/xenwatch"
PYTHON = "/opt/xenwatch/bin/python3.13"
SOURCE = "--source=synthetic:xcp-ng-8.3"
COMMANDS: dict[str, tuple[str, ...]] = {
    "once": ("once", SOURCE, "--format", "prometheus"),
    "capture": ("capture", SOURCE, "/tmp/captured"),
    "doctor": ("doctor", SOURCE),
    "scenarios": ("scenarios",),
    "plan": ("plan", SOURCE),
    "advise": ("advise", SOURCE),
    "check": ("check", SOURCE),
    "explain": ("explain", SOURCE, "vbd vbd-5-51712: error 28 mapping ring-refs and evtchn"),
    "maintenance": ("maintenance", "status"),
    "check-config": ("check-config", "--config.file", "/opt/xenwatch/share/xenwatch.toml"),
    "generate": ("generate", "rules", "--directory", "/tmp/generated"),
}
"""How each is run; `run` and `top` have tests of their own, and systemd runs the parts."""
PATIENCE = 120.0


def unpack(packages: Packages, root: Path) -> None:
    """Put the tree of the archive where it belongs, as install.sh does."""
    with tarfile.open(packages.archive) as tar:
        for member in tar:
            below = Path(member.name).parts[1:]
            if below[:1] == ("xenwatch",):
                member.name = str(Path("opt", *below))
                tar.extract(member, root, filter="tar")


def bare(packages: Packages, libc: Path, root: Path) -> Root:
    """A root of the tree and of the parts of glibc it loads, taken from another root."""
    unpack(packages, root)
    for name in ("proc", "sys", "dev", "tmp", "etc", "lib", "lib64"):
        (root / name).mkdir()
    # glibc loads libgcc_s itself, where a thread of a library ends while Python does.
    for name in recipe("gates").HOST_LIBRARIES:
        source = libc / "lib/x86_64-linux-gnu" / name
        # The loader is where every program looks for it, the rest where the loader looks.
        shutil.copy(source, root / ("lib64" if name.startswith("ld-") else "lib") / name)
    return Root(root, root)


@pytest.fixture(scope="module", params=["oldest libc", "empty root"])
def root(
    request: pytest.FixtureRequest,
    packages: Packages,
    bases: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Root]:
    """The tree in the oldest Debian, and with glibc alone."""
    directory = tmp_path_factory.mktemp("commands") / "root"
    if request.param == "empty root":
        yield bare(packages, bases("bookworm"), directory)
        return
    with roots.layer(bases(request.getfixturevalue("oldest")), directory) as layer:
        unpack(packages, layer.path)
        yield layer


def test_the_table_has_every_command() -> None:
    """No subcommand of the parser is left out."""
    (action,) = (a for a in make_parser()._actions if isinstance(a.choices, dict))
    assert action.choices is not None

    assert set(action.choices) == COMMANDS.keys() | {"run", "top", *PARTS}


def test_every_command_runs(root: Root) -> None:
    """Each subcommand ends as it does from the wheel, and none misses a module or a library."""
    said = {name: root.attempt(XENWATCH, *arguments) for name, arguments in COMMANDS.items()}
    failed = {
        name: done.stderr
        for name, done in said.items()
        # On this host limits are near their max, which check and advise tell by 1 and 2.
        if done.returncode not in ({0, 1, 2} if name == "check" else {0})
    }

    assert failed == {}
    assert {name: done.stderr for name, done in said.items() if "Traceback" in done.stderr} == {}
    assert "xenwatch_event_channels_used" in said["once"].stdout
    assert "XenwatchEventChannelsNearLimit" in said["explain"].stdout


def test_every_module_is_there(root: Root) -> None:
    """Each module of the package can be imported, with all it needs on a real host too."""
    script = """
import importlib, pkgutil, xenwatch
for module in pkgutil.walk_packages(xenwatch.__path__, "xenwatch."):
    if not module.name.startswith(("xenwatch.generate.dashboards", "xenwatch.__main__")):
        importlib.import_module(module.name)
"""
    root.run(PYTHON, "-I", "-W", "error", "-c", script)


def test_certificates_are_the_hosts(root: Root) -> None:
    """Where CentOS keeps certificates of authorities, the package finds them."""
    bundle = root.path / "etc/pki/tls/certs/ca-bundle.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.touch()
    launched = (root.path / XENWATCH[1:]).read_text().partition("from xenwatch")[0]
    script = f"{launched}\nimport ssl; print(ssl.get_default_verify_paths().cafile)"

    assert root.run(PYTHON, "-I", "-c", script) == "/etc/pki/tls/certs/ca-bundle.crt\n"


def test_the_hosts_configuration_of_openssl_is_not_read(root: Root) -> None:
    """It is written for another OpenSSL: one that leaves no cipher leaves the package all."""
    configuration = root.path / "usr/lib/ssl/openssl.cnf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.unlink(missing_ok=True)
    configuration.write_text(
        "openssl_conf = a\n[a]\nalg_section = b\n[b]\ndefault_properties = fips=yes\n"
    )
    script = "import ssl; print(len(ssl.create_default_context().get_ciphers()) > 0)"
    without = root.attempt(PYTHON, "-I", "-c", script)
    launched = (root.path / XENWATCH[1:]).read_text().partition("from xenwatch")[0]
    said = root.run(PYTHON, "-I", "-c", f"{launched}\n{script}")
    configuration.unlink()

    assert "LIBRARY_HAS_NO_CIPHERS" in without.stderr
    assert said == "True\n"


def test_the_daemon_serves_and_stops(root: Root) -> None:
    """The daemon answers with metrics and the page, is called xenwatch, and ends at SIGTERM."""
    listen = "--web.listen-address=127.0.0.1:0"
    with root.daemon(XENWATCH, "run", SOURCE, listen, "--log.format=json") as daemon:
        daemon.get_ready()
        families = {family.name for family in parse_page(daemon.get("metrics"))}
        page = daemon.get("")
        runbook = daemon.get("runbooks/errors")
        child = inside(daemon)
        name = child.name()
        child.send_signal(signal.SIGTERM)
        status = daemon.process.wait(timeout=PATIENCE)

    assert name == "xenwatch"
    assert "xenwatch_event_channels_used" in families
    assert b"<html" in page
    assert runbook
    assert status == 0


def drawn(leader: int, enough: Callable[[bytes], bool]) -> bytes:
    """What comes from a terminal until that is enough, its program has ended or patience has."""
    found = b""
    deadline = time.monotonic() + PATIENCE
    while not enough(found) and time.monotonic() < deadline:
        try:
            if select.select([leader], [], [], 1)[0]:
                found += os.read(leader, 65536)
        except OSError:
            break
    return found


def test_top_draws(root: Root) -> None:
    """`xenwatch top` draws the limits on a terminal, and ends at q."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    argv = root.argv(XENWATCH, "top", SOURCE)
    environment = {**roots.ENVIRONMENT, "TERM": "xterm"}
    with subprocess.Popen(
        argv, stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        screen = drawn(leader, lambda found: b"q quits" in found)
        os.write(leader, b"q")
        drawn(leader, lambda _: False)
        status = process.wait(timeout=PATIENCE)
    os.close(leader)

    assert b"q quits" in screen
    assert status == 0
