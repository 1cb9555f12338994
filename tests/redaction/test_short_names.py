"""Names of one or two characters, and such as are words: replaced where nothing else can stand."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from tests.redaction.canaries import KEY
from tests.redaction.support import names
from tests.sources.fakes import TableSource
from xenwatch.model.render.xenstore import read_reply
from xenwatch.parse import xenstore
from xenwatch.redaction.capture import redact
from xenwatch.redaction.tokens import HOST, VM, Tokens
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource

SLICE = "/sys/fs/cgroup/machine.slice"
SCOPE = r"machine-qemu\x2d5\x2dVM.scope"
FILES = {
    "/proc/7/cmdline": "/usr/bin/qemu-system-i386\0-name\0VM\0-drive\0file=/srv/VM.img,if=ide\0",
    "/proc/8/cmdline": "/usr/bin/qemu-system-i386\0-name\0guest=VM,debug-threads=on\0",
    "/proc/7/stat": "7 (qemu:VM) S 1 1 1 0 -1 0 0 0 0 0\n",
    "/proc/7/task/9/stat": "9 (qemu:VM) S 1 1 1 0 -1 0 0 0 0 0\n",
    "/proc/7/status": "Name:\tqemu:VM\nUmask:\t0022\n",
    "/proc/7/task/9/status": "Name:\tqemu:VM\nvoluntary_ctxt_switches:\t3\n",
    "/proc/7/comm": "qemu:VM\n",
    "/proc/7/cgroup": f"4:cpu,cpuacct:/machine/VM.libvirt-qemu\n0::/machine.slice/{SCOPE}/a\n",
    "/proc/mounts": "HOST:/srv /run/sr-mount nfs4 rw 0 0\n//HOST/srv /mnt cifs rw 0 0\n",
    "/dev/kmsg": "4,1,1,-;nfs: server HOST not responding, timed out\n"
    "4,2,2,-;nfs: server HOST OK\n"
    "4,3,3,-;CIFS: VFS: Server HOST has not responded in 180 seconds. Reconnecting...\n"
    "6,4,4,-;a network device is up: db at 0000:0a:00.0, q7 7 eth0 00:db:a0\n",
    f"{SLICE}/{SCOPE}/cpu.stat": "usage_usec 5\n",
}
LINKS = {
    "/proc/11/fd/1": "/var/log/xen/xl-VM.log",
    "/proc/12/fd/1": "/var/log/xen/xl-VM--incoming.log.1 (deleted)",
    "/proc/13/fd/1": "/var/log/VM.log",
}
NODES = {
    "/local/domain/5/name": "VM",
    "/local/domain/6/name": "VM-dm",
    "/local/domain/0/backend/vbd/5/51712/params": "aio:/srv/VM.img",
}
"""What a host answers whose VM and file server have names in place of VM and HOST."""


def replayed(directory: Path, vm: str, host: str) -> TreeSource:
    """The redacted capture of the host with these names."""

    def named(text: str) -> str:
        return text.replace("VM", vm).replace("HOST", host)

    source = TableSource(
        files={named(path): named(text).encode() for path, text in FILES.items()},
        directories={SLICE: (named(SCOPE),)},
        targets={path: named(target) for path, target in LINKS.items()},
        nodes={
            (xenstore.READ, xenstore.path_payload(path)): read_reply(named(value).encode())
            for path, value in NODES.items()
        },
    )
    recorder = RecordingSource(source, directory, rewrite=lambda saved: redact(saved, KEY)[0])
    for path in source.files:
        recorder.read(path)
    for path in LINKS:
        recorder.readlink(path)
    recorder.listdir(SLICE)
    for op, payload in source.nodes:
        recorder.xenstore(op, payload)
    recorder.close()
    return TreeSource(directory)


@pytest.mark.parametrize("host", ["h", "h1", "nas7", "server"])
@pytest.mark.parametrize("vm", ["a", "db", "q7", "7", "é", "eth0", "network", "accounts"])
def test_a_name_is_replaced_wherever_nothing_else_can_stand(
    tmp_path: Path, vm: str, host: str
) -> None:
    """By the same name everywhere, however short; and the rest is as it was, to the last byte."""
    replay = replayed(tmp_path / "capture", vm, host)
    tokens = Tokens(KEY)
    made, server = (
        tokens.name(kind, name.encode()).decode() for kind, name in ((VM, vm), (HOST, host))
    )

    def expected(text: str) -> str:
        return text.replace("VM", made).replace("HOST", server)

    assert {path: replay.read(expected(path)).decode() for path in FILES} == {
        path: expected(text) for path, text in FILES.items()
    }
    assert {path: replay.readlink(path) for path in LINKS} == {
        path: expected(target) for path, target in LINKS.items()
    }
    assert replay.listdir(SLICE) == (expected(SCOPE),)
    for path, value in NODES.items():
        reply = replay.xenstore(xenstore.READ, xenstore.path_payload(path))
        assert reply.payload.decode() == expected(value)


@pytest.mark.parametrize("vm", ["a", "db", "network"])
@pytest.mark.parametrize(
    "said",
    [
        "VM 'VM' (8e4f7a52-0000-4000-8000-00163e5a2701) has no network: a db is in no bridge",
        '{"labels": {"a": 1, "name": "VM", "db": "network"}}',
        "alert changed labels={'name': 'VM', 'what': 'db'} a network",
    ],
)
def test_what_xenwatch_says_of_a_vm_has_another_name(vm: str, said: str) -> None:
    """Before its UUID and as a label, where nothing else can stand; other words stay."""
    made = Tokens(KEY).name(VM, vm.encode()).decode()
    uuid = "8e4f7a52-0000-4000-8000-00163e5a2701"
    found = names(vm).text(said.replace("'VM'", f"'{vm}'").replace('"VM"', f'"{vm}"').encode())
    other = names().text(uuid.encode()).decode()
    expected = said.replace("'VM'", f"'{made}'").replace('"VM"', f'"{made}"')

    assert found.decode() == expected.replace(uuid, other)


ADDRESSES = [
    "1b4e28ba-beef-41d2-883f-0016d3cca427",
    r"1b4e28ba\x2dbeef\x2d41d2\x2d883f\x2d0016d3cca427",
    "fd12:3456:789a::beef",
    "[fd12:beef::1]",
    "10.0.0.5",
    "00:16:3e:ca:5a:27",
]


@pytest.mark.parametrize("said", ADDRESSES)
def test_a_name_that_is_a_part_of_an_address_leaves_none_of_it(said: str) -> None:
    """The address is replaced as a whole, as if there were no such name."""
    text = f"at {said}:80 now".encode()
    expected = names().text(text)
    parts = {said[begin:end] for begin, end in combinations(range(len(said) + 1), 2)}

    assert said.encode() not in expected
    for name in parts:
        if said.strip("[]") not in name:
            assert names(name, name + ":80").text(text) == expected, name


def test_a_name_like_a_part_of_an_address_is_replaced_elsewhere() -> None:
    """Beside colons and hyphens that make no address too."""
    made = Tokens(KEY).name(VM, b"beef").decode()

    said = "beef, 12:beef:13, disk-beef-1, a UUID 1b4e-beef, 0000:beef:00.0"
    assert names("beef").text(said.encode()).decode() == said.replace("beef", made)
