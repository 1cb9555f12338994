"""Law 6: rendering what was parsed from a real host's file gives that file, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.captures import CAPTURES, domids, files, listed
from xenwatch.model.render.cgroup import (
    render_flat,
    render_membership,
    render_pressure,
    render_procs,
)
from xenwatch.model.render.cpustat import render_cpu_stat, render_net_dev
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.evtchn import render_lsevtchn
from xenwatch.model.render.gnttab import Usage, render_usage
from xenwatch.model.render.interrupts import render_interrupts
from xenwatch.model.render.kernel_log import LogLine, render_dmesg
from xenwatch.model.render.meminfo import render_meminfo
from xenwatch.model.render.mounts import render_mounts
from xenwatch.model.render.netback import render_io_ring
from xenwatch.model.render.process import render_schedstat, render_stat
from xenwatch.model.render.rlimits import render_limits
from xenwatch.model.render.text import render_loadavg, render_number, render_word
from xenwatch.parse.cgroup import (
    parse_flat,
    parse_membership,
    parse_pressure,
    parse_procs,
)
from xenwatch.parse.cpustat import parse_cpu_stat
from xenwatch.parse.domaininfo import HEADER_SIZE, X86_LAYOUTS, DomainInfo, list_call, parse_list
from xenwatch.parse.evtchn import parse_lsevtchn
from xenwatch.parse.gnttab import parse_maptrack
from xenwatch.parse.interrupts import parse_interrupts
from xenwatch.parse.meminfo import parse_meminfo
from xenwatch.parse.mounts import parse_mounts
from xenwatch.parse.netback import parse_io_ring
from xenwatch.parse.netdev import parse_net_dev
from xenwatch.parse.process import parse_schedstat, parse_stat
from xenwatch.parse.rlimits import parse_limits
from xenwatch.parse.text import loadavg_tasks, number, word

RoundTrip = Callable[[bytes], bytes]

ROUND_TRIPS: dict[str, RoundTrip] = {
    "proc/meminfo": lambda data: render_meminfo(parse_meminfo(data)),
    "proc/interrupts": lambda data: render_interrupts(parse_interrupts(data)),
    "proc/mounts": lambda data: render_mounts(parse_mounts(data)),
    "proc/*/limits": lambda data: render_limits(parse_limits(data)),
    "proc/*/comm": lambda data: render_word(word(data)),
    "proc/*/stat": lambda data: render_stat(parse_stat(data)),
    "proc/*/schedstat": lambda data: render_schedstat(parse_schedstat(data)),
    "proc/*/cgroup": lambda data: render_membership(parse_membership(data)),
    "cgroup-xen.service/cpu.stat": lambda data: render_flat(parse_flat("cpu.stat", data)),
    "cgroup-xen.service/cpu.pressure": lambda data: render_pressure(
        parse_pressure("cpu.pressure", data)
    ),
    "cgroup-xen.service/cgroup.procs": lambda data: render_procs(parse_procs("cgroup.procs", data)),
    "proc-stat": lambda data: render_cpu_stat(parse_cpu_stat(data)),
    "net-dev": lambda data: render_net_dev(parse_net_dev(data)),
    "dom/*/lsevtchn": lambda data: render_lsevtchn(parse_lsevtchn(data)),
}
"""What is parsed and rendered again, by the pattern of its files."""

FILES = [
    pytest.param(path, trip, id=f"{capture.name}/{path.relative_to(capture)}")
    for capture in CAPTURES
    for pattern, trip in ROUND_TRIPS.items()
    for path in sorted(capture.glob(pattern))
]
RINGS = [
    pytest.param(content, id=f"{capture.name}{path}")
    for capture in CAPTURES
    for path, content in files(capture, "debugfs-xen").items()
]
NUMBERS = [
    pytest.param(content, id=f"{capture.name}{path}")
    for capture in CAPTURES
    for path, content in listed(capture, "limits-sys").items()
    if content.strip().isdigit()
]


@pytest.mark.parametrize(("path", "trip"), FILES)
def test_a_real_file_survives_parser_and_renderer(path: Path, trip: RoundTrip) -> None:
    """A file of a real host is the same bytes after it was parsed and rendered."""
    data = path.read_bytes()

    assert trip(data) == data


@pytest.mark.parametrize("content", RINGS)
def test_a_real_ring_survives_parser_and_renderer(content: bytes) -> None:
    """A ring of netback's is the same bytes after it was parsed and rendered."""
    assert render_io_ring(parse_io_ring(content)) == content


@pytest.mark.parametrize("content", NUMBERS)
def test_a_real_number_survives_parser_and_renderer(content: bytes) -> None:
    """A file of one number is the same bytes after it was parsed and rendered."""
    assert render_number(number("sysctl", content)) == content


def test_every_pattern_has_files() -> None:
    """Every round trip is walked for both captures and, with guests, for each domain."""
    walked = {(capture, pattern) for capture in CAPTURES for pattern in ROUND_TRIPS}

    assert all(list(capture.glob(pattern)) for capture, pattern in walked)
    assert len(RINGS) == 5
    assert domids(CAPTURES[1]) == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_the_load_average_is_written_as_the_kernel_does(capture: Path) -> None:
    """The renderer given the numbers of a real /proc/loadavg writes that file."""
    data = (capture / "proc/loadavg").read_bytes()
    one, five, fifteen, tasks, last = data.decode().split()
    running = int(tasks.partition("/")[0])

    written = render_loadavg((one, five, fifteen), running, loadavg_tasks(data), int(last))

    assert written == data


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_the_kernel_log_is_written_as_dmesg_does(capture: Path) -> None:
    """Times and texts of a real kernel log are rendered to the lines dmesg printed."""
    data = (capture / "dmesg").read_bytes()
    lines = []
    for line in data.decode().splitlines():
        stamp, _, text = line[1:].partition("] ")
        seconds, _, fraction = stamp.strip().partition(".")
        lines.append(LogLine(int(seconds) * 1_000_000 + int(fraction), text))

    assert render_dmesg(lines) == data


def test_a_domain_record_begins_as_the_real_one() -> None:
    """The record of dom0 has the first 32 bytes that real Xen 4.17 answered."""
    probe = (CAPTURES[0] / "probe").read_text()
    first = bytes.fromhex(probe.partition("first 32 bytes ")[2].split()[0])
    layout = X86_LAYOUTS[4, 17]
    call = list_call(layout, 0, 1)
    dom0 = DomainInfo(0, 0xFFFF0020, 0x80000, 0x80000, 0, 2, 1, bytes(16), 0)

    block = render_list(layout, call.block, [dom0])

    assert block[HEADER_SIZE:][:32] == first
    assert parse_list(layout, block)[0].state == "running"


def test_the_grant_dump_is_written_as_xen_does() -> None:
    """The dump of debug key 'g' of a host without guests is rendered to the bytes Xen wrote."""
    dump = (CAPTURES[0] / "debug-key-g").read_bytes()
    maptrack = parse_maptrack(dump)
    assert maptrack is not None

    assert render_usage([Usage(0, 1, 1, 64, *maptrack)]) == dump
