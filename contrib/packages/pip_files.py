"""Wheels through pip."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

TARGET: Final = (
    "--only-binary=:all:",
    "--platform=manylinux2014_x86_64",
    "--python-version=3.13",
    "--implementation=cp",
)
"""Wheels of the bundled interpreter: manylinux2014 is glibc 2.17."""


def pip(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Run pip. Raises `subprocess.CalledProcessError`."""
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*argv, *arguments], check=True, env={**os.environ, **(environment or {})})


def resolve(names: Iterable[str], directory: Path, platform: Sequence[str]) -> list[Path]:
    """The newest wheels of requirements and of what they need, in `directory`."""
    only = platform or ("--only-binary=:all:",)
    pip("download", "--quiet", "--dest", str(directory), *only, *names)
    return list(directory.glob("*.whl"))


def fetch(hashes: Mapping[str, str], directory: Path, platform: Sequence[str]) -> None:
    """Download NAME==VERSION with its SHA-256 into `directory`; pip rejects any other file."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = directory / "requirements.txt"
    lines = [f"{name} --hash=sha256:{digest}\n" for name, digest in hashes.items()]
    wanted.write_text("".join(lines))
    only = platform or ("--only-binary=:all:",)
    options = ("--quiet", "--no-deps", "--require-hashes", "--dest", str(directory))
    pip("download", *options, *only, "--requirement", str(wanted))


def install(wheels: Iterable[Path], target: Path, platform: Sequence[str]) -> None:
    """Unpack wheels into the directory `target`, as they are."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-compile", "--target", str(target))
    pip("install", *options, *platform, *map(str, wheels))
