"""What every build must hold to: oldest libc, random addresses, sizes, equal packages."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

NEWEST: Final = {"GLIBC": (2, 17), "GCC": (4, 8)}
"""The newest symbols that may be needed: CentOS 7, and so XCP-ng 8 and XenServer 8."""
HOST_LIBRARIES: Final = {
    *("ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libm.so.6"),
    *("libpthread.so.0", "librt.so.1", "libutil.so.1", "libgcc_s.so.1"),
}
"""What is loaded from the host: parts of glibc, and libgcc, which code in Rust unwinds with."""
MIB: Final = 1 << 20
PACKED: Final = 20_000_000
UNPACKED: Final = 60_000_000


class GateError(Exception):
    """The build is not fit to be published; the text says why."""


def binaries(tree: Path) -> list[Path]:
    """Every ELF file below `tree`."""
    found = []
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    found.append(path)
    return found


def _readelf(option: str, path: Path) -> str:
    argv = ["readelf", option, "--wide", str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def symbols(path: Path) -> set[tuple[str, tuple[int, ...]]]:
    """The libraries by whose versions a binary needs symbols, and the versions."""
    names = re.findall(r"Name: (GLIBC|GCC)_([\d.]+)", _readelf("--version-info", path))
    return {(library, tuple(map(int, version.split(".")))) for library, version in names}


def libraries(path: Path) -> set[str]:
    """The libraries a binary needs."""
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", _readelf("--dynamic", path)))


def size(tree: Path) -> int:
    """Bytes of all files below `tree`."""
    return sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file())


def check_binaries(tree: Path) -> str:
    """The newest symbol of glibc that anything needs. Raises `GateError`."""
    newest: dict[str, tuple[int, ...]] = {}
    for path in binaries(tree):
        if "Type: DYN" not in re.sub(" +", " ", _readelf("--file-header", path)):
            raise GateError(f"{path} is loaded at one address always: it is no PIE")
        if foreign := libraries(path) - HOST_LIBRARIES:
            raise GateError(f"{path} needs {', '.join(sorted(foreign))} of the host")
        for library, version in sorted(symbols(path), reverse=True):
            if version > NEWEST[library]:
                raise GateError(f"{path} needs {library}_{'.'.join(map(str, version))}")
            newest[library] = max(newest.get(library, ()), version)
    return f"GLIBC_{'.'.join(map(str, newest['GLIBC']))}"


def check_sizes(tree: Path, packages: Iterable[Path]) -> None:
    """Raises `GateError` where a package or the tree is too large."""
    if size(tree) > UNPACKED:
        raise GateError(f"the tree has {size(tree):,} bytes, more than {UNPACKED:,}")
    for path in packages:
        if path.stat().st_size > PACKED:
            raise GateError(f"{path.name} has {path.stat().st_size:,} bytes, more than {PACKED:,}")


def check_equal(first: Iterable[Path], second: Iterable[Path]) -> None:
    """Raises `GateError` where two builds differ."""
    for one, other in zip(first, second, strict=True):
        if one.read_bytes() != other.read_bytes():
            raise GateError(f"{one.name} differs between two builds: diffoscope {one} {other}")
