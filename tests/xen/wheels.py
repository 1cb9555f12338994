"""The built wheel of xenwatch, and those of what it depends on, for a dom0 without a network."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

from tests.xen.image import cache, command
from tests.xen.suite import SUITE

ROOT: Final = Path(__file__).resolve().parent.parent.parent
GLIBC: Final = (41, 39, 36, 35, 34, 31, 28, 27, 26, 24, 17)
"""Minor versions of glibc 2 that wheels are built for."""
MACHINE: Final = SUITE.architecture.machine
PLATFORMS: Final = (
    *(f"manylinux_2_{minor}_{MACHINE}" for minor in GLIBC if minor <= SUITE.glibc),
    f"manylinux2014_{MACHINE}",
)

PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")


def dependencies() -> Path:
    """A directory with the wheels of all dependencies, downloaded when the cache has none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted: list[str] = project["dependencies"]
    name = hashlib.sha256("\n".join([*PLATFORMS, *wanted]).encode()).hexdigest()[:16]
    kind = f"wheels-{SUITE.architecture.cached}{SUITE.python}"
    directory = cache() / f"{kind}-{name}"
    if not directory.is_dir():
        cache().mkdir(parents=True, exist_ok=True)
        for old in cache().glob(f"{kind}-*"):
            shutil.rmtree(old)
        new = Path(tempfile.mkdtemp(dir=cache(), prefix="downloading-"))
        platforms = [part for platform in PLATFORMS for part in ("--platform", platform)]
        command(
            *(
                *PIP,
                "download",
                "--only-binary",
                ":all:",
                "--python-version",
                SUITE.python,
                *platforms,
            ),
            *("-d", str(new), *wanted),
            deadline=600,
        )
        new.rename(directory)
    return directory


def xenwatch(directory: Path) -> Path:
    """The wheel of this checkout, built anew into `directory`."""
    shutil.rmtree(directory, ignore_errors=True)
    command(
        *(*PIP, "wheel", "--no-deps", "-w", str(directory), str(ROOT)),
        deadline=300,
    )
    return next(directory.glob("xenwatch-*.whl"))
