"""A host with a name or an address wherever an answer can have one."""

from __future__ import annotations

import json
import uuid

from tests.sources.fakes import TableSource
from xenwatch.model.render.certificate import render_certificate, render_pem
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.rtnl import render_messages
from xenwatch.model.render.xen_console import render_readconsole
from xenwatch.model.render.xenstore import read_reply
from xenwatch.model.render.xenversion import render_text, render_version
from xenwatch.parse import domaininfo, ovsdb, volume_groups, xenstore, xenversion
from xenwatch.parse.domaininfo import X86_LAYOUTS, DomainInfo
from xenwatch.parse.rtnl import LinkMessage
from xenwatch.parse.taskstats import Counters
from xenwatch.parse.xen_console import ConsoleText, readconsole_call
from xenwatch.sources.base import CommandOutput, HypercallReply

KEY = bytes(32)

VM, SHORT, HOST = b"canaryvm-07", b"q7", b"canaryhost.corp.canarycompany.com"
BRIDGE, GROUP, SHARE, SERVER = b"canary-br", b"canaryvg", b"canaryshare", b"canarynas.canaryorg.net"
IDENTITY = uuid.UUID("1b4e28ba-2fa1-41d2-883f-0016d3cca427")
MAC = bytes.fromhex("00163eca5a27")
IPV4, IPV6, MAPPED = b"10.87.65.43", b"fd12:3456:789a::beef", b"::ffff:10.87.65.44"
TARGET, SECRET, USER = b"iqn.2004-04.com.canaryvendor:lun7", b"hunter2canary", b"canaryuser"
REMNANTS = (
    *(VM, HOST, BRIDGE, GROUP, SHARE, SERVER, b"canary", str(IDENTITY).encode(), IDENTITY.bytes),
    *(IDENTITY.bytes.hex().encode(), MAC, MAC.hex().encode(), MAC.hex(":").encode()),
    *(
        IPV4,
        IPV6,
        b"10.87.65.44",
        bytes([10, 87, 65, 43]),
        bytes([10, 87, 65, 43])[::-1].hex().encode(),
    ),
    *(TARGET, SECRET, USER),
)
"""What must be nowhere, in lower case; raw bytes too."""

IDENT = str(IDENTITY).encode()
KMSG = b"\n".join(
    b"%d,%d,%d,-;%b" % (level, number, number, text)
    for number, (level, text) in enumerate(
        (
            (6, b"Command line: root=/dev/mapper/canaryvg-root ip=10.87.65.43::::canaryhost x.pass="
             + SECRET),
            (6, b"device " + BRIDGE + b" entered promiscuous mode"),
            (4, b"nfs: server " + SERVER + b" not responding, timed out"),
            (4, b"IN=" + BRIDGE + b" MAC=" + MAC.hex(":").encode() + b" SRC=" + IPV4 + b" DST="
             + IPV6),
            (6, b"EXT4-fs (dm-3): mounted filesystem " + IDENT.upper()),
            (6, b"xen " + VM + b" at CANARYHOST and canaryhost.corp.canarycompany.com, " + MAPPED),
            (6, b"usb 1-1: SerialNumber: canary0815"),
            (30, b"sshd: accepted " + USER),
            (4, b"Out of memory: Killed process 7 (xapi)"),
        )
    )
)  # fmt: skip
FILES = {
    "/dev/kmsg": KMSG + b"\n SUBSYSTEM=net\n",
    "/proc/cmdline": b"root=LABEL=canaryroot quiet rd.iscsi.password=hunter2canary\n",
    "/proc/mounts": b"%b:/exports/canary\\040share/%b /run/sr-mount/%b nfs4 rw,addr=%b 0 0\n"
    b"[%b]:/x /mnt/canaryshare nfs rw,clientaddr=%b 0 0\n"
    b"//CANARYNAS/canaryshare /home/canaryuser cifs rw,username=canaryuser,domain=canary 0 0\n"
    b"/dev/mapper/canaryvg-canary--lv / ext4 rw 0 0\n"
    % (SERVER, IDENT, IDENT, IPV4, IPV6, IPV4),
    "/proc/self/mountstats": b"device %b:/exports/canary\\040share mounted on /run/sr-mount/%b "
    b"with fstype nfs4 statvers=1.1\n\topts:\trw,addr=%b,x=canary\n" % (SERVER, IDENT, IPV4),
    "/proc/7/cmdline": b"/usr/bin/qemu-system-i386\0-xen-domid\0005\0-name\0" + VM + b"\0-uuid\0"
    + IDENT + b"\0-drive\0file=/srv/canaryshare/" + VM + b".img,if=ide\0-device\0rtl8139,mac="
    + MAC.hex(":").upper().encode() + b"\0-vnc\0" + IPV4 + b":1,password=hunter2canary\0",
    "/proc/8/cmdline": b"tapdisk\0-a\0vhd:/dev/VG_XenStorage-" + IDENT + b"/VHD-" + IDENT + b"\0",
    "/proc/9/cmdline": b"sshd: canaryuser@pts/0\0",
    "/proc/10/cmdline": b"/opt/canarycompany/bin/tool\0--token\0hunter2canary\0",
    "/proc/7/stat": b"7 (qemu:canaryvm-07) S 1 1 1 0 -1 0 0 0 0 0\n",
    "/proc/7/task/9/stat": b"9 (qemu:canaryvm-07) S 1 1 1 0 -1 0 0 0 0 0\n",
    "/proc/7/task/9/status": b"Name:\tqemu:canaryvm-0\nvoluntary_ctxt_switches:\t3\n",
    "/etc/systemd/system/" + VM.decode() + ".service.d/slice.conf": b"[Service]\nSlice=x.slice\n",
    "/proc/7/cgroup": b"0::/machine.slice/machine-qemu\\x2d5\\x2dcanaryvm\\x2d07.scope\n",
    "/proc/net/dev": b"Inter-|\n face |bytes\n" + BRIDGE + b": 1 2 3\nvif5.0: 4 5 6\n",
    "/etc/xensource-inventory": b"PRODUCT_VERSION='8.3.0'\nINSTALLATION_UUID='" + IDENT
    + b"'\nMANAGEMENT_INTERFACE='canary-br'\nPRIMARY_DISK='/dev/disk/by-id/canary'\n",
    "/sys/block/dm-0/dm/name": b"canaryvg-canary--lv\n",
    "/sys/block/dm-0/dm/uuid": b"LVM-canarycanarycanary\n",
    "/sys/class/iscsi_session/session1/targetname": TARGET + b"\n",
    "/sys/class/iscsi_connection/connection1:0/persistent_address": IPV4 + b"\n",
    "/etc/xensource/xapi-ssl.pem": render_pem("x", render_certificate("canaryhost", 0, 2e9)),
}  # fmt: skip
DIRECTORIES = {
    "/sys/class/net": ("canary-br", "enx" + MAC.hex(), "lo", "vif5.0"),
    "/sys/class/net/canary-br/brif": ("vif5.0",),
    "/sys/fs/cgroup/machine.slice": (r"machine-qemu\x2d5\x2dcanaryvm\x2d07.scope",),
    "/etc/systemd/system": (VM.decode() + ".service.d", "canaryhost-backup.timer"),
    "/dev": ("VG_XenStorage-" + str(IDENTITY), "canaryvg", "loop0", "null"),
}
TARGETS = {
    "/proc/11/fd/1": "/var/log/xen/xl-q7.log",
    "/proc/12/fd/1": "/var/log/xen/xl-canaryvm-07.log.1 (deleted)",
    "/sys/dev/block/7:0": "../../devices/virtual/block/loop0",
}
SWITCH = [
    {"rows": [{"name": "canary-br", "ports": ["uuid", str(IDENTITY)]}]},
    {"rows": []},
    {"rows": [], "details": f"at {IPV4.decode()}"},
]
COMMANDS = {
    ("/usr/bin/ovsdb-client", "transact", "x", ovsdb.transaction()): json.dumps(SWITCH).encode(),
    ("/usr/sbin/vgs", *volume_groups.ARGUMENTS): b"  canaryvg|4096|1024\n",
    ("/usr/sbin/dmsetup", "status", "--noflush", "--target", "thin-pool"):
        b"canaryvg-canary--lv-tpool: 0 2048 thin-pool 1 1/9 2/8 - rw \n",
    ("/usr/sbin/xl", "dmesg"): b"(XEN) up\n(d5) canaryuser logged in\n",
}  # fmt: skip
NODES = {
    "/local/domain/5/name": VM,
    "/local/domain/6/name": SHORT,
    "/local/domain/0/name": b"Domain-0",
    "/local/domain/5/vm": b"/vm/" + IDENT,
    "/local/domain/0/backend/vbd/5/51712/params": b"aio:/srv/canaryshare/q7.img",
    "/local/domain/0/backend/vbd3/5/51712/params": b"/dev/sm/backend/" + IDENT + b"/" + IDENT,
    f"/xapi/{IDENTITY}/private/vif/0/locking-mode": b"locked",
    "/local/domain/5/error/device/vif/0/error": b"28 " + VM + b" at " + IPV6,
}
LAYOUT = X86_LAYOUTS[4, 17]
LISTING = domaininfo.list_call(LAYOUT, 0, 4)
DOMAINS = [
    DomainInfo(domid, 1, 9, 9, 9, 1, 0, identity, 0)
    for domid, identity in ((0, bytes(16)), (5, IDENTITY.bytes))
]
CONSOLE = (b"(XEN) d5 is cana", b"ryvm-07 at 10.87.65.43\n(d5) my canarypassword\n(XEN) end\n")
LINK = LinkMessage(
    *(2, 1, 0, 0, 1, 3, 1, 0),
    (
        (3, BRIDGE + b"\0"), (1, MAC), (2, b"\xff" * 6), (54, MAC), (20, b"canary alias\0"),
        (18, b"\x0b\0\1\0bridge\0\0" + b"\x0e\0\2\0" + MAC + b"canary\0\0"), (26, MAC + b"\0\0"),
        (4, b"\xdc\5\0\0"),
    ),
)  # fmt: skip


def canaries() -> TableSource:
    """A host with a name or an address wherever an answer can have one."""
    version, line = xenversion.version_call(), xenversion.commandline_call()
    boot = b"dom0_mem=4G com1=10.87.65.43".decode()
    replies = {
        version: HypercallReply(render_version((4, 17)), b""),
        line: HypercallReply(0, render_text(line.block, boot)),
        LISTING: HypercallReply(0, render_list(LAYOUT, LISTING.block, DOMAINS)),
    }
    index = 0
    for text in CONSOLE:
        call = readconsole_call(LAYOUT, index)
        index += len(text)
        replies[call] = HypercallReply(0, render_readconsole(call.block, ConsoleText(text, index)))
    return TableSource(
        files=FILES,
        directories=DIRECTORIES,
        targets=TARGETS,
        commands={
            argv: CommandOutput(0, out, b"at canaryhost\n") for argv, out in COMMANDS.items()
        },
        replies=replies,
        nodes={
            (xenstore.READ, xenstore.path_payload(path)): read_reply(value)
            for path, value in NODES.items()
        },
        counters={7: Counters(1, 2, 3, 4, 5)},
        heard={"links": [b"", render_messages([LINK])[:-20]]},
        raw=render_messages([LINK]),
    )
