"""Programs that show or change storage of dom0."""

from __future__ import annotations

import re
from typing import Final

from tests.runbooks.host import Host, Options, Program, Volume, prints, refuse, words


def _df(host: Host, options: Options, operands: list[str]) -> str:
    """Of all, of types (-t), or of the file system an alert names: another one says nothing."""
    paths = [operand.removeprefix(host.root) or "/" for operand in operands]
    alerts = {
        host.values["mountpoint"].removeprefix(host.root),
        *(volume.point for volume in host.volumes[2:]),
    }
    for path in paths:
        if path not in alerts:
            refuse(f"not the file system that the alert names: {path}")
    shown = [
        volume
        for volume in host.volumes
        if (not paths or volume.point in paths) and ("-t" not in options or _typed(volume))
    ]
    if not shown:
        refuse("no file systems processed")
    if "-i" in options:
        rows = [
            (v.device, v.inodes, v.inodes - v.inodes_free, v.inodes_free, v.point) for v in shown
        ]
    else:
        rows = [(v.device, v.size, v.used, v.free, v.point) for v in shown]
    return "Filesystem Size Used Avail Mounted on\n" + "".join(
        " ".join(map(str, row)) + "\n" for row in rows
    )


def _typed(volume: Volume) -> bool:
    """Whether it is of a type that -t names: those of a few are all that runbooks ask for."""
    return volume.type in {"nfs", "nfs4", "cifs", "ext3", "ext4", "xfs"}


def _du(host: Host, options: Options, operands: list[str]) -> str:
    for operand in operands:
        if not host.path(operand).exists():
            refuse(f"cannot access {operand}: No such file or directory")
    return "".join(f"4 {operand}\n" for operand in operands or ["."])


def _losetup(host: Host, options: Options, operands: list[str]) -> str:
    device = options.get("-d", "/dev/loop0").removeprefix(host.root)
    if not re.fullmatch(r"/dev/loop\d+", device):
        refuse(f"no such device: {device}")
    return "" if "-d" in options else "/dev/loop0: []: (/var/lib/xen/images/guest.img)\n"


_LV_FIELDS: Final = words(
    "lv_name vg_name lv_size pool_lv origin data_percent metadata_percent lv_attr vg_size"
    " vg_free pv_name pv_size pv_free lv_time lv_path vg_free_count seg_monitor lv_when_full"
)


def _report(host: Host, options: Options, operands: list[str]) -> str:
    """lvs, vgs, pvs: fields of lvmreport(7), and groups or volumes that are there."""
    for field in re.split(r"[,+]", options.get("-o", options.get("--options", ""))):
        if field and field not in _LV_FIELDS:
            refuse(f"Unrecognised field: {field}")
    _named(host, operands)
    return "VG #PV #LV Attr VSize VFree\nvg0 1 2 wz--n- 2g 1g\n"


def _named(host: Host, operands: list[str]) -> None:
    for operand in operands:
        if operand.removeprefix("/dev/").partition("/")[0] not in {"vg0", host.values["group"]}:
            refuse(f'Volume group "{operand}" not found')


def _lvextend(host: Host, options: Options, operands: list[str]) -> str:
    size = options.get("-L") or options.get("-l") or options.get("--poolmetadatasize") or ""
    if not re.fullmatch(r"\+?\d+(?:[KMGT]|%FREE)?", size) or not operands:
        refuse(f"no size or no volume: {size!r} {operands}")
    _named(host, operands)
    return "Size of logical volume changed\n"


def _multipath(host: Host, options: Options, operands: list[str]) -> str:
    if "-l" not in options and "-ll" not in options:
        refuse("makes or changes maps without -l")
    return "360000000000000001 dm-0 size=100G\n"


_MULTIPATHD: Final = frozenset(
    {"show paths", "show maps", "show topology", "show status", "reinstate path"}
)


def _multipathd(host: Host, options: Options, operands: list[str]) -> str:
    """Source: multipath-tools, multipathd(8)."""
    given = [*options.get("-k", "").split(), *operands]
    if " ".join(given[:2]) not in _MULTIPATHD:
        refuse(f"unknown command: {given}")
    return "hcil dev dm_st chk_st\n3:0:0:1 sda active ready\n"


def _iscsiadm(host: Host, options: Options, operands: list[str]) -> str:
    """Source: open-iscsi, iscsiadm(8)."""
    if options.get("-m", options.get("--mode")) not in {"session", "node", "discovery", "iface"}:
        refuse("no such mode")
    return "tcp: [1] 192.0.2.30:3260,1 iqn.2026-01.example:lun0\n"


def _tap_ctl(host: Host, options: Options, operands: list[str]) -> str:
    if operands[:1] not in (["list"], ["stats"]):
        refuse(f"no such command: {operands}")
    return "pid=421 minor=0 state=0 args=vhd:/x.vhd\n"


def _mount(host: Host, options: Options, operands: list[str]) -> str:
    return "proc on /proc type proc\n" if not operands else refuse(f"mounts {operands}")


PROGRAMS: Final = {
    "df": Program(_df, "hiPTlkt:x:"),
    "du": Program(_du, "xshakd:", "max-depth= inodes apparent-size"),
    "losetup": Program(_losetup, "lad:", "list all"),
    "lsblk": prints("sda\n", "o:"),
    "mount": Program(_mount, "t:"),
    "lvs": Program(_report, "ao:O:S:", "options= readonly noheadings units="),
    "vgs": Program(_report, "ao:O:S:", "options= readonly noheadings units="),
    "pvs": Program(_report, "ao:O:S:", "options= readonly noheadings units="),
    "lvextend": Program(_lvextend, "L:l:", "poolmetadatasize="),
    "dmsetup": prints("vg0-guests-tpool: 0 1024000000 thin-pool\n", "", "target="),
    "multipath": Program(_multipath, "lv:"),
    "multipathd": Program(_multipathd, "k:"),
    "iscsiadm": Program(_iscsiadm, "m:P:T:p:", "mode= login logout rescan print="),
    "tap-ctl": Program(_tap_ctl),
    "showmount": prints("Export list\n", "e", "exports"),
    "rpcinfo": prints("program 100003 ready and waiting\n", "tp"),
    "nfsstat": prints("Client rpc stats\n", "cm"),
    "lsof": prints("COMMAND PID\n", "p:nP"),
    "nbd-client": prints("", "d:c:"),
    "smartctl": prints("PASSED\n", "Ha"),
}
