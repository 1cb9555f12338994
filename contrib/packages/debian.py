"""Debian's files through apt with lists of its own, so that those of the host stay as they are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
BINARIES: Final = ("bookworm", "bookworm-security")
SOURCES: Final = ("trixie", "trixie-security")


class AptError(Exception):
    """apt cannot be used or has failed; the text says why."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """The addresses of Debian and of its security updates that the host's apt uses."""

    main: str
    security: str


def mirror() -> Mirror:
    """The mirror of this host. Raises `AptError`."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    uris = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()
    found = {}
    for name in ("debian", "debian-security"):
        found[name] = next((uri for uri in uris if re.search(f"/{name}/?$", uri)), "")
        if not found[name]:
            raise AptError(f"apt's sources name no mirror of {name}; see sources.list(5)")
    return Mirror(found["debian"], found["debian-security"])


class Apt:
    """apt with its lists and its cache below `directory`. Raises `AptError`."""

    def __init__(self, directory: Path) -> None:
        for name in ("lists/partial", "cache/archives/partial"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        addresses = mirror()
        lines = [
            f"{kind} [signed-by={KEYRING}] {uri} {suite} main\n"
            for kind, suites in (("deb", BINARIES), ("deb-src", SOURCES))
            for suite in suites
            for uri in [addresses.security if suite.endswith("-security") else addresses.main]
        ]
        sources = directory / "sources.list"
        sources.write_text("".join(lines))
        self._options = [
            f"-oDir::Etc::SourceList={sources}",
            "-oDir::Etc::SourceParts=/dev/null",
            "-oDir::Etc::Preferences=/dev/null",
            "-oDir::Etc::PreferencesParts=/dev/null",
            f"-oDir::State::Lists={directory}/lists",
            f"-oDir::Cache={directory}/cache",
            "-oAPT::Get::List-Cleanup=false",
            # Downloads go where apt's own user may not write.
            "-oAPT::Sandbox::User=root",
        ]
        self._run(["update", "-q"], directory)

    def download(self, packages: Iterable[str], directory: Path) -> list[Path]:
        """The .deb files of packages, NAME or NAME=VERSION, in `directory`."""
        self._run(["download", "-q", *packages], directory)
        return list(directory.glob("*.deb"))

    def source(self, package: str, directory: Path) -> list[Path]:
        """The files of a source package, NAME or NAME=VERSION, in `directory`."""
        self._run(["source", "-q", "--download-only", package], directory)
        return [path for path in directory.iterdir() if path.is_file()]

    def _run(self, arguments: list[str], directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        argv = ["apt-get", *self._options, *arguments]
        done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode:
            reasons = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            raise AptError("\n".join([f"apt-get {' '.join(arguments)} failed", *reasons]))
