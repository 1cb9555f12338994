"""Parsers and hostile input: nothing but `ParseError` comes out.

`FUZZ_EXAMPLES=50000` tries more inputs of each parser than the tests do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures import CAPTURES
from xenwatch.display.text import quoted
from xenwatch.parse.block_stat import parse_block_stat
from xenwatch.parse.buddyinfo import parse_buddyinfo
from xenwatch.parse.certificate import parse_not_after
from xenwatch.parse.cgroup import (
    parse_flat,
    parse_membership,
    parse_pressure,
    parse_procs,
)
from xenwatch.parse.cpustat import boot_time, parse_cpu_stat, parse_load
from xenwatch.parse.domaininfo import ARM_LAYOUTS, X86_LAYOUTS, parse_list
from xenwatch.parse.errors import ParseError
from xenwatch.parse.evtchn import parse_lsevtchn, parse_status
from xenwatch.parse.gnttab import parse_maptrack, parse_query_size
from xenwatch.parse.hist import parse_hists
from xenwatch.parse.interrupts import parse_interrupts
from xenwatch.parse.kernel_log import parse_kernel_log
from xenwatch.parse.key_users import parse_key_users
from xenwatch.parse.kmsg import parse_kmsg
from xenwatch.parse.kthread import parse_thread
from xenwatch.parse.liveset import parse_liveset
from xenwatch.parse.meminfo import parse_meminfo
from xenwatch.parse.mounts import parse_mounts
from xenwatch.parse.mountstats import parse_mountstats
from xenwatch.parse.multipathd import parse_paths
from xenwatch.parse.neighbours import parse_neighbours
from xenwatch.parse.netback import parse_io_ring
from xenwatch.parse.netdev import parse_net_dev
from xenwatch.parse.oom import parse_kills
from xenwatch.parse.partitions import parse_partitions
from xenwatch.parse.physinfo import parse_physinfo
from xenwatch.parse.pod import parse_pod_target
from xenwatch.parse.process import parse_schedstat, parse_stat, private_bytes
from xenwatch.parse.rlimits import parse_limits, soft_open_files
from xenwatch.parse.rtnl import parse_links
from xenwatch.parse.scheduling import parse_affinity, parse_parameters, parse_sched_id
from xenwatch.parse.statvfs import parse_statvfs
from xenwatch.parse.tapdisk import parse_tapdisk
from xenwatch.parse.taskstats import parse_taskstats
from xenwatch.parse.text import (
    assignments,
    changed_at,
    hexadecimal,
    loadavg_tasks,
    number,
    uname,
    uptime,
    version_pair,
    word,
)
from xenwatch.parse.thin_pools import parse_thin_pools
from xenwatch.parse.timex import parse_timex
from xenwatch.parse.volume_groups import parse_volume_groups
from xenwatch.parse.xen_console import own_lines, parse_readconsole
from xenwatch.parse.xenstore import parse_device_error, parse_directory
from xenwatch.parse.xenstore_quota import (
    parse_domain,
    parse_own_quota,
    parse_oxenstored,
    parse_settings,
)
from xenwatch.parse.xenversion import parse_text
from xenwatch.parse.zoneinfo import parse_zoneinfo
from xenwatch.sources.base import XenstoreReply

Parser = Callable[[bytes], object]

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))

_PLAIN: dict[str, Parser] = {
    "meminfo": parse_meminfo,
    "limits": parse_limits,
    "open files": lambda data: soft_open_files(parse_limits(data)),
    "interrupts": parse_interrupts,
    "mounts": parse_mounts,
    "mountstats": parse_mountstats,
    "multipathd": parse_paths,
    "partitions": parse_partitions,
    "lsevtchn": parse_lsevtchn,
    "evtchn status": parse_status,
    "gnttab query size": parse_query_size,
    "maptrack": parse_maptrack,
    "ring of netback": parse_io_ring,
    "kernel log": parse_kernel_log,
    "links": parse_links,
    "statvfs": lambda data: parse_statvfs("/", data),
    "hexadecimal": lambda data: hexadecimal("a number", data),
    "timex": parse_timex,
    "number": lambda data: number("a number", data),
    "word": word,
    "loadavg": loadavg_tasks,
    "uname": uname,
    "assignments": assignments,
    "version": lambda data: version_pair(word(data)),
    "directory": parse_directory,
    "quotas of xenstore": lambda data: parse_settings(XenstoreReply(0, data)),
    "use of xenstore": lambda data: parse_domain(XenstoreReply(0, data), 5),
    "nodes of oxenstored": lambda data: parse_oxenstored(XenstoreReply(0, data), 5),
    "own quota of xenstore": lambda data: parse_own_quota(XenstoreReply(25, data)),
    "device error": parse_device_error,
    "xen text": parse_text,
    "boot time": boot_time,
    "changed": lambda data: changed_at("/boot/xen.gz", data),
    "certificate": lambda data: parse_not_after("/etc/x.pem", data),
    "stat": parse_stat,
    "statm": private_bytes,
    "schedstat": parse_schedstat,
    "kernel thread": parse_thread,
    "flat": lambda data: parse_flat("cpu.stat", data),
    "pressure": lambda data: parse_pressure("cpu.pressure", data),
    "procs": lambda data: parse_procs("cgroup.procs", data),
    "membership": parse_membership,
    "cpu stat": parse_cpu_stat,
    "load": parse_load,
    "net dev": parse_net_dev,
    "tapdisk": parse_tapdisk,
    "hist": parse_hists,
    "zoneinfo": parse_zoneinfo,
    "buddyinfo": parse_buddyinfo,
    "kills": parse_kills,
    "kmsg": parse_kmsg,
    "xen console": parse_readconsole,
    "lines of xen": own_lines,
    "uptime": uptime,
    "neighbours": lambda data: parse_neighbours("arp_cache", data),
    "key users": parse_key_users,
    "physinfo": partial(parse_physinfo, X86_LAYOUTS[4, 17]),
    "pod target": parse_pod_target,
    "taskstats": parse_taskstats,
    "scheduler": parse_sched_id,
    "scheduler parameters": parse_parameters,
    "affinity": parse_affinity,
    "liveset": parse_liveset,
    "thin pools": parse_thin_pools,
    "volume groups": parse_volume_groups,
    "block stat": lambda data: parse_block_stat("/sys/dev/block/7:0/stat", data),
}
_LISTS: dict[str, Parser] = {
    f"domains {version} {architecture}": partial(parse_list, layout)
    for architecture, layouts in (("x86", X86_LAYOUTS), ("Arm", ARM_LAYOUTS))
    for version, layout in layouts.items()
}
PARSERS = _PLAIN | _LISTS

SAMPLES = {
    name: (CAPTURES[1] / path).read_bytes()
    for name, path in {
        "meminfo": "proc/meminfo",
        "limits": "proc/oxenstored.297/limits",
        "interrupts": "proc/interrupts",
        "mounts": "proc/mounts",
        "lsevtchn": "dom/0/lsevtchn",
        "loadavg": "proc/loadavg",
        "stat": "proc/oxenstored.297/stat",
        "schedstat": "proc/oxenstored.297/schedstat",
        "cpu stat": "proc-stat",
        "boot time": "proc-stat",
        "load": "proc/loadavg",
        "net dev": "net-dev",
        "flat": "cgroup-xen.service/cpu.stat",
        "pressure": "cgroup-xen.service/cpu.pressure",
        "procs": "cgroup-xen.service/cgroup.procs",
        "membership": "proc/oxenstored.297/cgroup",
        "kernel log": "dmesg",
        "maptrack": "debug-key-g",
        "zoneinfo": "proc/zoneinfo",
    }.items()
} | {
    "partitions": b"major minor  #blocks  name\n\n   7        0      16384 loop0\n",
    "certificate": (Path(__file__).parent / "real/certificates/rsa.pem").read_bytes(),
    "changed": b"12 1790000000123456789\n",
}


def names_what_is_wrong(error: ParseError) -> bool:
    """Whether an error has its subject first, and then says in plain words what is wrong."""
    subject, text = error.subject, str(error)
    says = re.match(r"([a-z]{2,}|a)\b[^']", text.removeprefix(f"{subject}: "))
    return bool(subject) and not subject.startswith("expected") and says is not None


def refuses_or_answers(parser: Parser, data: bytes) -> None:
    """The parser either answers or raises `ParseError`, whose text an operator can use."""
    refused = None
    try:
        parser(data)
    except ParseError as error:
        refused = error
    assert refused is None or names_what_is_wrong(refused)


@pytest.mark.parametrize("name", PARSERS)
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.binary(max_size=400))
def test_arbitrary_bytes_raise_nothing_but_parse_error(name: str, data: bytes) -> None:
    """Whatever bytes a file holds, its parser answers or refuses them in the one way."""
    refuses_or_answers(PARSERS[name], data)


@pytest.mark.parametrize("name", SAMPLES)
@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_parse_error(name: str, data: st.DataObject) -> None:
    """A real file that is cut off, or has other bytes in the middle, never breaks its parser."""
    sample = SAMPLES[name]
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, len(sample)))
    middle = data.draw(st.binary(max_size=20))

    refuses_or_answers(PARSERS[name], sample[:end])
    refuses_or_answers(PARSERS[name], sample[:start] + middle + sample[end:])


SHORT = b"\xff nonsense"


# Those of links and of histograms say at which part of a long answer they stopped.
@pytest.mark.parametrize("name", sorted(set(PARSERS) - {"links", "hist"}))
def test_an_error_shows_what_was_found(name: str) -> None:
    """What a parser refuses is in its error, as far as a line of the log bears it."""
    try:
        PARSERS[name](SHORT)
    except ParseError as error:
        shown = str(error)
    else:
        shown = quoted(SHORT)

    assert quoted(SHORT) in shown


@pytest.mark.parametrize("name", SAMPLES)
def test_endless_digits_raise_nothing_but_parse_error(name: str) -> None:
    """A number of more digits than Python converts is refused like any other nonsense."""
    for digit in (b"1", b"7"):
        refuses_or_answers(PARSERS[name], SAMPLES[name].replace(digit, digit * 5000))


@pytest.mark.parametrize("name", ["number", "statvfs", "device error", "version", "kernel log"])
def test_a_number_without_end_is_refused(name: str) -> None:
    """A line that is one endless number raises nothing but `ParseError`."""
    digits = b"9" * 5000
    for line in (
        digits,
        digits + b" x",
        b" ".join([digits] * 6),
        b"NR_IRQS: " + digits,
        digits + b".1",
    ):
        refuses_or_answers(PARSERS[name], line)
