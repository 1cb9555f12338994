"""Where a line of the kernel's log has a name that nothing but the line tells to be one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

Spot = tuple[int, int, str]
"""Where a name begins and ends, and of what kind it is."""

_HOST: Final = rb"[^\s:,;'\"\\/()\[\]<>]+"
_NET: Final = rb"[^\s:/()]{1,15}"
_END: Final = rb"[^\s,:;'\"()<>]+"
_RULES: Final = (
    # LINBIT's drbd, drbd_polymorph_printk.h and drbd_transport.h: resource, device, class, peer.
    (
        rb"\Adrbd (?P<volume>[^\s:/]+)(?:/[0-9]+)?(?: drbd[0-9]+)?"
        rb"(?: (?:[a-z-]+:)?(?P<host>[^\s:]+))?: "
    ),
    # net/sunrpc/clnt.c; fs/nfs/inode.c, nfs4proc.c, nfs4state.c; fs/smb/client/connect.c. What
    # the kernel says of a server without its name must not be taken for one.
    (
        rb"\b[Ss]erver (?!rpc\.)(?P<host>~HOST|\[[0-9a-fA-F:.]+\])(?= +(?:not responding|OK\b"
        rb"|has not responded|error: |requires stronger|reports our|returned a|does not accept raw"
        rb"|with error))"
    ),
    rb"\b[Ss]erver (?!rpc\.)(?P<host>[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})(?![\w.(-])",
    # fs/lockd/mon.c; fs/ocfs2/cluster/tcp.c; net/ipv4/ipconfig.c
    rb"lockd: (?:cannot|failed to) (?:un)?monitor (?P<host>~HOST)",
    rb"\bnode (?P<host>~HOST) \(num [0-9]+\)",
    rb"\bhost=(?P<host>~HOST), domain=(?P<host2>~HOST)?, nis-domain=(?P<host3>~HOST)?",
    # fs/smb/client/cifs_debug.h: \\HOST\SHARE; mounts also as //HOST/SHARE
    rb"\\\\(?P<host>~HOST)(?P<share>\\~END)?",
    rb"(?<![^\s'\"=(])//(?P<host>~HOST)(?P<share>/~END)?",
    # fs/nfs/nfs4state.c, nfs4_state_mark_recovery_failed; fs/nfs/dir.c
    rb"failed for open file (?P<place>.{1,512}?), error = ",
    rb"NFS: directory (?P<place>.{1,512}?) contains ",
    # mm/oom_kill.c, mm/memcontrol.c, kernel/cgroup/pids.c: cgroups of VMs, as in /proc/PID/cgroup
    rb"(?<=/)(?P<group>[^\s/,]+\.(?:scope|service|libvirt-(?:qemu|xen|lxc)))(?![^\s/,:])",
    # What a process is called of a VM that has none any more, in whatever the kernel says of it.
    rb"\bqemu:(?P<comm>.{1,10}?(?=[):,\"']| (?:Not t|T)ainted| invoked )|\S{1,10})",
    # net/bridge/br_private.h, br_printk, and its callers
    rb"\A(?P<net>~NET): port [0-9]+\((?P<net2>~NET)\)",
    rb"\A(?P<net>~NET): received packet on (?P<net2>~NET) with own ",
    rb"\A(?P<net>~NET): (?:topology change |received tcn )",
    # net/core/dev.c; drivers/net/bonding; net/8021q; net/ipv6/addrconf.c; net/sched/sch_generic.c
    rb"(?:\bdevice |\A)(?P<net>~NET):? (?:entered|left) (?:promiscuous|allmulticast) mode",
    rb"(?P<net>(?<!\S)~NET): renamed from (?P<net2>~NET)",
    rb"(?:\A(?P<net>~NET): )?\(slave (?P<net2>~NET)\)",
    rb"\A(?P<net>~NET): (?:Enslaving|Releasing|Removing|Adding slave|Setting) (?P<net2>~NET) as ",
    rb"(?:HW filter on|, on|bridge port) (?:device|dev) (?P<net>~NET)",
    rb"\(NETDEV_[A-Z]+\): (?P<net>~NET): link ",
    rb"NETDEV WATCHDOG: (?P<net>~NET) \(",
    rb"unregister_netdevice: waiting for (?P<net>~NET) to ",
    rb"\b(?:IN|OUT|PHYSIN|PHYSOUT)=(?P<net>~NET)",
    # Labels, pools, clusters: fs/btrfs/volumes.c; OpenZFS, zio.c; fs/gfs2; fs/dlm
    rb"BTRFS:? (?:info:? )?device label (?P<volume>.{1,255}?) devid [0-9]",
    rb"\bPool '(?P<volume>[^']{1,255})' has ",
    rb"\bpool=(?P<volume>\S+) vdev=",
    rb"\bfsid=(?P<volume>[^\s:]{1,64}):(?P<volume2>[^\s:.]{1,64})",
    rb"\Adlm: (?P<volume>[^\s:]+): ",
    rb"/dev/mapper/(?P<mapped>~END)",
    (
        rb"/dev/(?:(?:disk/by-[a-z]+|drbd/by-res|md|rbd|zvol)/(?P<place>~END)"
        rb"|(?!(?:block|bus|char|cpu|dri|infiniband|input|mapper|net|pts|shm|snd|vfio|xen)/)"
        rb"(?P<place2>[^\s,:;'\"()<>/]+/~END))"
    ),
    (
        rb"(?:(?<![\w.-])(?P<host>[A-Za-z0-9][\w.-]*):|(?<![\w./]))/(?:srv|mnt|media|home|data"
        rb"|exports?|images?|vms?|(?:var/)?run/sr-mount|var/lib/(?:xen|libvirt)/images)/"
        rb"(?P<place>~END)"
    ),
    # Serial numbers: drivers/usb/core/hub.c, drivers/scsi/aacraid; vendors in SMBIOS and IPMI
    rb"(?i)\bserial[ _-]?(?:number|num|no\.?)?\s*[:=#]\s*(?!8250/)(?P<removed>[^\s,;]+)",
    (
        rb"(?i)\b(?:(?:service|asset)[ _-]?tag|express service code|s/n|(?-i:SN))\s*[:=#]\s*"
        rb"(?P<removed>[^\s,;]+)"
    ),
    rb"(?i)\bserial ?number:? (?P<removed>(?=[A-Z-]*[0-9])[0-9A-Z-]{5,})",
    rb"\AAAC[0-9]+: serial (?P<removed>[^\s,;]+)",
    # drivers/scsi/device_handler/scsi_dh_alua.c, where identifiers have blanks
    rb"\bdevice (?P<removed>t10\..{1,255}?) port group",
    # crypto/asymmetric_keys: who has signed a module that people have built
    rb"X\.509 cert(?:ificate)? '(?P<removed>[^']{1,255})'",
    # init/main.c and kernel/params.c: arguments again, of which some are passwords
    rb"kernel command line parameters \"(?P<boot>.*)\", will be",
    rb"\A    (?P<boot>[^\s=]+=\S*)\Z",
    rb"`(?P<removed>[^'`]{0,1024})' (?:invalid|too large) for parameter",
    # Addresses whose form alone is that of a number too
    (
        rb"(?i)\b(?:mac|hwaddr|lladdr|ethernet)(?: addr(?:ess)?)?\s*[:=]?\s*"
        rb"(?P<mac>~H{12})(?!~H|[:.-]~H)"
    ),
    rb"(?i)\b(?:ww[pn]n|wwid|port_?name|node_?name|guid)\b\s*[:=]?\s*(?:0x|x)?(?P<wwn>~H{16})(?!~H)",
)
"""Where the kernel prints a name, as its sources have it; a group is called by the kind of name."""
_AUDIT: Final = (
    # kernel/auditsc.c: who did what, also in hexadecimal digits, where no auditd takes it.
    rb"\b(?:acct|cmd|cwd|proctitle|a[0-9]+)=(?P<removed>\"[^\"]*\"|[0-9A-F]{6,}(?![0-9a-z]))",
    rb"\b(?:name|path|comm|exe)=(?P<removed>[0-9A-F]{6,}(?![0-9a-z]))",
    rb"\bhostname=\"?(?P<host>[^\s\"?]+)",
)
_PARTS: Final = ((b"~HOST", _HOST), (b"~NET", _NET), (b"~END", _END), (b"~H", b"[0-9a-fA-F]"))


def _compiled(rule: bytes) -> re.Pattern[bytes]:
    for name, part in _PARTS:
        rule = rule.replace(name, part)
    return re.compile(rule, re.DOTALL)


_IN_ALL: Final = tuple(map(_compiled, _RULES))
_IN_AUDIT: Final = tuple(map(_compiled, _AUDIT))
_ESCAPE = re.compile(rb"[^ -\[\]-~]")
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


def spots(line: bytes) -> Iterator[Spot]:
    """The names in a line, from left to right; where two rules find one, the first has it."""
    rules = (_IN_ALL + _IN_AUDIT) if line.startswith(b"audit") else _IN_ALL
    found = sorted(
        (*match.span(group), number, group.rstrip("0123456789"))
        for number, rule in enumerate(rules)
        for match in rule.finditer(line)
        for group in rule.groupindex
        if match[group]
    )
    done = 0
    for begin, end, _, kind in sorted(found, key=lambda spot: (spot[0], spot[2])):
        if begin >= done:
            yield begin, end, kind
            done = end


def unescaped(text: bytes) -> bytes | None:
    """A text of `/dev/kmsg` as the kernel printed it; `None` if `escaped` would not undo that."""
    plain = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), text)
    return plain if escaped(plain) == text else None


def escaped(text: bytes) -> bytes:
    r"""A text as in `/dev/kmsg`, where what ASCII does not print is `\xNN`, and so is a backslash.

    Linux, kernel/printk/printk.c, msg_add_ext_text.
    """
    return _ESCAPE.sub(lambda match: b"\\x%02x" % match[0][0], text)
