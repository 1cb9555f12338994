"""Roots in which packages are installed: a Debian for each suite, a layer of it for each test."""

from __future__ import annotations

import contextlib
import shutil
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.packages.recipe import recipe
from tests.running import Process

OLD_SUITES = ("stretch", "buster", "bullseye", "bookworm")
"""Suites of Debian from the oldest; old ones leave the mirrors."""
ENTER = """set -e
root=$1
shift
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"
"""
"""Runs in namespaces of its own, whose end unmounts all of it and ends every process."""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
BOOKKEEPING = (
    *("var/lib/apt/", "var/lib/dpkg/", "var/lib/rpm/", "usr/lib/sysimage/rpm/"),
    *("var/log/", "var/cache/"),
    *("etc/passwd", "etc/shadow", "etc/group", "etc/gshadow", "etc/subuid", "etc/subgid"),
    *("etc/.pwd.lock", "root/.rpmdb/", "tmp/", "srv/"),
)
"""What package managers and useradd keep for themselves, and where tests put packages."""


def mirror() -> str:
    """The mirror of Debian that this machine's apt uses."""
    return str(recipe("debian").mirror().main).rstrip("/")


def oldest_suite() -> str:
    """The oldest suite that the mirror serves, and so the oldest libc there is."""
    for suite in OLD_SUITES:
        try:
            urllib.request.urlopen(f"{mirror()}/dists/{suite}/InRelease", timeout=60).close()
        except urllib.error.HTTPError as error:
            error.close()
        else:
            return suite
    raise LookupError(f"{mirror()} serves none of {', '.join(OLD_SUITES)}")


@dataclass(frozen=True, slots=True)
class Root:
    """A root; `written` is the layer that has what was changed in it."""

    path: Path
    written: Path

    def argv(self, *command: str) -> list[str]:
        """The command as it is run inside."""
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*namespaces, "sh", "-c", ENTER, "sh", str(self.path), *command]

    def attempt(self, *command: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """A command inside, whatever its exit status."""
        return subprocess.run(
            self.argv(*command),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=ENVIRONMENT,
            timeout=timeout,
        )

    def run(self, *command: str) -> str:
        """What a command prints inside; it must succeed."""
        done = self.attempt(*command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def put(self, file: Path, directory: str) -> str:
        """Copy a file into the root. Returns its path inside."""
        target = self.path / directory
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
        return f"/{directory}/{file.name}"

    @contextlib.contextmanager
    def daemon(self, *command: str) -> Iterator[Process]:
        """A daemon inside, once it has said where it listens. The network is this machine's."""
        with subprocess.Popen(
            self.argv(*command),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        ) as process:
            try:
                running = Process(process)
                running.url = running.until("started")["open"][0]
                yield running
            finally:
                process.kill()

    def new(self) -> set[str]:
        """The files that were written and that no package manager keeps for itself."""
        found = set()
        for path in self.written.rglob("*"):
            kind = path.lstat().st_mode
            name = str(path.relative_to(self.written))
            if not (stat.S_ISDIR(kind) or stat.S_ISCHR(kind)) and not name.startswith(BOOKKEEPING):
                found.add(name)
        return found


def inside(daemon: Process) -> psutil.Process:
    """The process in the root, of which unshare(1) is the parent."""
    (child,) = psutil.Process(daemon.process.pid).children()
    return child


def make(suite: str, directory: Path, *packages: str) -> Path:
    """A minimal Debian in `directory`."""
    argv = ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root"]
    if packages:
        argv.append(f"--include={','.join(packages)}")
    argv.append("--aptopt=Acquire::Check-Valid-Until false")
    # apt's own user reads below it.
    directory.parent.chmod(0o755)
    subprocess.run([*argv, suite, str(directory), mirror()], check=True)
    return directory


@contextlib.contextmanager
def layer(base: Path, directory: Path) -> Iterator[Root]:
    """A root that is as `base` is, and leaves it so."""
    written, work, merged = (directory / name for name in ("written", "work", "root"))
    for path in (written, work, merged):
        path.mkdir(parents=True)
    options = f"lowerdir={base},upperdir={written},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)], check=True)
    try:
        yield Root(merged, written)
    finally:
        subprocess.run(["umount", str(merged)], check=True)
        shutil.rmtree(directory)
