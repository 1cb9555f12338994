"""The tests' machine: Xen and its dom0 under QEMU's software emulation, reached by ssh.

Every verb has a deadline. What hangs ends in `VmError`, which carries the last lines of the serial
console; a machine that answers nothing any more is `lost`, and every further verb fails at once.
QEMU and ssh die with the process that started them, whichever way it ends.
"""

from __future__ import annotations

import contextlib
import logging
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.xen import qemu
from tests.xen.image import Image
from tests.xen.suite import SUITE

LOG: Final = logging.getLogger("xen")

BOOT_DEADLINE: Final = 400.0
XEN_PATH: Final = f"export PATH=$PATH:{SUITE.tools}; "
DIES_WITH_US: Final = ("setpriv", "--pdeathsig", "KILL")


class VmError(Exception):
    """The machine did not do what was asked, with the serial console's last lines."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command in dom0 left. Bytes that are no UTF-8 are surrogates."""

    status: int
    stdout: str
    stderr: str


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


class Vm:
    """One machine on a fresh overlay of the image, to be booted and closed.

    `directory` is made anew and keeps `serial.log`. `xen_args` and `dom0_args` are added to the
    command lines of Xen and of dom0's kernel. `forwarded` is a TCP port of dom0's loopback address
    which is reached here as `local_port`.
    """

    def __init__(
        self,
        image: Image,
        directory: Path,
        forwarded: int,
        xen_args: str = "",
        dom0_args: str = "",
    ) -> None:
        self.image = image
        self.directory = directory
        self.forwarded = forwarded
        self.xen_args = xen_args
        self.dom0_args = dom0_args
        self.local_port = free_port()
        self.ssh_port = free_port()
        self.serial = directory / "serial.log"
        self.overlay = directory / "overlay.qcow2"
        # A Unix socket's path has at most 107 bytes, which a checkout's own path may exceed.
        self.control = Path(tempfile.mkdtemp(prefix="xen-tests-"))
        self.qemu: subprocess.Popen[bytes] | None = None
        self.master: subprocess.Popen[bytes] | None = None
        self.lost = False

    def boot(self) -> None:
        """Start the machine and wait until dom0 answers."""
        self.start()
        self.connect()

    def tail(self) -> str:
        """The last lines of the serial console."""
        log = self.serial.read_bytes() if self.serial.exists() else b""
        lines = filter(str.strip, log.decode(errors="replace").splitlines())
        return "\n".join([*lines][-40:])

    def error(self, what: str) -> VmError:
        """`what` went wrong, with the tail of the serial console."""
        return VmError(f"{what}\n--- end of {self.serial} ---\n{self.tail()}")

    def start(self) -> None:
        """Start QEMU on a fresh overlay."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        base = ["-F", "qcow2", "-b", str(self.image.disk)]
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", *base, str(self.overlay)],
            check=True,
            timeout=60,
        )
        with self.serial.open("ab") as log:
            self.qemu = subprocess.Popen(
                [*DIES_WITH_US, *self.qemu_argv()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def qemu_argv(self) -> list[str]:
        """QEMU's command line."""
        hostfwd = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"
        return [
            *qemu.machine(self.image, self.xen_args, self.dom0_args),
            *("-name", self.directory.name),
            *("-drive", f"file={self.overlay},if=none,id=root,cache=unsafe,discard=unmap"),
            *("-netdev", f"user,id=net,restrict=on,{hostfwd}"),
            *("-serial", f"file:{self.serial}"),
        ]

    def ssh(self, *options: str) -> list[str]:
        """The command line of ssh to dom0 over the control connection."""
        return ["ssh", "-q", "-S", f"{self.control}/ssh", *options, "root@127.0.0.1"]

    def connect(self) -> None:
        """Wait for dom0: for ssh, whose connection all else uses, then for xenstored."""
        until = time.monotonic() + BOOT_DEADLINE
        while not self.connected():
            if time.monotonic() > until:
                raise self.error(f"dom0 does not answer ssh within {BOOT_DEADLINE:.0f} s")
            if self.master is None or self.master.poll() is not None:
                self.master = self.open_master()
            time.sleep(0.3)
        self.wait(lambda: self.attempt("xl list").status == 0, "xl list to answer", 90)

    def open_master(self) -> subprocess.Popen[bytes]:
        """Start the ssh process that holds the connection."""
        options = (
            *("-M", "-N", "-p", str(self.ssh_port), "-i", str(self.image.key)),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "ConnectTimeout=5", "-o", "BatchMode=yes"),
            *("-L", f"127.0.0.1:{self.local_port}:127.0.0.1:{self.forwarded}"),
        )
        return subprocess.Popen(
            [*DIES_WITH_US, *self.ssh(*options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def connected(self) -> bool:
        """Whether the control connection stands. Raises `VmError` when QEMU has ended."""
        if self.qemu is None or self.qemu.poll() is not None:
            raise self.error("QEMU has ended")
        if not Path(f"{self.control}/ssh").exists():
            return False
        check = subprocess.run(
            self.ssh("-O", "check"), capture_output=True, timeout=30, check=False
        )
        return check.returncode == 0

    def alive(self) -> bool:
        """Whether the machine runs, and was not found lost."""
        return not self.lost and self.qemu is not None and self.qemu.poll() is None

    def answers(self) -> bool:
        """Whether dom0 runs a command that does nothing."""
        with contextlib.suppress(VmError, subprocess.TimeoutExpired):
            argv = [*self.ssh(), "true"]
            return self.connected() and not subprocess.run(argv, timeout=60, check=False).returncode
        return False

    def attempt(self, command: str, deadline: float = 60.0, stdin: bytes = b"") -> Output:
        """A shell command in dom0 that may fail; only one that hangs raises `VmError`."""
        if self.lost:
            raise self.error(f"the machine is lost, and so is: {command}")
        argv = [*self.ssh(), XEN_PATH + command]
        try:
            done = subprocess.run(
                argv, input=stdin, capture_output=True, timeout=deadline, check=False
            )
        except subprocess.TimeoutExpired as error:
            self.lost = not self.answers()
            raise self.error(f"in dom0, not done after {deadline:.0f} s: {command}") from error
        if done.returncode == 255 and not self.answers():
            self.lost = True
            raise self.error(f"the connection to dom0 is lost in: {command}")
        return Output(
            done.returncode,
            done.stdout.decode(errors="surrogateescape"),
            done.stderr.decode(errors="surrogateescape"),
        )

    def run(self, command: str, deadline: float = 60.0, stdin: bytes = b"") -> str:
        """A shell command's output. Raises `VmError` unless it succeeds in time."""
        done = self.attempt(command, deadline, stdin)
        if done.status:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
            raise self.error(f"in dom0, exit status {done.status}: {command}\n{tail}")
        return done.stdout

    def wait(self, done: Callable[[], bool], what: str, deadline: float) -> float:
        """Ask until `done` answers yes; the seconds it took. Raises `VmError` after `deadline`."""
        started = time.monotonic()
        while not done():
            if time.monotonic() - started > deadline:
                raise self.error(f"waited {deadline:.0f} s in vain for {what}")
            time.sleep(0.5)
        return time.monotonic() - started

    def put(self, paths: Sequence[Path], directory: str, deadline: float = 60.0) -> None:
        """Copy files and directories into a directory of dom0, which is made."""
        parts = [part for path in paths for part in ("-C", str(path.parent), path.name)]
        archive = subprocess.run(
            ["tar", "-c", "--exclude=__pycache__", *parts],
            capture_output=True,
            check=True,
            timeout=deadline,
        ).stdout
        quoted = shlex.quote(directory)
        self.run(f"mkdir -p {quoted} && tar -x --no-same-owner -C {quoted}", deadline, archive)

    def get(self, directory: str, into: Path, deadline: float = 120.0) -> None:
        """Copy what is in a directory of dom0 into a directory here, which is made."""
        argv = [*self.ssh(), f"tar -c -C {shlex.quote(directory)} ."]
        into.mkdir(parents=True, exist_ok=True)
        try:
            archive = subprocess.run(argv, capture_output=True, check=True, timeout=deadline).stdout
            unpack = ["tar", "-x", "--no-same-owner", "-C", str(into)]
            subprocess.run(unpack, input=archive, check=True, timeout=deadline)
        except subprocess.SubprocessError as error:
            raise self.error(f"copying {directory} out of dom0: {error}") from error

    def close(self) -> None:
        """Kill QEMU and ssh, and throw the overlay away."""
        for process in (self.master, self.qemu):
            if process is not None:
                process.kill()
                process.wait(30)
        self.overlay.unlink(missing_ok=True)
        shutil.rmtree(self.control, ignore_errors=True)
