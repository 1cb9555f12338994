"""The synthetic host's answers are as heavy as a captured one's: reading it costs what is real."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from xenwatch.model.devices import Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.source import ModelSource
from xenwatch.parse.rtnl import parse_links
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.sources.base import Source
from xenwatch.sources.tree import TreeSource

CAPTURE = Path("tests/hosts/debian-12-xen-4.17/10-guests/capture")
LIGHT = 0.8
"""The part of a real answer that a synthetic one has at least."""
FILES = (
    "/proc/N/limits",
    "/proc/N/schedstat",
    "/proc/N/stat",
    "/proc/N/statm",
    "/proc/N/task/N/status",
    "/proc/stat",
    "/proc/vmstat",
    "/sys/bus/xen-backend/devices/vif-N-N/state",
)
"""Those that are read of each VM, or that every VM makes longer, and the longest of the others."""


def lab() -> Machine:
    """A host with the guests of the captured one: nine PV and one HVM, of two interfaces each."""
    machine = Machine(DEBIAN_12)
    nics = (Nic(emulated=False),) * 2
    for number in range(9):
        machine.start(b"pv%d" % number, Shape("pv", memory_kib=98304, nics=nics))
    machine.start(b"hvm", Shape("hvm", memory_kib=98304, nics=nics))
    return machine


class Weighed:
    """A source that notes how many bytes each kind of file has that is read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.sizes: dict[str, list[int]] = defaultdict(list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, path: str, *limit: int) -> bytes:
        """The file."""
        content = self._source.read(path, *limit)
        self.sizes[re.sub(r"\d+", "N", path)].append(len(content))
        return content


@cache
def weighed() -> tuple[Weighed, Weighed]:
    """The captured host and the model of it, after a pass over each."""
    both = Weighed(TreeSource(CAPTURE)), Weighed(ModelSource(lab()))
    for source in both:
        take(source, PROBES)
    return both


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_as_long_as_a_real_one(path: str) -> None:
    """What a VM adds to a pass has as many bytes as on the captured host, or nearly."""
    real, model = (statistics.mean(source.sizes[path]) for source in weighed())

    assert LIGHT * real <= model <= real / LIGHT


@pytest.mark.parametrize(
    "answer",
    [
        lambda source: len(source.links()) / len(parse_links(source.links())),
        lambda source: len(source.read("/proc/net/dev")) / len(parse_links(source.links())),
        lambda source: sum(name.isdigit() for name in source.listdir("/proc")),
        lambda source: len(source.read(f"/proc/{qemu(source)}/cmdline")),
        lambda source: len(source.listdir(f"/proc/{qemu(source)}/task")),
        lambda source: len(source.read("/sys/fs/cgroup/cgroup.procs")),
    ],
    ids=[
        *("link", "interface", "processes", "command line of QEMU", "threads of QEMU"),
        "members of a group",
    ],
)
def test_an_answer_is_as_large_as_a_real_one(answer: Callable[[Any], float]) -> None:
    """Bytes of a link, processes, QEMU's arguments and threads are as many, or nearly."""
    real, model = map(answer, weighed())

    assert LIGHT * real <= model <= real / LIGHT


def qemu(source: Source) -> int:
    """The process of the QEMU that emulates devices."""
    found = take(source, PROBES).snapshot.qemus
    assert found is not None
    return next(iter(found.by_domid.values())).pid


def test_counters_of_what_is_awake_move() -> None:
    """QEMUs, interfaces and the kernel have counted on when the clock has gone on."""
    machine = lab()
    source = ModelSource(machine)
    pid = qemu(source)
    paths = ("/proc/net/dev", "/proc/stat", f"/proc/{pid}/stat", f"/proc/{pid}/schedstat")
    before = [source.read(path) for path in paths], source.taskstats([pid])
    machine.advance(machine.dom0.seconds + 10)

    after = [source.read(path) for path in paths], source.taskstats([pid])
    assert all(new != old for new, old in zip(after[0], before[0], strict=True))
    assert after[1] != before[1]
