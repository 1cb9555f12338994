"""Brings the files of the lock into the cache, and the interpreter built from them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import debian
import pip_files
from lock import CACHE, RECIPE, File, Lock, sha256

DOWNLOADS: Final = CACHE / "downloads"


class FetchError(Exception):
    """A file of the lock cannot be had; the text says why."""


def say(text: str) -> None:
    """A line on stderr about what is done or was done."""
    print(f"packages: {text}", file=sys.stderr, flush=True)


def _verified(file: File) -> bool:
    path = DOWNLOADS / file.name
    return path.is_file() and sha256(path) == file.sha256


def _download(files: Iterable[File], download: Callable[[list[File], Path], None]) -> None:
    """Download those of `files` that the cache lacks. Raises `FetchError`."""
    missing = [file for file in files if not _verified(file)]
    if not missing:
        return
    say(f"downloading {', '.join(file.name for file in missing)}")
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        download(missing, Path(name))
        for file in missing:
            path = Path(name) / file.name
            if not path.is_file() or sha256(path) != file.sha256:
                raise FetchError(f"{file.name} is not what lock.json names; renew the lock")
            shutil.move(path, DOWNLOADS / file.name)


def _from_pip(platform: Sequence[str]) -> Callable[[list[File], Path], None]:
    def download(files: list[File], directory: Path) -> None:
        hashes = {f"{file.package}=={file.version}": file.sha256 for file in files}
        pip_files.fetch(hashes, directory, platform)

    return download


def _libraries(files: list[File], directory: Path) -> None:
    repository = debian.Apt(CACHE / "apt")
    repository.download([f"{file.package}={file.version}" for file in files], directory)


def _source(files: list[File], directory: Path) -> None:
    repository = debian.Apt(CACHE / "apt")
    repository.source(f"{files[0].package}={files[0].version}", directory)


def fetch_wheels(lock: Lock) -> tuple[list[Path], list[Path]]:
    """The wheels of the package, and those of the build. Raises `FetchError`."""
    _download(lock.wheels, _from_pip(pip_files.TARGET))
    _download(lock.tools, _from_pip(()))
    return _paths(lock.wheels), _paths(lock.tools)


def _paths(files: Iterable[File]) -> list[Path]:
    return [DOWNLOADS / file.name for file in files]


def interpreter(lock: Lock) -> Path:
    """The tree of the interpreter, built unless the cache has it.

    Raises `FetchError`, `AptError`, `subprocess.CalledProcessError`.
    """
    tree = CACHE / f"interpreter-{lock.interpreter_key}"
    if tree.is_dir():
        return tree
    _download(lock.source, _source)
    _download(lock.libraries, _libraries)
    _download([lock.compiler], _from_pip(()))
    say("building the interpreter; this takes minutes, and is done once for each lock file")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        inputs = Path(name) / "inputs"
        inputs.mkdir()
        for path in _paths((*lock.source, *lock.libraries)):
            os.link(path, inputs / path.name)
        pip_files.install(_paths([lock.compiler]), inputs, ())
        out = Path(name) / "tree"
        subprocess.run([RECIPE, inputs, out], check=True, stdin=subprocess.DEVNULL)
        out.rename(tree)
    say(f"built the interpreter in {time.monotonic() - began:.0f} s")
    return tree
