"""A root as a running machine: its processes live as long as it does, its network is its own."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tests.packages.roots import ENVIRONMENT, Root

STAND_INS: Final = Path(__file__).with_name("stand-ins")
ADDRESS: Final = "192.0.2.10"
"""What guides call the address of the host."""
READY: Final = "until curl -sf http://127.0.0.1:10730/-/ready; do sleep 0.1; done"
"""Until the first pass of the daemon is done."""
IDLE: Final = "sleep infinity & echo ready; wait"
"""The first process of the machine: it waits, and so reaps whatever ends."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A root whose namespaces are held by the process `pid`."""

    root: Root
    pid: int

    def argv(self, *command: str) -> list[str]:
        """The command as it is run inside."""
        enter = ("nsenter", f"--target={self.pid}", "--mount", "--pid", "--net")
        return [*enter, "chroot", str(self.root.path), *command]

    def attempt(self, line: str) -> subprocess.CompletedProcess[str]:
        """A line for the shell of root, who says yes; whatever its exit status."""
        return subprocess.run(
            self.argv("sh", "-euc", f"cd /root\n{line}"),
            input="y\n",
            capture_output=True,
            text=True,
            check=False,
            env=ENVIRONMENT,
            timeout=900,
        )

    def run(self, line: str) -> str:
        """What a line for the shell prints; it must succeed."""
        done = self.attempt(line)
        assert done.returncode == 0, f"{line}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


@contextlib.contextmanager
def machine(root: Root, systemd: int) -> Iterator[Machine]:
    """A machine with the programs of `stand-ins`, on which that version of systemd seems to run."""
    for source in STAND_INS.iterdir():
        # Scripts of rpm do not look in /usr/local.
        directory = "usr/bin" if source.name == "systemctl" else "usr/local/bin"
        target = root.path / directory / source.name
        target.write_text(source.read_text().replace("@SYSTEMD@", str(systemd)))
        target.chmod(0o755)
    (root.path / "run/systemd/system").mkdir(parents=True)
    argv = ["unshare", "--net", *root.argv("sh", "-c", IDLE)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            (first,) = psutil.Process(process.pid).children()
            for line in ("link set lo up", f"address add {ADDRESS}/32 dev lo"):
                net = ["nsenter", f"--target={first.pid}", "--net", "ip", *line.split()]
                subprocess.run(net, check=True)
            yield Machine(root, first.pid)
            # It is gone before its root is removed.
            first.kill()
            first.wait(60)
        finally:
            process.kill()
