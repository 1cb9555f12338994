"""The role for Ansible on a root, as an operator plays it, over a stand-in for ssh."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.ansible.programs import called
from tests.packages.built import Packages
from tests.packages.conftest import LayerOf
from tests.packages.machine import READY, Machine, machine
from tests.shown import ROLE, commands
from xenwatch import __version__

CONFIGURATION: Final = "/etc/xenwatch/xenwatch.toml"
GOOD: Final = '[source]\nkind = "synthetic:xcp-ng-8.3"\n[labels]\npool = "a"\n'
BETTER: Final = GOOD.replace('"a"', '"b"')
BAD: Final = "[labels]\npool = 1\n"
CHECK, PLAY, REMOVE = (command.line for command in commands(ROLE.read_text()))
Played = subprocess.CompletedProcess[str]


class Operator:
    """Who plays the example's playbook on one host."""

    def __init__(self, host: Machine, directory: Path) -> None:
        self.host = host
        self._home = directory
        self._ssh = directory / "ssh"
        # ssh's last argument is the command line for the shell of the host.
        enter = shlex.join(host.argv("sh", "-c"))
        script = f'#!/bin/sh\nfor command; do :; done\ncd /\nexec {enter} "$command"\n'
        self._ssh.write_text(script)
        self._ssh.chmod(0o755)

    def play(self, line: str, package: Path, configuration: str = "") -> Played:
        """Run a command of the README for this host, with that package and configuration."""
        values = {"xenwatch_package": str(package), "pool": "a", "site": "b"}
        if configuration:
            values["xenwatch_config"] = configuration
        inventory = self._home / "inventory.json"
        inventory.write_text(json.dumps({"xen": {"hosts": {"xen1.example": values}}}))
        program, *arguments = shlex.split(line)
        return called(
            self._home,
            program,
            *(str(inventory) if word == "inventory.yml" else word for word in arguments),
            *(f"--extra-vars={json.dumps(values)}",),
            variables={
                "ANSIBLE_SSH_EXECUTABLE": str(self._ssh),
                "ANSIBLE_SSH_TRANSFER_METHOD": "piped",
                "ANSIBLE_SSH_ARGS": "",
            },
        )


def changed(played: Played) -> int:
    """How many tasks have changed something; none may have failed."""
    assert played.returncode == 0, played.stdout + played.stderr
    return int(re.findall(r"changed=(\d+)", played.stdout)[-1])


@pytest.fixture
def operator(layer_of: LayerOf, tmp_path: Path) -> Iterator[Operator]:
    """An operator, and a host where nothing is installed."""
    with machine(layer_of("rpm"), 219) as host:
        yield Operator(host, tmp_path)


@pytest.fixture(params=["rpm", "deb"])
def format_(request: pytest.FixtureRequest) -> str:
    """The formats that the role installs."""
    return str(request.param)


def test_the_role_installs_upgrades_and_removes(
    packages: Packages, older: Packages, operator: Operator, format_: str
) -> None:
    """A second run changes nothing, a bad configuration is refused, and absent removes it."""
    host = operator.host
    old, new = getattr(older, format_), getattr(packages, format_)
    would = changed(operator.play(CHECK, new, GOOD))
    there_before = (host.root.path / "opt/xenwatch").exists()

    first, again = (changed(operator.play(PLAY, old, GOOD)) for _ in range(2))
    host.run(READY)
    page = host.run("curl -s http://127.0.0.1:10730/metrics")
    refused = operator.play(PLAY, old, BAD)
    kept = host.run(f"cat {CONFIGURATION}")
    reloaded = changed(operator.play(PLAY, old, BETTER))
    log = host.run("journalctl -u xenwatch")
    upgraded, unchanged = (changed(operator.play(PLAY, new, BETTER)) for _ in range(2))
    version = host.run("xenwatch --version")
    removed, nothing = (changed(operator.play(REMOVE, new)) for _ in range(2))

    assert would > 0
    assert not there_before
    assert first > 0
    assert "xenwatch_build_info" in page
    assert refused.returncode == 2
    assert "labels.pool" in refused.stdout
    assert kept == GOOD
    assert reloaded > 0
    assert "configuration reloaded" in log
    assert upgraded > 0
    assert version == f"xenwatch {__version__}\n"
    assert removed > 0
    assert not (host.root.path / "opt/xenwatch").exists()
    assert (again, unchanged, nothing) == (0, 0, 0)
