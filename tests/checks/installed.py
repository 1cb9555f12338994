"""Files of `contrib` as their document installs them, below a directory instead of the root."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

from tests.shown import ROOT, commands


def installed(document: str, name: str, root: Path) -> Path:
    """The file `name` as the document's `install` command puts it below `root`."""
    text = (ROOT / document).read_text()
    lines = [each.line for each in commands(text) if f" contrib/{name} " in each.line]
    assert len(lines) == 1, lines
    *argv, place = lines[0].split()
    target = root / place.lstrip("/")
    subprocess.run([*argv, str(target)], cwd=ROOT, check=True)
    return target


def with_programs(*before: Path) -> dict[str, str]:
    """An environment in which these directories, and xenwatch's own, are on PATH."""
    places = [*map(str, before), sysconfig.get_path("scripts"), os.environ["PATH"]]
    return {**os.environ, "PATH": os.pathsep.join(places)}


def stand_in(directory: Path, script: str) -> Path:
    """A directory with a `xenwatch` that is this shell script."""
    directory.mkdir()
    program = directory / "xenwatch"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return directory
