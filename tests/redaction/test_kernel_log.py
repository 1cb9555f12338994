"""Lines of the kernel's log with names that nothing else in a capture tells."""

from __future__ import annotations

import re

import pytest

from tests.redaction.canaries import KEY
from tests.redaction.support import names
from xenwatch.redaction.texts import REMOVED, Texts
from xenwatch.redaction.tokens import HOST, NETWORK, PATH, STORAGE, VM, Tokens

KINDS = {"host": HOST, "net": NETWORK, "vol": STORAGE, "file": PATH, "vm": VM}
_MARK = re.compile(r"<([a-z]+):([^>]+)>")


def log(*lines: bytes) -> list[bytes]:
    """The lines after redaction, each as a record of the kernel itself, with nothing known."""
    made = Texts(names()).kernel_log(b"\n".join(b"4,1,1,-;" + line for line in lines))
    return [line.partition(b";")[2] for line in made.split(b"\n")]


def in_kmsg(text: str) -> bytes:
    """A text as the kernel gives it out."""
    return re.sub(rb"[^ -\[\]-~]", lambda m: b"\\x%02x" % m[0][0], text.encode())


def named(match: re.Match[str]) -> str:
    """What stands in place of a name that a line marks."""
    if match[1] == "removed":
        return REMOVED.decode()
    return Tokens(KEY).name(KINDS[match[1]], match[2].encode()).decode()


LINES = [
    "drbd <vol:acme-payroll> <host:acmehost2>: PingAck did not arrive in time.",
    "drbd <vol:acme-payroll>/0 <host:acmehost2>: conn( Connecting -> Connected )",
    "drbd <vol:acme-payroll>/0 drbd1000 <host:acmehost2>: pdsk( UpToDate -> DUnknown )",
    "drbd <vol:acme-payroll> tcp:<host:acmehost2>: Closing unexpected connection",
    "drbd <vol:acme-payroll>/0 drbd1000: disk( UpToDate -> Failed )",
    "drbd <vol:acme-payroll>: Preparing cluster-wide state change 123 (0->1 496/16)",
    r"oom-kill:nodemask=(null),task_memcg=/machine.slice/machine-xen\x2d5\x2d<vm:payroll>.scope,pid=1",
    r"Memory cgroup stats for /machine.slice/machine-qemu\x2d5\x2d<vm:payroll>.scope:",
    "cgroup: fork rejected by pids controller in /machine/<vm:acme-payroll>.libvirt-qemu/vcpu0",
    "INFO: task qemu:<vm:payroll>:1234 blocked for more than 120 seconds.",
    "CPU: 1 PID: 12 Comm: qemu:<vm:my web> Not tainted 6.1.0-18-amd64",
    "Out of memory: Killed process 12 (qemu:<vm:my web>) total-vm:1kB, anon-rss:1kB",
    r"CIFS: VFS: \\<host:acmefiler> has not responded in 180 seconds. Reconnecting...",
    r"CIFS: VFS: \\<host:acmefiler>\<file:acmeshare> Send error in SessSetup = -13",
    "CIFS: Attempting to mount //<host:acmefiler>/<file:acmeshare>",
    "CIFS: VFS: Server <host:acmefiler> has not responded in 120 seconds. Reconnecting...",
    "NFS: state manager: check lease failed on NFSv4 server <host:acmefiler> with error 13",
    "RPC: server <host:acmefiler> requires stronger authentication.",
    "NFS: v4 server <host:acmefiler>  returned a bad sequence-id error!",
    "NFS: Server <host:acmefiler> reports our clientid is in use",
    "nfs: server <host:nas> not responding, still trying",
    "nfs: server <host:nas.acme.example> did what no kernel does yet",
    "lockd: cannot monitor <host:acmefiler>",
    "NFSv4: state recovery failed for open file <file:acme>/<file:payroll>.vhd, error = -5",
    "o2net: No longer connected to node <host:acmehost2> (num 1) at 127.0.0.1:7777",
    "<net:acmebr>: port 2(vif5.0) entered forwarding state",
    "<net:acmebr>: port 2(<net:acmenet0>) entered disabled state",
    "<net:acmebr>: received packet on eth0 with own address as source address",
    "device <net:acmenet0> entered promiscuous mode",
    "<net:acmenet0>: left allmulticast mode",
    "<net:acmebond>: (slave <net:acmenet0>): link status definitely down, disabling slave",
    "ixgbe 0000:03:00.0 <net:acmenet0>: renamed from eth0",
    "IPv6: ADDRCONF(NETDEV_CHANGE): <net:acmenet0>: link becomes ready",
    "8021q: adding VLAN 0 to HW filter on device <net:acmenet0>",
    "NETDEV WATCHDOG: <net:acmenet0> (ixgbe): transmit queue 3 timed out",
    "unregister_netdevice: waiting for <net:acmenet0> to become free. Usage count = 1",
    "IN=<net:acmebr> OUT= PHYSIN=vif5.0 LEN=60 TTL=64",
    "BTRFS: device label <vol:acme payroll> devid 1 transid 5 /dev/sdb scanned by mount (2)",
    "WARNING: Pool '<vol:acme>' has encountered an uncorrectable I/O failure",
    "gfs2: fsid=<vol:acmecluster>:<vol:payroll>.0: journal 0 mapped with 1 extents",
    "BTRFS info: at /dev/mapper/<vol:acmevg>-<vol:payroll> again",
    "loop: /dev/<file:acmevg>/<file:payroll> and /srv/<file:acme>/<file:payroll>.img",
    "Service Tag: <removed:ABC1234>, S/N: <removed:XYZ99>, Chassis Serial No: <removed:X7>",
    "usb 1-1: SerialNumber: <removed:ABCD1234>",
    "sd 0:0:0:0: alua: device <removed:t10.ATA     SAMSUNG S3Z8> port group 0 rel port 1",
    'audit: type=1112 audit(1): acct=<removed:"alice"> hostname=<host:acmehost> res=success',
    "audit: type=1327 audit(1): proctitle=<removed:2F62696E2F7368002D63>",
    "booting kernel: `<removed:hunter2>' invalid for parameter `acme.pass'",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_name_is_found_by_what_the_kernel_says_of_it(line: str) -> None:
    """In the words of Linux, escaped as /dev/kmsg has them or not; and the rest stays as it was."""
    plain, expected = _MARK.sub(r"\2", line), _MARK.sub(named, line)
    assert log(plain.encode()) == [expected.encode()]
    assert log(in_kmsg(plain)) == [in_kmsg(expected)]


def test_a_name_of_other_letters_is_found_in_the_log() -> None:
    """The kernel escapes them, and the hyphens that systemd has escaped, once more."""
    made = Tokens(KEY).name(VM, "B\u00fcro-Server".encode())
    said = in_kmsg("a VM B\u00fcro-Server, b\u00fcro\\x2dserver")
    line = Texts(names("B\u00fcro-Server")).kernel_log(b"4,1,1,-;" + said)
    assert line == b"4,1,1,-;a VM %b, %b" % (made, made)


def test_an_argument_that_the_kernel_repeats_is_redacted() -> None:
    """As on the command line, of which it does not know them."""
    said = b'Unknown kernel command line parameters "x.pass=hunter2 quiet", will be passed to user'
    assert log(said, b"    x.pass=hunter2") == [
        said.replace(b"hunter2", REMOVED),
        b"    x.pass=" + REMOVED,
    ]


def test_an_address_of_a_server_is_replaced_once() -> None:
    """By the address that stands for it everywhere else in the capture."""
    [server, other] = log(b"nfs: server 10.0.0.5 not responding, timed out", b"at 10.0.0.5")
    assert server.split()[2] == other.split()[1] != b"10.0.0.5"


KEPT = [
    "NFS: server cheating in read reply: count 3 > recvd 2",
    "CIFS: VFS: Server does not advertise interfaces",
    "nfs: server not responding, still trying",
    "lockd: server rpc.statd not responding, timed out",
    "Serial: 8250/16550 driver, 32 ports, IRQ sharing enabled",
    "md: md_import_device returned -22",
    "drbd: initialized. Version: 9.2.4 (api:2/proto:86-121)",
    "RAX: 2100002400ff1234 RBX: 1000000c00000001 RCX: ffff888012345678",
    "BUG: unable to handle page fault for address: 0000000000001234",
    "page:ffffea0000123456 flags: 0x17ffffc0000000() mask 0x2000000000000811",
    "x10: 2100002400ff1234 x9 : 2100002400ff1234",
    "Hardware name: Dell Inc. PowerEdge R640/0W23H8, BIOS 2.10.2 02/24/2021",
    "xen-blkback: backend/vbd/5/51712: using 2 queues, protocol 1 (x86_64-abi)",
    "audit: type=1300 audit(1.2:3): arch=c000003e syscall=59 a0=7ffd12 a1=10 items=2",
    "123456789012 36000000000000000 35002538123456789 2123004567890123 001122334455",
    "ACPI BIOS Error (bug): Could not resolve symbol [\\_SB.PCI0.LPC], AE_NOT_FOUND",
    "Out of memory: Killed process 7 (xapi) total-vm:812344kB, anon-rss:402132kB",
    "usb 1-1: Product: Keyboard",
    "nvme nvme0: new ctrl: nqn.2014-08.org.nvmexpress.discovery",
]


@pytest.mark.parametrize("line", KEPT)
def test_what_the_kernel_says_of_itself_stays(line: str) -> None:
    """Its words, the registers of an oops, addresses of memory, counters and models."""
    assert log(line.encode(), in_kmsg(line)) == [line.encode(), in_kmsg(line)]


@pytest.mark.parametrize(
    "said", ["mac 001122334455", "hwaddr: 001122AABBCC", "WWPN 5002538123456789"]
)
def test_an_address_of_mere_digits_is_one_where_the_kernel_says_so(said: str) -> None:
    """It stays of the same length."""
    [made] = log(said.encode())
    word, _, address = said.rpartition(" ")
    assert re.fullmatch(word.encode() + rb" [0-9a-fA-F]{%d}" % len(address), made)
    assert address.encode() not in made
