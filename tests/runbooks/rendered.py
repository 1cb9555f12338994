"""A synthetic host written into a directory: its files, and its programs on a PATH of its own.

DIRECTORY/root has the files, DIRECTORY/bin the programs root finds there, DIRECTORY/answers what
they have answered. Commands are run with absolute paths changed to those below DIRECTORY/root:
this needs no privileges, where a mount namespace would.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

from tests.runbooks import (
    programs_of_kernel,
    programs_of_network,
    programs_of_service,
    programs_of_storage,
    programs_of_xapi,
    programs_of_xen,
)
from tests.runbooks.extra_files import extra_files
from tests.runbooks.facts import host_facts
from tests.runbooks.layouts import TEXT, Layout
from tests.runbooks.program import keep
from xenwatch.cli.main import main as xenwatch
from xenwatch.model.host import Machine
from xenwatch.model.platform import XAPI
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.sources.base import SourceError

_MODULES: Final = {
    name: module.__name__
    for module in (
        programs_of_kernel,
        programs_of_network,
        programs_of_service,
        programs_of_storage,
        programs_of_xapi,
        programs_of_xen,
    )
    for name in module.PROGRAMS
}
"""Programs that are stubs, with the modules that answer for them."""
_BESIDE: Final = {
    "xen-cmdline": "/opt/xensource/libexec",
    "calldaemon": "/usr/libexec/xapi/cluster-stack/xhad",
}
"""Programs of a host with xapi that are not on PATH, with their directories."""
_PROGRAM: Final = Path(__file__).with_name("program.py")
_STUB: Final = """#!/bin/sh
# What it was asked before it answers from the file, which spares a start of Python.
IFS=_
known="{directory}/answers/{name}/$*"
[ $# = 0 ] || [ ! -f "$known" ] || exec cat "$known"
exec {python} -IS {program} {directory} {module} {name} "$@"
"""


class RenderedHost:
    """The host of a layout, in a directory that is empty before."""

    def __init__(self, layout: Layout, directory: Path) -> None:
        self.layout = layout
        self.directory = directory
        self.root = directory / "root"
        machine = PRESETS[layout.preset]()
        self._write(ModelSource(machine), "/")
        for path, text in extra_files(machine.dom0, layout).items():
            place = self.root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        if not layout.has_run:
            (self.root / "var/run").unlink()
            (self.root / "run").rename(self.root / "var/run")
        self.host = host_facts(machine.dom0, layout, self.root)
        self.host.save(directory)
        self._programs(machine)

    def ask_xenwatch(self, *arguments: str) -> str:
        """What xenwatch prints of that host; its stub then answers the same.

        What it rejects raises `SystemExit`, and its stub rejects it too.
        """
        written = io.TextIOWrapper(io.BytesIO())
        with redirect_stdout(written):
            xenwatch(["--source", f"synthetic:{self.layout.preset}", *arguments])
        written.flush()
        text = written.buffer.getvalue().decode()
        keep(self.directory, "xenwatch", arguments, text)
        return text

    def _write(self, source: ModelSource, path: str) -> None:
        """Write a directory of the model, and all below it."""
        for name in source.listdir(path):
            below = f"{path.rstrip('/')}/{name}"
            place = self.root / below.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                target = source.readlink(below)
            except SourceError:
                self._entry(source, below, place)
            else:
                place.symlink_to(
                    os.path.relpath(self.root / target.lstrip("/"), place.parent)
                    if target.startswith("/")
                    else target
                )

    def _entry(self, source: ModelSource, path: str, place: Path) -> None:
        try:
            place.write_bytes(source.read(path))
        except SourceError:
            try:
                source.listdir(path)
            except SourceError:
                return
            place.mkdir(exist_ok=True)
            self._write(source, path)

    def _programs(self, machine: Machine) -> None:
        """The programs on root's PATH, and those of Xen beside it."""
        programs = self.directory / "bin"
        programs.mkdir()
        for name in TEXT - self.layout.lacks:
            found = shutil.which(name)
            if found is not None:
                (programs / name).symlink_to(found)
        beside = {"lsevtchn": machine.dom0.platform.tools}
        if self.layout.toolstack == XAPI:
            beside |= _BESIDE
        for name in _MODULES.keys() - self.layout.lacks - {"lsevtchn"} - _BESIDE.keys():
            self._stub(programs / name)
        for name, directory in beside.items():
            self._stub(self.root / directory.lstrip("/") / name)
        for name in ("xl", "ovsdb-client"):
            for path in self.root.glob(f"usr/*bin/{name}"):
                path.unlink()

    def _stub(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            _STUB.format(
                directory=self.directory,
                name=path.name,
                module=_MODULES[path.name],
                python=sys.executable,
                program=_PROGRAM,
            )
        )
        path.chmod(0o755)
