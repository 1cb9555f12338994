"""The synthetic host as a source: what exists is consistent, what does not is refused."""

from __future__ import annotations

import errno

import pytest

from xenwatch.model.devices import Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource, preset
from xenwatch.model.tree import FileTree
from xenwatch.parse.domaininfo import X86_LAYOUTS, list_call, parse_list
from xenwatch.parse.evtchn import parse_lsevtchn, parse_status, status_call
from xenwatch.parse.gnttab import parse_maptrack, parse_query_size, query_size_call
from xenwatch.parse.interrupts import parse_interrupts
from xenwatch.parse.xenstore import DIRECTORY, READ, path_payload, refusal
from xenwatch.parse.xenversion import parse_version, version_call
from xenwatch.sources.base import Hypercall, SourceError

every_preset = pytest.mark.parametrize("name", PRESETS)


def walk(source: ModelSource, path: str) -> list[str]:
    """Every path below a directory, links not followed."""
    found = []
    for name in source.listdir(path):
        place = f"{path.rstrip('/')}/{name}"
        found.append(place)
        try:
            source.readlink(place)
        except SourceError:
            if is_directory(source, place):
                found += walk(source, place)
    return found


def is_directory(source: ModelSource, path: str) -> bool:
    """Whether a path can be listed."""
    try:
        source.listdir(path)
    except SourceError:
        return False
    return True


def readable(source: ModelSource, path: str) -> bool:
    """Whether a file is there; one that the kernel refuses to read is."""
    try:
        source.read(path)
    except SourceError as error:
        return not error.missing
    return True


@every_preset
def test_what_is_listed_exists(name: str) -> None:
    """Every name in every directory is a directory, a link, or a file that can be read."""
    source = preset(name)
    paths = walk(source, "/")

    assert len(paths) > 300
    for path in paths:
        try:
            source.readlink(path)
        except SourceError:
            assert is_directory(source, path) or readable(source, path)


@every_preset
def test_processes_are_listed_with_their_names(name: str) -> None:
    """The pids in /proc are those of the processes, each with its name and descriptors."""
    machine = PRESETS[name]()
    source = ModelSource(machine)
    pids = [int(entry) for entry in source.listdir("/proc") if entry.isdigit()]

    assert sorted(pids) == sorted(machine.dom0.processes)
    for pid in pids:
        process = machine.dom0.processes[pid]
        assert source.read(f"/proc/{pid}/comm") == f"{process.comm}\n".encode()
        assert len(source.listdir(f"/proc/{pid}/fd")) == len(process.fds)


@every_preset
def test_both_routes_tell_the_same_channels(name: str) -> None:
    """lsevtchn lists what EVTCHNOP_status answers, port by port, until EINVAL."""
    machine = PRESETS[name]()
    source = ModelSource(machine)
    listed = source.run((f"{machine.dom0.platform.tools}/lsevtchn", "0")).stdout
    calls = [status_call(0, port) for port in range(1 << 17)]

    replies = source.hypercalls(calls)

    slots = [parse_status(reply.block) for reply in replies[:-1]]
    assert tuple(slot for slot in slots if slot.kind != "closed") == parse_lsevtchn(listed)
    assert replies[-1].result == -errno.EINVAL
    assert len(slots) == machine.dom0.domain.channels.slots


def test_the_table_of_interrupts_has_every_descriptor_in_use() -> None:
    """Rows of /proc/interrupts are the descriptors that have an action."""
    machine = Machine(DEBIAN_12)
    source = ModelSource(machine)
    rows = parse_interrupts(source.read("/proc/interrupts")).descriptors

    machine.start(b"vm", Shape("hvm"))

    assert parse_interrupts(source.read("/proc/interrupts")).descriptors == rows + 8


def test_xens_own_ports_are_refused_where_xen_does() -> None:
    """The ports of an HVM guest's ioreq server answer EACCES on Xen 4.17."""
    machine = Machine(DEBIAN_12)
    source = ModelSource(machine)
    domid = machine.start(b"vm", Shape("hvm"))

    results = [source.hypercall(status_call(domid, port)).result for port in range(1, 6)]

    assert results == [0, 0, -errno.EACCES, -errno.EACCES, 0]


def test_unknown_domains_are_refused_as_xen_does() -> None:
    """EVTCHNOP_status answers ESRCH, GNTTABOP_query_size a status of -2 and success."""
    source = ModelSource(Machine(DEBIAN_12))

    assert source.hypercall(status_call(99, 1)).result == -errno.ESRCH
    reply = source.hypercall(query_size_call(99))
    assert (reply.result, parse_query_size(reply.block).status) == (0, -2)


def test_the_list_of_domains_is_given_in_parts() -> None:
    """A list begins at the domid asked for and is no longer than asked for."""
    machine = Machine(XCP_NG_8_3)
    for _ in range(5):
        machine.start(b"vm", Shape())
    layout = X86_LAYOUTS[4, 17]

    reply = ModelSource(machine).hypercall(list_call(layout, 2, 3))

    assert [info.domid for info in parse_list(layout, reply.block)] == [2, 3, 4]


def test_another_sysctl_interface_is_refused() -> None:
    """A call in another release's interface version answers EACCES."""
    source = ModelSource(Machine(DEBIAN_12))

    assert source.hypercall(list_call(X86_LAYOUTS[4, 13], 0, 1)).result == -errno.EACCES


def test_xens_version() -> None:
    """Version and extra version are the platform's, and other questions are refused."""
    source = ModelSource(Machine(DEBIAN_12))

    assert parse_version(source.hypercall(version_call()).result) == (4, 17)
    assert source.hypercall(Hypercall(17, (10,))).result == -errno.ENOSYS
    assert source.hypercall(Hypercall(1, (0,))).result == -errno.ENOSYS


def test_the_debug_key_writes_to_the_console() -> None:
    """xl dmesg shows the dump of grant tables only after the key was sent."""
    source = ModelSource(Machine(DEBIAN_12))
    assert parse_maptrack(source.run(("/usr/sbin/xl", "dmesg")).stdout) is None

    source.run(("/usr/sbin/xl", "debug-keys", "g"))

    assert parse_maptrack(source.run(("/usr/sbin/xl", "dmesg")).stdout) == (2, 1024)


def test_programs_that_are_not_there_are_refused() -> None:
    """A command that does not exist is missing; one that does is refused what it cannot do."""
    source = ModelSource(Machine(DEBIAN_12))

    with pytest.raises(SourceError) as caught:
        source.run(("/usr/libexec/xen/bin/lsevtchn", "0"))
    assert caught.value.missing
    assert source.run(("/usr/sbin/xl", "create")).status == 1


def test_xenstore_answers_and_refuses() -> None:
    """Directories and values are answered, what is not there is ENOENT, writing is refused."""
    machine = Machine(DEBIAN_12)
    machine.start(b"vm", Shape())
    source = ModelSource(machine)

    assert source.xenstore(DIRECTORY, path_payload("/local/domain")).payload == b"0\x001\x00"
    assert source.xenstore(READ, path_payload("/local/domain/1/name")).payload == b"vm"
    assert refusal(source.xenstore(READ, path_payload("/local/domain/2/name"))) == "ENOENT"
    assert refusal(source.xenstore(DIRECTORY, path_payload("/nowhere"))) == "ENOENT"
    assert refusal(source.xenstore(11, path_payload("/local"))) == "ENOSYS"


def test_a_read_is_bounded() -> None:
    """A file longer than asked for is refused, of the kernel log the beginning is given."""
    source = ModelSource(Machine(DEBIAN_12))

    with pytest.raises(SourceError, match="longer than 10 bytes"):
        source.read("/proc/meminfo", 10)
    assert len(source.read("/dev/kmsg", 10)) == 10


def test_a_file_system_that_is_none_is_missing() -> None:
    """statvfs of a path that is no mount point of the host is refused as missing."""
    with pytest.raises(SourceError) as caught:
        ModelSource(Machine(DEBIAN_12)).statvfs("/nowhere")
    assert caught.value.missing


def test_links_in_the_tree_are_followed() -> None:
    """A link in the middle of a path and one at its end lead to the same file."""
    tree = FileTree()
    tree.file("/sys/devices/vif-1-0/state", b"Connected\n")
    tree.link("/sys/bus/devices/vif-1-0", "../../devices/vif-1-0")
    tree.link("/var/sys", "/sys")

    assert tree.read("/var/sys/bus/devices/vif-1-0/state") == b"Connected\n"
    assert tree.listdir("/sys/bus/devices/vif-1-0") == ("state",)
    assert tree.readlink("/var/sys/bus/devices/vif-1-0") == "../../devices/vif-1-0"


def test_the_tree_refuses_as_the_kernel_does() -> None:
    """What is missing, no directory, no file, no link or a link to itself has its errno."""
    tree = FileTree()
    tree.file("/a/file", b"")
    tree.file("/a/secret", errno.EACCES)
    tree.link("/loop", "/loop")
    cases = [
        (tree.read, "/b", errno.ENOENT),
        (tree.read, "/a", errno.EISDIR),
        (tree.read, "/a/secret", errno.EACCES),
        (tree.read, "/loop", errno.ELOOP),
        (tree.listdir, "/a/file", errno.ENOTDIR),
        (tree.listdir, "/b", errno.ENOENT),
        (tree.readlink, "/a/file", errno.EINVAL),
        (tree.readlink, "/b", errno.ENOENT),
    ]
    for verb, path, number in cases:
        with pytest.raises(SourceError) as caught:
            verb(path)
        assert caught.value.errno == number
