"""The packages, and the roots they are installed in. What is missing fails the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.packages import built, roots
from tests.packages.built import Packages

PROGRAMS = ("mmdebstrap", "unshare", "nsenter", "chroot", "mount", "dpkg-deb", "ip", "openssl")
WITH_RPM = ("rpm", "curl", "python3", "python3-apt")
"""What is in the root with rpm: what the guides call, and what Ansible needs of a host."""
LayerOf = Callable[[str], roots.Root]


@pytest.fixture(scope="session", autouse=True)
def needed() -> None:
    """Root, and the programs of Debian that make roots."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    assert os.geteuid() == 0, "as root: roots are mounted and entered"
    assert lacking == [], "as root on Debian: apt-get install mmdebstrap iproute2 openssl"


@pytest.fixture(scope="session")
def packages() -> Packages:
    """Those of this checkout."""
    return built.built()


@pytest.fixture(scope="session")
def older(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The same tree as an older build, to upgrade from."""
    return built.older(packages, tmp_path_factory.mktemp("older"))


@pytest.fixture(scope="session")
def oldest() -> str:
    """The suite with the oldest libc that the mirror serves."""
    return roots.oldest_suite()


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A Debian by its suite, made once; "rpm" is Debian 12 with rpm and more."""
    made: dict[str, Path] = {}

    def base(name: str) -> Path:
        if name not in made:
            suite, extra = ("bookworm", WITH_RPM) if name == "rpm" else (name, ())
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
