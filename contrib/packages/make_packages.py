"""Builds the packages into dist/packages: see docs/packages.md.

`make_packages.py --interpreter` only builds the interpreter, unless the cache has it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import fetch
import formats
import gates
import lock
import pip_files
import sbom
import tree
from debian import AptError
from fetch import FetchError, say
from gates import GateError
from layout import PREFIX, ROOT

OUT: Final = ROOT / "dist/packages"
PROGRAMS: Final = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "make": "make",
    "patch": "patch",
    "readelf": "binutils",
    "strip": "binutils",
    "xz": "xz-utils",
}
"""What the build calls, and the packages of Debian that have it."""


def missing() -> list[str]:
    """The packages of Debian that the build lacks."""
    return sorted({package for name, package in PROGRAMS.items() if shutil.which(name) is None})


def git(*arguments: str) -> str:
    """What git prints about this checkout. Raises `subprocess.CalledProcessError`."""
    argv = ["git", "-C", str(ROOT), "-c", "safe.directory=*", *arguments]
    return subprocess.check_output(argv, text=True).strip()


def epoch() -> int:
    """The time of everything in the packages: that of the last commit."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct"))


def release(version: str) -> str:
    """The release of rpm and deb: "1" of a tagged version, "0.N" after N commits before that.

    So each newer build upgrades the one before; the published one upgrades them all. Where git
    cannot tell, PACKAGE_RELEASE says it. Raises `GateError`.
    """
    if given := os.environ.get("PACKAGE_RELEASE"):
        return given
    if git("rev-parse", "--is-shallow-repository") == "true":
        raise GateError("a shallow clone lacks the commits to count: git fetch --unshallow --tags")
    if f"v{version}" in git("tag", "--points-at", "HEAD").split():
        return "1"
    return f"0.{git('rev-list', '--count', 'HEAD')}"


def wheel(directory: Path, tools: Path, when: int) -> Path:
    """The wheel of this checkout. Raises `subprocess.CalledProcessError`."""
    environment = {"PYTHONPATH": str(tools), "SOURCE_DATE_EPOCH": str(when)}
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    pip_files.pip(
        "wheel", *options, "--wheel-dir", str(directory), str(ROOT), environment=environment
    )
    (path,) = directory.glob("*.whl")
    return path


def build(work: Path, interpreter: Path, locked: lock.Lock, out: Path) -> list[Path]:
    """Every file of a release, in `out`. Raises `FetchError`, `subprocess.CalledProcessError`."""
    when = epoch()
    wheels, tool_wheels = fetch.fetch_wheels(locked)
    tools, stage = work / "tools", work / "stage"
    pip_files.install(tool_wheels, tools, ())
    own = wheel(work, tools, when)
    version = own.name.split("-")[1]
    tree.build(stage, interpreter, [*wheels, own], tools, when)
    out.mkdir(parents=True)
    date = dt.datetime.fromtimestamp(when, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    paths = [formats.archive(stage, out, version, when)]
    configuration = formats.nfpm_configuration(stage, version, release(version), date)
    paths += formats.with_nfpm(stage, out, tools, configuration)
    bill = out / f"xenwatch-{version}.cdx.json"
    bill.write_text(sbom.document(stage, locked, version))
    return [*paths, bill]


def checked(work: Path, interpreter: Path, locked: lock.Lock) -> None:
    """Build twice, hold both to the gates and put the first into `OUT`. Raises `GateError`."""
    builds = []
    for name in ("first", "second"):
        say(f"building the packages, the {name} time")
        (work / name).mkdir()
        builds.append(build(work / name, interpreter, locked, work / name / "out"))
    prefix = work / "first/stage" / PREFIX
    newest = gates.check_binaries(prefix)
    gates.check_sizes(prefix, builds[0])
    gates.check_equal(*builds)
    sums = work / "first/out/SHA256SUMS"
    sums.write_text("".join(f"{lock.sha256(path)}  {path.name}\n" for path in builds[0]))
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.parent.mkdir(exist_ok=True)
    shutil.copytree(sums.parent, OUT)
    say(f"newest symbol {newest}; unpacked {gates.size(prefix) / gates.MIB:.1f} MiB")
    for path in builds[0]:
        say(f"{path.stat().st_size / gates.MIB:.1f} MiB  {OUT / path.name}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what was asked for. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Build the packages into dist/packages.")
    parser.add_argument("--interpreter", action="store_true", help="only the interpreter")
    options = parser.parse_args(arguments)
    if lacking := missing():
        say(f"missing; on Debian: apt-get install {' '.join(lacking)}")
        return 1
    lock.CACHE.mkdir(parents=True, exist_ok=True)
    try:
        locked = lock.load()
        interpreter = fetch.interpreter(locked)
        if not options.interpreter:
            with tempfile.TemporaryDirectory(dir=lock.CACHE) as name:
                checked(Path(name), interpreter, locked)
    except (AptError, FetchError, GateError) as error:
        say(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        say(f"{' '.join(map(str, error.cmd))}: exit status {error.returncode}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
