"""The guides of docs/install: their commands, one after another, in a root of Debian.

What stands for the host: the synthetic one that is nearest; for systemd, iptables and others, the
programs in `stand-ins`. The configuration of a guide is what its blocks of TOML say.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.packages.built import Packages
from tests.packages.conftest import LayerOf
from tests.packages.machine import READY, Machine, machine
from tests.shown import GUIDES, ROOT, commands
from xenwatch import __version__

CONFIGURATION: Final = "etc/xenwatch/xenwatch.toml"
WEB: Final = """tls_server_config:
  cert_file: xenwatch.crt
  key_file: xenwatch.key
"""
"""What docs/web.md has put into /etc/xenwatch/web.yml, with a certificate beside it."""
BY_STATUS: Final = {"xenwatch check": {0, 1, 2}}
"""Commands whose exit status tells how the host is."""
AWAITED: Final = {
    "/metrics": READY,
    "/xenwatch.prom": "until [ -e /var/lib/xenwatch/xenwatch.prom ]; do sleep 0.1; done",
}
"""What a command reads that is there only after the first pass, and how to wait for it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A guide's host: its readings, the version of its systemd, the package and what it leaves."""

    guide: str
    source: str
    systemd: int
    package: str
    directory: str
    left: frozenset[str]


STATE: Final = frozenset({"var/lib/xenwatch/learnt.json", "var/lib/xenwatch/alerts.json"})
SAVED: Final = frozenset({f"{CONFIGURATION}.rpmsave"})
FIREWALL: Final = frozenset({"run/iptables", "etc/sysconfig/iptables"})
TLS: Final = frozenset(
    f"etc/xenwatch/{name}" for name in ("web.yml", "xenwatch.crt", "xenwatch.key")
)
STAGES: Final = (
    Stage("xcp-ng", "synthetic:xcp-ng-8.3", 219, "rpm", "root", SAVED | FIREWALL | TLS),
    Stage("xenserver", "synthetic:xenserver-8", 219, "rpm", "root", SAVED | FIREWALL),
    Stage("debian", "synthetic:debian-12", 252, "deb", "root", TLS),
    Stage("qubes", "synthetic:debian-12", 251, "rpm", "home/user", SAVED),
)


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """The fenced blocks of a guide: the heading above each, its kind and what it holds."""
    for part in re.split(r"(?m)^## ", text):
        heading = part.partition("\n")[0]
        for kind, body in re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", part):
            yield heading, kind, body


def put(host: Machine, package: Path, directory: str) -> None:
    """The package where the guide says, in place of an older one."""
    for old in (host.root.path / directory).glob("xenwatch*.*"):
        old.unlink()
    host.root.put(package, directory)


def source(host: Machine, stage: Stage) -> None:
    """Have the shipped configuration name what stands for the host."""
    file = host.root.path / CONFIGURATION
    shipped = '#kind = "host"'
    if file.exists() and shipped in file.read_text():
        file.write_text(file.read_text().replace(shipped, f'kind = "{stage.source}"'))
        host.run("systemctl try-restart xenwatch")


def configure(host: Machine, stage: Stage, keys: str) -> None:
    """Write the configuration of a guide, and what it needs of docs/web.md."""
    file = host.root.path / CONFIGURATION
    file.write_text(f'{keys}\n[source]\nkind = "{stage.source}"\n')
    if "config_file" in keys:
        web = file.with_name("web.yml")
        web.write_text(WEB)
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=xen1"]
        names = ["-keyout", str(web.with_name("xenwatch.key"))]
        names += ["-out", str(web.with_name("xenwatch.crt"))]
        subprocess.run([*made, *names], check=True, capture_output=True)
        host.run("chgrp xenwatch /etc/xenwatch/*; chmod 640 /etc/xenwatch/*")


def follow(host: Machine, stage: Stage, newer: Path) -> dict[str, str]:
    """Do what the guide says. Returns what its commands print."""
    said = {}
    upgraded = False
    for heading, kind, body in blocks((ROOT / f"docs/install/{stage.guide}.md").read_text()):
        if heading == "Upgrade" and not upgraded:
            put(host, newer, stage.directory)
            upgraded = True
        if kind == "toml":
            configure(host, stage, body)
        elif kind == "sh":
            for command in commands(f"```sh\n{body}```\n"):
                for name, wait in AWAITED.items():
                    if name in command.line:
                        host.run(wait)
                done = host.attempt(command.line)
                allowed = BY_STATUS.get(command.line, {0})
                assert done.returncode in allowed, f"{command.line}\n{done.stdout}{done.stderr}"
                said[f"{heading}: {command.line}"] = done.stdout
            source(host, stage)
    return said


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.guide)
def test_the_commands_of_a_guide_work(
    packages: Packages, older: Packages, layer_of: LayerOf, stage: Stage
) -> None:
    """Each command of a guide succeeds, the next one finds what it left, and removal removes."""
    root = layer_of("rpm")
    with machine(root, stage.systemd) as host:
        before = root.new()
        put(host, getattr(older, stage.package), stage.directory)
        said = follow(host, stage, getattr(packages, stage.package))

    versions = [text for line, text in said.items() if "--version" in line]
    pages = [text for line, text in said.items() if line.endswith("/metrics")]
    assert versions == [f"xenwatch {__version__}\n"]
    assert all("xenwatch_build_info" in page for page in pages)
    left = {name for name in root.new() - before if not name.startswith(("root/", "home/"))}
    assert left - STATE == stage.left
    assert not (root.path / "opt/xenwatch").exists()


def test_every_guide_is_followed() -> None:
    """Each guide has a stage, but that of a machine without Xen, whose commands run anywhere."""
    assert {path.stem for path in GUIDES} == {stage.guide for stage in STAGES} | {"laptop"}
