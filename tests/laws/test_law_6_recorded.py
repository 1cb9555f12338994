"""Law 6 on what `xenwatch capture` kept of real hosts: files, and the answers of Xen and kernel.

Where a value holds less than the answer, what was rendered is parsed to the same value.
"""

from __future__ import annotations

import fnmatch
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.captures import RECORDED
from tests.laws.test_law_6 import ROUND_TRIPS
from xenwatch.model.render.buddyinfo import render_buddyinfo
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.evtchn import render_status
from xenwatch.model.render.file_nr import render_file_nr
from xenwatch.model.render.gnttab import render_query_size
from xenwatch.model.render.kernel_log import boot_lines, render_kmsg
from xenwatch.model.render.partitions import render_partitions
from xenwatch.model.render.physinfo import render_physinfo
from xenwatch.model.render.pod import render_pod_target
from xenwatch.model.render.rtnl import render_messages
from xenwatch.model.render.scheduling import render_affinity, render_parameters, render_sched_id
from xenwatch.model.render.text import render_number, render_statvfs, render_uname, render_word
from xenwatch.model.render.xen_console import render_readconsole
from xenwatch.model.render.xenstore import directory_reply
from xenwatch.model.render.xenversion import render_text, render_version
from xenwatch.parse import domaininfo, evtchn, gnttab, pod, scheduling, xen_console, xenversion
from xenwatch.parse.buddyinfo import parse_buddyinfo
from xenwatch.parse.domaininfo import (
    ARM_LAYOUTS,
    X86_LAYOUTS,
    Layout,
    parse_list,
)
from xenwatch.parse.file_nr import parse_file_nr
from xenwatch.parse.kernel_log import parse_kernel_log
from xenwatch.parse.partitions import parse_partitions
from xenwatch.parse.physinfo import parse_physinfo
from xenwatch.parse.rtnl import parse_messages
from xenwatch.parse.statvfs import parse_statvfs
from xenwatch.parse.text import number, uname, word
from xenwatch.parse.xenstore import DIRECTORY, parse_directory


def layout(capture: Path) -> Layout:
    """The layout of the host's Xen, whose version its directory is named after, Arm's word last."""
    version, _, arm = capture.parent.parent.name.partition("-xen-")[2].partition("-")
    major, minor = version.split(".")
    return (ARM_LAYOUTS if arm else X86_LAYOUTS)[int(major), int(minor)]


FILES: dict[str, Callable[[bytes], bytes]] = {
    **{f"/{name}": trip for name, trip in ROUND_TRIPS.items() if name.startswith("proc/")},
    "/proc/1/mounts": ROUND_TRIPS["proc/mounts"],
    "/proc/stat": ROUND_TRIPS["proc-stat"],
    "/proc/net/dev": ROUND_TRIPS["net-dev"],
    "/proc/partitions": lambda data: render_partitions(parse_partitions(data)),
    "/proc/sys/fs/file-nr": lambda data: render_file_nr(parse_file_nr(data)),
    "/proc/buddyinfo": lambda data: render_buddyinfo(parse_buddyinfo(data)),
    "/proc/pressure/memory": ROUND_TRIPS["cgroup-xen.service/cpu.pressure"],
    "/proc/sys/*": lambda data: render_number(number("sysctl", data)),
    "/sys/fs/cgroup/*/cpu.stat": ROUND_TRIPS["cgroup-xen.service/cpu.stat"],
    "/sys/fs/cgroup/*/cpu.pressure": ROUND_TRIPS["cgroup-xen.service/cpu.pressure"],
    "/sys/fs/cgroup/cgroup.procs": ROUND_TRIPS["cgroup-xen.service/cgroup.procs"],
    "/sys/bus/xen-backend/devices/*/state": lambda data: render_word(word(data)),
}
"""What is parsed and rendered again, by the pattern of its path."""
NOT_THERE = {"/proc/interrupts", "/proc/*/cgroup", "/proc/mounts"}
"""Patterns of which a capture of these hosts has no file: the probes had no need of them."""

hosts = pytest.mark.parametrize("host", RECORDED, ids=lambda host: host.parent.name)


def hypercall(its: Layout, arguments: list[Any], answer: list[Any]) -> tuple[str, object, object]:
    """The name of a hypercall, its answer, and the answer as it was parsed and rendered."""
    call, args, asked = arguments[0], arguments[1], bytes.fromhex(arguments[2])
    result, block = answer[0], bytes.fromhex(answer[1])
    found: tuple[str, object, object]
    match call, args[0]:
        case evtchn.EVENT_CHANNEL_OP, evtchn.STATUS:
            (domid,) = struct.unpack_from("<H", block)
            found = "evtchn_status", block, render_status(domid, evtchn.parse_status(block))
        case gnttab.GRANT_TABLE_OP, gnttab.QUERY_SIZE:
            found = "query_size", block, render_query_size(gnttab.parse_query_size(block))
        case xenversion.XEN_VERSION, xenversion.VERSION:
            found = "version", result, render_version(xenversion.parse_version(result))
        case xenversion.XEN_VERSION, _:
            found = "text", block, render_text(asked, xenversion.parse_text(block))
        case pod.MEMORY_OP, pod.GET_POD_TARGET:
            found = "pod_target", block, render_pod_target(pod.parse_pod_target(block))
        case _:
            found = control(its, call, asked, block)
    return found


def control(its: Layout, call: int, asked: bytes, block: bytes) -> tuple[str, object, object]:
    """The same of a sysctl or a domctl."""
    found: tuple[str, object, object]
    match call, asked[0]:
        case domaininfo.SYSCTL, domaininfo.GETDOMAININFOLIST:
            infos = parse_list(its, block)
            found = "getdomaininfo", infos, parse_list(its, render_list(its, asked, infos))
        case domaininfo.SYSCTL, xen_console.READCONSOLE:
            text = xen_console.parse_readconsole(block)
            found = "readconsole", block, render_readconsole(asked, text)
        case domaininfo.SYSCTL, scheduling.SCHED_ID:
            scheduler = scheduling.parse_sched_id(block)
            found = "sched_id", block, render_sched_id(asked, scheduler)
        case scheduling.DOMCTL, scheduling.SCHEDULER_OP:
            parameters = scheduling.parse_parameters(block)
            found = "parameters", block, render_parameters(asked, parameters)
        case scheduling.DOMCTL, _:
            cpus = scheduling.parse_affinity(block)
            found = "affinity", cpus, scheduling.parse_affinity(render_affinity(asked, cpus))
        case _:
            pages = parse_physinfo(its, block)
            again = parse_physinfo(its, render_physinfo(its, asked, pages))
            found = "physinfo", pages, again
    return found


def trips(capture: Path) -> Iterator[tuple[str, object, object]]:
    """Of each answer of the capture that has a renderer: its name, itself, and it anew."""
    for line in (capture / "calls.jsonl").read_text().splitlines():
        said = json.loads(line)
        arguments, answer = said["arguments"], said.get("answer")
        if answer is None or (said["verb"] == "hypercall" and answer[0] < 0):
            continue
        match said["verb"]:
            case "hypercall":
                yield hypercall(layout(capture), arguments, answer)
            case "links":
                data = answer.encode("latin-1")
                yield "links", data, render_messages(parse_messages(data))
            case "uname":
                yield "uname", answer.encode("latin-1"), render_uname(uname(answer.encode()))
            case "statvfs":
                data = answer.encode("latin-1")
                yield "statvfs", data, render_statvfs(parse_statvfs("statvfs", data))
            case "xenstore" if arguments[0] == DIRECTORY and answer[0] == DIRECTORY:
                payload = answer[1].encode("latin-1")
                yield "directory", payload, directory_reply(parse_directory(payload)).payload


def walked(capture: Path) -> Iterator[tuple[str, Path]]:
    """The files of the capture that have a renderer, each with its pattern."""
    files = capture / "files"
    for path in sorted(path for path in files.rglob("*") if path.is_file()):
        for pattern in FILES:
            if fnmatch.fnmatchcase(f"/{path.relative_to(files)}", pattern):
                yield pattern, path
                break


@hosts
def test_answers_of_a_real_host_survive_parser_and_renderer(host: Path) -> None:
    """What Xen and the kernel answered is the same after it was parsed and rendered."""
    found = list(trips(host))

    assert [(name, before, after) for name, before, after in found if before != after] == []
    assert {name for name, _, _ in found} >= {
        *("evtchn_status", "query_size", "version", "text", "getdomaininfo", "physinfo"),
        *("sched_id", "parameters", "affinity", "readconsole", "links", "uname", "statvfs"),
    }


@hosts
def test_files_of_a_real_host_survive_parser_and_renderer(host: Path) -> None:
    """Each file a capture kept is the same bytes after it was parsed and rendered."""
    for pattern, path in walked(host):
        assert FILES[pattern](path.read_bytes()) == path.read_bytes(), path


def test_every_pattern_has_files() -> None:
    """No pattern is there in vain, and no glob that finds nothing lets every law pass."""
    assert len(RECORDED) >= 3
    found = {pattern for host in RECORDED for pattern, _ in walked(host)}
    assert FILES.keys() - found == NOT_THERE


@hosts
def test_the_boot_in_a_real_kernel_log_is_told_anew(host: Path) -> None:
    """What is learnt from a real `/dev/kmsg` is learnt from the rendered one too."""
    facts = parse_kernel_log((host / "files/dev/kmsg").read_bytes())

    assert facts.complete
    assert parse_kernel_log(render_kmsg(boot_lines("6.1.0", facts))) == facts
