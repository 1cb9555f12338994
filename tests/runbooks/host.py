"""What the programs of a rendered host know, and what a program is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


class Failed(Exception):
    """A program that was asked rightly and ends with another status than 0: its message."""

    def __init__(self, message: str, status: int = 1, printed: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.printed = printed


class Refused(Exception):
    """A program that does not do what it is told: its message and exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Task:
    """A process. `selects` is whether it waits with select(2)."""

    pid: int
    comm: str
    argv: tuple[str, ...]
    threads: int
    rss_kib: int
    nofile: tuple[int, int]
    selects: bool


@dataclass(frozen=True, slots=True)
class Guest:
    """A domain, dom0 among them."""

    domid: int
    uuid: str
    name: str
    memory_mib: int
    vcpus: int
    state: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A mounted file system, with sizes in KiB and numbers of inodes."""

    device: str
    point: str
    type: str
    size: int
    used: int
    free: int
    inodes: int
    inodes_free: int


@dataclass(frozen=True, slots=True)
class Host:
    """A rendered host. `root` is where its files are, `values` what its alerts name.

    `channels` are the lines of lsevtchn by domid, `links` interfaces with their bridge, `texts`
    what programs print without a choice, by name.
    """

    layout: str
    toolstack: str
    xen: tuple[int, int]
    root: str
    values: dict[str, str]
    tasks: tuple[Task, ...]
    guests: tuple[Guest, ...]
    volumes: tuple[Volume, ...]
    store: dict[str, str]
    channels: dict[str, str]
    links: dict[str, str]
    texts: dict[str, str]

    def path(self, path: str) -> Path:
        """Where a file of the host is here; a path that is here already stays."""
        return Path(path if path.startswith(self.root) else f"{self.root}{path}")

    def guest(self, name: str) -> Guest:
        """A domain by domid, name or UUID. Raises `Refused`."""
        found = [
            guest for guest in self.guests if name in {str(guest.domid), guest.name, guest.uuid}
        ]
        return found[0] if found else refuse(f"{name} is an invalid domain identifier", 2)

    def task(self, pid: str) -> Task:
        """A process by its number. Raises `Refused`."""
        found = [task for task in self.tasks if str(task.pid) == pid]
        return found[0] if found else refuse(f"no such process: {pid!r}")


Options = dict[str, str]
"""Options of a program with their values, "" where they have none."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program: who answers, with its options as for getopt(3).

    Where `short` is `None`, it is called with all arguments as operands.
    """

    answer: Callable[[Host, Options, list[str]], str]
    short: str | None = None
    long: str = ""


def prints(text: str, short: str | None = "", long: str = "") -> Program:
    """A program that prints the same whatever it is asked."""
    return Program(lambda host, options, operands: text, short, long)


def fail(message: str) -> NoReturn:
    """Raise `Failed`."""
    raise Failed(message)


def refuse(message: str, status: int = 1) -> NoReturn:
    """Raise `Refused`."""
    raise Refused(message, status)
