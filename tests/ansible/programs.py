"""Ansible's programs as an operator calls them, from the environment of the tests."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.shown import ROOT

ANSIBLE: Final = ROOT / "contrib/ansible"
ROLE: Final = ANSIBLE / "roles/xenwatch"


def called(
    home: Path, program: str, *arguments: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A program of Ansible, run in contrib/ansible, that keeps its files in `home`."""
    scripts = sysconfig.get_path("scripts")
    # An operator's own configuration does not count.
    configuration = home / "ansible.cfg"
    configuration.touch()
    return subprocess.run(
        [f"{scripts}/{program}", *arguments],
        cwd=ANSIBLE,
        env={
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_NOCOLOR": "1",
            **(variables or {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
