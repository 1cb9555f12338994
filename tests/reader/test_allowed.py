"""What the reader refuses; that it answers all that the probes ask is law 9."""

from __future__ import annotations

import dataclasses
import struct
from typing import Any, Final

import pytest

from tests.reader.serving import told
from xenwatch.parse import evtchn, scheduling, xenversion
from xenwatch.parse.domaininfo import X86_LAYOUTS, list_call
from xenwatch.parse.xen_console import readconsole_call
from xenwatch.reader.hypercalls import is_allowed
from xenwatch.reader.server import checked
from xenwatch.sources.base import BLOCK, Hypercall
from xenwatch.sources.frames import AHEAD, Refused
from xenwatch.sources.tree import hypercall_arguments

LAYOUT: Final = X86_LAYOUTS[4, 17]
LISTING: Final = list_call(LAYOUT, 0, 64)
CONSOLE: Final = readconsole_call(LAYOUT, 0)
AFFINITY: Final = scheduling.affinity_call(0x15, 0, 0, 64)
PORTS: Final = evtchn.status_batch(3, 512, 4)
PARAMETERS: Final = scheduling.parameters_call(0x15, 6, 0)

PATHS: Final = (
    "/etc/shadow",
    "/etc/xenwatch/xenwatch.toml",
    "/proc/1/mem",
    "/proc/1/environ",
    "/sys/class/net/\ud800/speed",
    "/proc/1/maps",
    "/proc/1/root/etc/shadow",
    "/proc/1/fd/3",
    "/proc/1/task/1/mem",
    "/proc/../etc/shadow",
    "/proc/1/../1/environ",
    "/proc//1/stat",
    "//proc/1/stat",
    "/proc/1/stat/",
    "/proc/1/./stat",
    "proc/1/stat",
    "/proc/1/stat\0",
    "/proc/1/stat\n",
    "/proc/\u0661/stat",
    "/proc/kcore",
    "/dev/mem",
    "/dev/xvda",
    "/dev/shm/td3-1/secret",
    "/dev/shm/../../etc/shadow",
    "/sys/bus/xen-backend/devices/../../../../etc/shadow",
    "/sys/fs/cgroup/../../../etc/shadow",
    "/sys/fs/cgroup/memory.stat",
    "/run/systemd/system/control.slice.d/../../../../etc/shadow.conf",
    "/etc/systemd/system/secret.service",
    "/etc/xensource/xapi-ssl.pem",
    "/var/lib/xcp/state.db",
    "/root/.ssh/id_rsa",
    "",
    "/",
    "/" + "a" * 5000,
)
"""Files that no probe reads, and ways around the names of those that one does."""
COMMANDS: Final = (
    ["/bin/sh", "-c", "id"],
    ["/usr/sbin/xl", "destroy", "1"],
    ["/usr/sbin/xl", "debug-keys", "R"],
    ["/usr/sbin/xl", "debug-keys", "g", "h"],
    ["/usr/sbin/xl", "dmesg", "-c"],
    ["/tmp/xl", "dmesg"],
    ["/usr/sbin/../../tmp/xl", "dmesg"],
    ["/usr/lib/xen-4.17/bin/lsevtchn", "0", "1"],
    ["/usr/lib/xen-4.17/../../tmp/bin/lsevtchn", "0"],
    ["/usr/lib/xen-4.17/bin/lsevtchn", "-h"],
    ["/usr/sbin/dmsetup", "remove_all"],
    ["/usr/sbin/vgs"],
    ["/usr/bin/ovsdb-client", "transact", "unix:/var/run/openvswitch/db.sock", "[]"],
    ["xl", "dmesg"],
)
XENSTORE: Final = (
    (11, "/local/domain/1/name\0evil"),
    (13, "/local/domain/1\0"),
    (14, "/local/domain/1\0n0"),
    (12, "/local/domain/1/x\0"),
    (6, "\0"),
    (4, "@releaseDomain\0token\0"),
    (8, "1\0"),
    (0, "quota\0"),
    (2, "/vm/1/vncpasswd\0"),
    (2, "/local/domain/1/console/vnc-pass\0"),
    (2, "/local/domain/1/name\0/local/domain/2/name\0"),
    (2, "/local/domain/1/name"),
    (2, "/local/domain/1/../1/name\0"),
    (1, "/local/domain/1\0"),
    (1, "/\0"),
    (3, "/local/domain/1/name\0"),
)
"""Requests that change, that begin transactions, or that ask for other keys."""
CONTROL: Final = (
    (0, "quota\0set\0nodes\x001\0"),
    (0, "quota\x001\0nodes\x001000\0"),
    (0, "log\0off\0"),
    (0, "live-update\0-s\0"),
    (0, "memreport\0"),
    (0, "check\0"),
    (26, "1\0nodes\x001000\0"),
    (25, "1\0nodes\x001000\0"),
    (2, "/local/domain/1/name\0"),
)


def block(call: Hypercall, place: int, raw: bytes) -> Hypercall:
    """The call with other bytes at a place of its block."""
    return dataclasses.replace(
        call, block=call.block[:place] + raw + call.block[place + len(raw) :]
    )


CALLS: Final = {
    "a setter of the scheduler": block(PARAMETERS, 20, struct.pack("<I", 0)),
    "weights that would be set": block(PARAMETERS, 24, b"\1"),
    "destroydomain": block(PARAMETERS, 0, struct.pack("<I", 2)),
    "setvcpuaffinity": block(AFFINITY, 0, struct.pack("<I", 9)),
    "a soft affinity": block(AFFINITY, 20, struct.pack("<I", 3)),
    "a bitmap longer than its room": block(AFFINITY, 32, struct.pack("<I", 4096)),
    "a console that is cleared": block(CONSOLE, 8, b"\1"),
    "more text than there is room": block(CONSOLE, 24, struct.pack("<I", 1 << 20)),
    "a pointer of its own": block(CONSOLE, 16, struct.pack("<Q", 0x7FFF00000000)),
    "debug keys": block(CONSOLE, 0, struct.pack("<I", 7)),
    "more domains than there is room": block(LISTING, 12, struct.pack("<I", 65)),
    "no link to the records": dataclasses.replace(LISTING, links=()),
    "a link to elsewhere": dataclasses.replace(LISTING, links=((16, 1 << 20),)),
    "one link more": dataclasses.replace(LISTING, links=((16, 136), (24, 136))),
    "a shorter block": dataclasses.replace(LISTING, block=LISTING.block[:-1]),
    "more domains than a list may have": list_call(LAYOUT, 0, 257),
    "closing a port": dataclasses.replace(evtchn.status_call(0, 1), args=(3, BLOCK)),
    "a block that is too short": dataclasses.replace(evtchn.status_call(0, 1), block=b"\0"),
    "an address of its own": Hypercall(32, (5, 0x7FFF00000000), evtchn.status_call(0, 1).block),
    "changes of memory": Hypercall(12, (0, BLOCK), bytes(40)),
    "another question about Xen": Hypercall(17, (1, BLOCK), bytes(1024)),
    "a command line in too little room": Hypercall(17, (9, BLOCK), bytes(8)),
    "console_io": Hypercall(18, (0, 1, BLOCK), b"x"),
    "kexec": Hypercall(37, (0, BLOCK), bytes(8)),
    "no hypercall": Hypercall(-1, ()),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("verb", ["read", AHEAD])
def test_no_other_file_is_read(verb: str, path: str) -> None:
    """Files that no probe reads are refused by name, and so are other names of those."""
    if verb == AHEAD:
        [error] = told(AHEAD, ["read", path])
        assert isinstance(error, Refused)
        return
    refused(verb, [path], 1 << 20)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("listdir", "/root"),
        ("listdir", "/proc/1/cwd"),
        ("listdir", "/proc/1/map_files"),
        ("listdir", "/boot/.."),
        ("readlink", "/proc/1/exe"),
        ("readlink", "/etc/localtime"),
        ("stat", "/etc/shadow"),
        ("statvfs", "/home"),
        ("statvfs", "/run/sr-mount/../../home"),
        ("certificates", "/etc/ssl/private/key.pem"),
        ("certificates", "/etc/xensource/xapi-ssl.pem/../../shadow"),
        ("round_trip", "/tmp/socket"),
        ("events", "everything"),
        ("histograms", "more"),
        ("remove_all", "x"),
    ],
)
def test_no_other_place_is_asked_about(verb: str, path: str) -> None:
    """Directories, links, sizes and topics that no probe asks for are refused, like other verbs."""
    refused(verb, [path], None)


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_no_other_program_is_run(argv: list[str]) -> None:
    """Other programs, other arguments and other directories are refused."""
    refused("run", argv, 5.0)


@pytest.mark.parametrize(("kind", "payload"), XENSTORE)
def test_nothing_else_is_asked_of_xenstored(kind: int, payload: str) -> None:
    """Requests that change xenstore, transactions, watches and other keys are refused."""
    refused("xenstore", [kind, payload], None)


@pytest.mark.parametrize(("kind", "payload"), CONTROL)
def test_nothing_of_xenstored_is_set(kind: int, payload: str) -> None:
    """Control commands but those that show quotas are refused, among allowed ones too."""
    refused("xenstore_control", [[0, "quota\0"], [kind, payload]], None)


@pytest.mark.parametrize("name", CALLS)
def test_no_hypercall_sets_or_points_elsewhere(name: str) -> None:
    """Hypercalls that set, that have pointers of their own or too little room are refused."""
    call = CALLS[name]
    both = [hypercall_arguments(each) for each in (xenversion.version_call(), call)]
    refused("hypercalls", both, None)


@pytest.mark.parametrize(
    ("call", "size"),
    [
        (dataclasses.replace(PORTS, args=(3, BLOCK)), 24),
        (dataclasses.replace(PORTS, number=33), 24),
        (dataclasses.replace(PORTS, links=((0, 24),)), 24),
        (dataclasses.replace(PORTS, block=PORTS.block[:-4]), 24),
        (dataclasses.replace(PORTS, block=PORTS.block[24:] + PORTS.block[:24]), 24),
        (evtchn.status_batch(3, 0, evtchn.BATCH + 1), 24),
        (evtchn.status_batch(3, evtchn.FIFO_PORTS - 1, 2), 24),
        (PORTS, 48),
        (PORTS, 0),
        (dataclasses.replace(PORTS, block=b""), 24),
    ],
)
def test_no_batch_but_that_of_ports_is_answered(call: Hypercall, size: int) -> None:
    """A batch is refused unless it asks about the ports of one domain in turn."""
    refused("hypercall_batch", [*hypercall_arguments(call), size], None)
    assert checked("hypercall_batch", [*hypercall_arguments(PORTS), 24], None) == (PORTS, 24)


@pytest.mark.parametrize("call", [LISTING, CONSOLE, AFFINITY, PARAMETERS, evtchn.status_call(3, 9)])
def test_the_calls_they_are_made_of_are_allowed(call: Hypercall) -> None:
    """What the hostile calls were made of is answered."""
    assert is_allowed(call)


def refused(verb: str, arguments: list[Any], bound: Any) -> None:
    """The question is refused with a plain error."""
    with pytest.raises(Refused) as caught:
        checked(verb, arguments, bound)

    assert len(str(caught.value)) < 400
    assert caught.value.reason in (
        "refused by the reader: not on its list of questions",
        "unknown to this reader",
    )
