"""A synthetic host written into a directory: its files, and its programs on a PATH of its own.

DIRECTORY/root has the files, DIRECTORY/bin the programs root finds there. Commands are run with
absolute paths changed to those below DIRECTORY/root: this needs no privileges, where a mount
namespace would.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.runbooks import (
    programs_of_kernel,
    programs_of_network,
    programs_of_service,
    programs_of_storage,
    programs_of_xapi,
    programs_of_xen,
)
from tests.runbooks.desk import Desk, ask
from tests.runbooks.extra_files import extra_files
from tests.runbooks.facts import host_facts
from tests.runbooks.host import Program
from tests.runbooks.layouts import TEXT, Layout
from tests.runbooks.xenwatch_program import xenwatch_program
from xenwatch.model.host import Machine
from xenwatch.model.platform import XAPI
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.sources.base import SourceError

_PROGRAMS: Final[dict[str, Program]] = {
    **programs_of_kernel.PROGRAMS,
    **programs_of_network.PROGRAMS,
    **programs_of_service.PROGRAMS,
    **programs_of_storage.PROGRAMS,
    **programs_of_xapi.PROGRAMS,
    **programs_of_xen.PROGRAMS,
}
_BESIDE: Final = {
    "xen-cmdline": "/opt/xensource/libexec",
    "calldaemon": "/usr/libexec/xapi/cluster-stack/xhad",
}
"""Programs of a host with xapi that are not on PATH, with their directories."""


class RenderedHost:
    """The host of a layout, in a directory that is empty before; its programs answer within it."""

    def __init__(self, layout: Layout, directory: Path) -> None:
        self.layout = layout
        self.directory = directory
        self.root = directory / "root"
        machine = PRESETS[layout.preset]()
        self._write(ModelSource(machine), "/")
        for path, text in extra_files(machine.dom0, layout).items():
            place = self.root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.write_text(text)
        if not layout.has_run:
            (self.root / "var/run").unlink()
            (self.root / "run").rename(self.root / "var/run")
        self.host = host_facts(machine.dom0, layout, self.root)
        self._xenwatch = xenwatch_program(layout.preset, directory)
        self._desk = Desk(self.host, _PROGRAMS | {"xenwatch": self._xenwatch})
        self._programs(machine)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._desk.close()

    def metrics(self) -> str:
        """What xenwatch exports there."""
        return ask(self.host, self._xenwatch, ("once", "--format", "prometheus"))

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
        for name in {"xenwatch", *_PROGRAMS} - self.layout.lacks - {"lsevtchn", *_BESIDE}:
            self._stub(programs / name)
        for name, directory in beside.items():
            self._stub(self.root / directory.lstrip("/") / name)
        for name in ("xl", "ovsdb-client"):
            for path in self.root.glob(f"usr/*bin/{name}"):
                path.unlink()

    def _stub(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._desk.stub(path.name))
        path.chmod(0o755)
