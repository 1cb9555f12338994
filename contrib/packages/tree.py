"""Assembles the tree that every format installs: interpreter, packages, what operators read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pip_files
from layout import HERE, LIBRARY, LINKS, PREFIX, PYTHON, ROOT, SHARE, SHARED, SITE

PRUNED: Final = (
    f"{LIBRARY}/_pydecimal.py",  # the same in C is there
    f"{LIBRARY}/_pyrepl",
    f"{LIBRARY}/curses",
    f"{LIBRARY}/dbm",
    f"{LIBRARY}/doctest.py",
    f"{LIBRARY}/ensurepip",
    f"{LIBRARY}/ftplib.py",
    f"{LIBRARY}/idlelib",
    f"{LIBRARY}/imaplib.py",
    f"{LIBRARY}/lib-dynload/*",
    f"{LIBRARY}/mailbox.py",
    f"{LIBRARY}/pdb.py",
    f"{LIBRARY}/pickletools.py",
    f"{LIBRARY}/plistlib.py",
    f"{LIBRARY}/poplib.py",
    f"{LIBRARY}/pydoc.py",
    f"{LIBRARY}/pydoc_data",
    f"{LIBRARY}/shelve.py",
    f"{LIBRARY}/smtplib.py",
    f"{LIBRARY}/sqlite3",
    f"{LIBRARY}/test",
    f"{LIBRARY}/tkinter",
    f"{LIBRARY}/turtle.py",
    f"{LIBRARY}/turtledemo",
    f"{LIBRARY}/venv",
    f"{LIBRARY}/xml",
    f"{LIBRARY}/xmlrpc",
    f"{PREFIX}/bin/2to3*",
    f"{PREFIX}/bin/idle*",
    f"{PREFIX}/bin/pydoc*",
    f"{PREFIX}/bin/python*-config",
    f"{PREFIX}/bin/python3",
    f"{SITE}/bin",
    f"{SITE}/*.dist-info/direct_url.json",
    f"{SITE}/*.dist-info/INSTALLER",
    f"{SITE}/*.dist-info/RECORD",
    f"{SITE}/*.dist-info/REQUESTED",
    f"{SITE}/**/tests",
    f"{SITE}/**/*.[ch]",
    f"{SITE}/**/*.py[xi]",
    f"{SITE}/**/*.pxd",
    f"{SITE}/**/_testcapi*.so",
    # libyaml, where xenwatch reads with the parser in Python.
    f"{SITE}/_yaml",
    f"{SITE}/yaml/_yaml*.so",
    # It needs libstdc++, and has the same in Python: a list that is written once.
    f"{SITE}/frozenlist/*.so",
    # It has the same in Python, which is fast enough for the names of VMs.
    f"{SITE}/wcwidth/*.so",
    f"{LIBRARY}/**/__pycache__",
)
"""What is installed by others and never used. wsgiref stays: prometheus_client imports it."""


def build(stage: Path, interpreter: Path, wheels: Iterable[Path], tools: Path, epoch: int) -> None:
    """Make the tree below `stage`, every file as old as `epoch` says.

    Raises `subprocess.CalledProcessError`.
    """
    shutil.copytree(interpreter, stage / PREFIX, symlinks=True)
    pip_files.install(wheels, stage / SITE, pip_files.TARGET)
    prune(stage)
    for library in (stage / SITE).rglob("*.so"):
        subprocess.run(["strip", "--strip-unneeded", library], check=True)
    shutil.copy(HERE / "launcher", stage / PREFIX / "bin/xenwatch")
    shutil.copy(HERE / "stand-in-sqlite3", stage / LIBRARY / "sqlite3.py")
    share(stage, tools, epoch)
    compile_all(stage)
    normalise(stage, epoch)


def prune(stage: Path) -> None:
    """Remove what nothing uses."""
    for pattern in PRUNED:
        for path in sorted(stage.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def python(stage: Path, arguments: Iterable[str | Path], environment: Mapping[str, str]) -> None:
    """Run the bundled interpreter. Raises `subprocess.CalledProcessError`."""
    # Strings are hashed the same in every build: sets of constants are written in that order.
    fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
    variables = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **fixed, **environment}
    subprocess.run([stage / PYTHON, "-s", *arguments], check=True, env=variables)


def share(stage: Path, tools: Path, epoch: int) -> None:
    """What operators read: manual pages, completions, rules, dashboards, units, licences."""
    for source, name in SHARED.items():
        path = stage / SHARE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, path, ignore=shutil.ignore_patterns("pictures"))
        else:
            shutil.copy(ROOT / source, path)
    # They are in the package, which serves them.
    (stage / SHARE / "runbooks").symlink_to("../lib/python3.13/site-packages/xenwatch/runbooks")
    for script in ("host-setup", "add-user"):
        shutil.copy(HERE / script, stage / SHARE / script)
    shutil.copy(stage / LIBRARY / "LICENSE.txt", stage / SHARE / "licences/python")
    lines = [f"/{path} {target}\n" for path, target in LINKS.items()]
    (stage / SHARE / "links").write_text("".join(lines))
    variables = {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONPATH": str(tools)}
    for script in ("manual.py", "completions.py"):
        python(stage, [HERE / script, stage / SHARE], variables)


def compile_all(stage: Path) -> None:
    """Compile every module; the interpreter then never looks whether the source is newer."""
    options = ["-q", "--invalidation-mode=unchecked-hash", "-s", str(stage), "-p", "/"]
    python(stage, ["-m", "compileall", *options, str(stage / LIBRARY)], {})


def normalise(stage: Path, epoch: int) -> None:
    """Give every file one time and one of two modes, whatever the umask of the build."""
    for path in sorted(stage.rglob("*"), reverse=True):
        if not path.is_symlink():
            runs = path.is_dir() or os.access(path, os.X_OK)
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
