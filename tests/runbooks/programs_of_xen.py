"""Programs of Xen: lsevtchn, xl, those of xenstore, xen-diag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from getopt import GetoptError, gnu_getopt
from typing import Final

from tests.runbooks.host import Guest, Host, Options, Program, fail, prints, refuse, words


@dataclass(frozen=True, slots=True)
class Verb:
    """A command of xl: its options as for getopt(3), least and most operands, the first Xen.

    `domains` are the places of operands that name a domain.
    """

    short: str = ""
    long: str = ""
    least: int = 0
    most: int = 0
    domains: tuple[int, ...] = ()
    since: tuple[int, int] = (4, 1)
    dom0: bool = True


XL: Final[Mapping[str, Verb]] = {
    "list": Verb("lvZcn", "long verbose context cpupool numa", 0, 1, (0,)),
    "vm-list": Verb(),
    "info": Verb("n", "numa"),
    "dmesg": Verb(),
    "uptime": Verb("s", "", 0, 1, (0,)),
    "claims": Verb(since=(4, 3)),
    "domid": Verb("", "", 1, 1, (0,)),
    "domname": Verb("", "", 1, 1, (0,)),
    "vcpu-list": Verb("", "", 0, 9, (0,)),
    "network-list": Verb("", "", 1, 9, (0,)),
    "block-list": Verb("", "", 1, 9, (0,)),
    "debug-keys": Verb("", "", 1, 1),
    "sched-credit": Verb("d:w:c:sp:", "domain= weight= cap= schedparam cpupool="),
    "sched-credit2": Verb("d:w:c:sp:", "domain= weight= cap= schedparam cpupool=", since=(4, 2)),
    "mem-set": Verb("", "", 2, 2, (0,)),
    "mem-max": Verb("", "", 2, 2, (0,)),
    "vcpu-pin": Verb("f", "force ignore-global-affinity-masks", 3, 4, (0,)),
    "create": Verb("pcdeqVAhf:n", "defconfig= dryrun vncviewer quiet", 1, 9),
    "vcpu-set": Verb("i", "ignore-host", 2, 2, (0,)),
    "shutdown": Verb("aFw", "all wait", 1, 1, (0,), dom0=False),
    "reboot": Verb("aFw", "all wait", 1, 1, (0,), dom0=False),
    "destroy": Verb("", "", 1, 1, (0,), dom0=False),
    "migrate": Verb("C:s:epD", "debug", 2, 2, (0,), dom0=False),
    "network-detach": Verb("", "", 2, 2, (0,), dom0=False),
    "block-detach": Verb("f", "force", 2, 2, (0,), dom0=False),
    "set-parameters": Verb("", "", 1, 1, since=(4, 12)),
    "xenstore-quota-set": Verb("g", "", 1, 9, (0,), (4, 22)),
}
"""Of xen, tools/xl/xl_cmdtable.c and the functions named there; only what runbooks may use."""
_MEMORY: Final = re.compile(r"(\d+)([bkmgt]?)", re.IGNORECASE)
_MIB: Final = {"b": 2**-20, "k": 2**-10, "": 1, "m": 1, "g": 2**10, "t": 2**20}
"""MiB of a unit of memory, as xl takes it (xl_parse.c, parse_mem_size_kb)."""
_LEAST_MIB: Final = 128
"""What a runbook leaves a guest at least: with less Linux does not run."""
_QUOTAS: Final = frozenset({"nodes", "watches", "transactions", "outstanding", "memory"})


def _xl(host: Host, options: Options, operands: list[str]) -> str:
    """A command may be cut short where no other begins so (cmdtable_lookup)."""
    name, *rest = operands or [""]
    verb = XL.get(name)
    if verb is None:
        refuse(f"command not implemented: {name!r}", 2)
    if host.xen < verb.since:
        refuse(f"command not implemented before Xen {verb.since}: {name!r}", 2)
    try:
        given, left = gnu_getopt(rest, verb.short, verb.long.split())
    except GetoptError as error:
        refuse(f"{name}: {error}", 2)
    if not verb.least <= len(left) <= verb.most:
        refuse(f"{name}: '{' '.join(left)}': {verb.least} to {verb.most} operands", 2)
    asked = [left[place] for place in verb.domains if place < len(left)]
    asked += [value for key, value in given if key in {"-d", "--domain"}]
    guests = [host.guest(each) for each in asked]
    if not verb.dom0 and any(guest.domid == 0 for guest in guests):
        refuse(f"{name}: not of domain 0")
    if name in {"mem-set", "mem-max"}:
        _check_memory(guests[0], left[1])
    _check_values(name, left)
    return _printed(host, name, guests)


def _check_memory(guest: Guest, size: str) -> None:
    """Raise `Refused` for what is no size, is too little for a guest, or less than dom0 has."""
    found = _MEMORY.fullmatch(size)
    if found is None:
        refuse(f"invalid memory size: {size}")
    mib = int(found[1]) * _MIB[found[2].lower()]
    if mib < (_LEAST_MIB if guest.domid else guest.memory_mib):
        refuse(f"{size} is too little memory for domain {guest.domid}")


def _check_values(name: str, operands: list[str]) -> None:
    """Raise `Refused` where the operands behind the domain are not of the form wanted."""
    if name == "vcpu-set" and not operands[1].isdecimal():
        refuse(f"{name}: invalid number of vCPUs: {operands[1]}")
    if name == "xenstore-quota-set":
        for setting in operands[1:] or [""]:
            quota, _, value = setting.partition("=")
            if quota not in _QUOTAS or not value.isdecimal():
                refuse(f"{name}: {setting!r}")


def _printed(host: Host, name: str, guests: list[Guest]) -> str:
    if name == "dmesg":
        return host.texts["xl dmesg"]
    if name == "info":
        major, minor = host.xen
        return (
            f"xen_major : {major}\nxen_minor : {minor}\ntotal_memory : 16384\nfree_memory : 4096\n"
            "xen_commandline : dom0_mem=8192M\nnr_cpus : 8\nsharing_freed_memory : 0\n"
        )
    if name == "list":
        rows = guests or host.guests
        return "Name ID Mem VCPUs State Time(s)\n" + "".join(
            f"{guest.name} {guest.domid} {guest.memory_mib} {guest.vcpus} {guest.state} 10.0\n"
            for guest in host.guests
            if guest in rows
        )
    if name == "vm-list":
        return "UUID ID name\n" + "".join(
            f"{guest.uuid} {guest.domid} {guest.name}\n" for guest in host.guests if guest.domid
        )
    return f"{name}\n" if XL[name].since < (4, 22) else ""


def _lsevtchn(host: Host, options: Options, operands: list[str]) -> str:
    """Of one domain, by default 0 (tools/xcutils/lsevtchn.c)."""
    domid = operands[0] if operands else "0"
    return host.channels.get(domid) or fail("xc_evtchn_status: No such process")


def _xenstore_ls(host: Host, options: Options, operands: list[str]) -> str:
    """All below a path; a path that is not there is an error (tools/xenstore/xenstore_client.c)."""
    top = (operands or ["/"])[0].rstrip("/")
    if top and top not in host.store:
        fail("xs_directory (" + top + "): No such file or directory")
    below = {path: value for path, value in host.store.items() if path.startswith(f"{top}/")}
    if "-f" in options:
        return "".join(f'{path} = "{value}"\n' for path, value in below.items())
    return "".join(f'{path.rpartition("/")[2]} = "{value}"\n' for path, value in below.items())


def _xenstore_read(host: Host, options: Options, operands: list[str]) -> str:
    if not operands:
        refuse("key name is missing")
    for path in operands:
        if path not in host.store:
            fail(f"couldn't read path {path}")
    return "".join(f"{host.store[path]}\n" for path in operands)


def _xenstore_list(host: Host, options: Options, operands: list[str]) -> str:
    if not operands:
        refuse("key name is missing")
    top = operands[0].rstrip("/")
    if top not in host.store and top:
        fail(f"could not list path {top}")
    names = {
        path[len(top) + 1 :].partition("/")[0] for path in host.store if path.startswith(f"{top}/")
    }
    return "".join(f"{name}\n" for name in sorted(names))


def _xenstore_exists(host: Host, options: Options, operands: list[str]) -> str:
    return "" if set(operands) <= host.store.keys() else fail("no such node")


def _xenstore_rm(host: Host, options: Options, operands: list[str]) -> str:
    _xenstore_exists(host, options, operands)
    return "" if all(len(path.split("/")) > 4 for path in operands) else refuse("too much")


_CONTROL: Final = words("check help live-update log logfile memreport print quota quota-soft")


def _xenstore_control(host: Host, options: Options, operands: list[str]) -> str:
    """Both kinds of xenstored tell what a guest uses; quotas are told and set by the one in C.

    Sources: xen, tools/xenstored/control.c; tools/ocaml/xenstored/process.ml, do_debug.
    """
    name, *rest = operands or [""]
    if name not in _CONTROL:
        refuse(f"unknown command: {name!r}")
    setting = rest[:1] == ["set"]
    if setting and (len(rest) != 3 or rest[1] not in _QUOTAS or not rest[2].isdecimal()):
        refuse(f"quota set: {rest[1:]}")
    if rest and not setting:
        host.guest(rest[0])
    in_c = any(task.comm == "xenstored" for task in host.tasks)
    if name == "quota" and not in_c and (setting or not rest):
        fail("Command not supported")
    return "nodes : 42\n"


def _xen_diag(host: Host, options: Options, operands: list[str]) -> str:
    """Source: xen, tools/misc/xen-diag.c."""
    if operands[:1] not in (["gnttab_query_size"], ["help"]) or len(operands) > 2:
        refuse(f"unknown command: {operands}")
    if operands[1:]:
        host.guest(operands[1])
    return "domid=0: nr_frames=1, max_nr_frames=64\n"


def _xenpm(host: Host, options: Options, operands: list[str]) -> str:
    if operands[:1] and operands[0] not in {
        "get-cpuidle-states",
        "get-cpufreq-para",
        "get-cpufreq-states",
    }:
        refuse(f"unknown command: {operands}")
    return "cpu id : 0\n"


PROGRAMS: Final = {
    "xl": Program(_xl),
    "lsevtchn": Program(_lsevtchn),
    "xenstore-ls": Program(_xenstore_ls, "fps"),
    "xenstore-read": Program(_xenstore_read, "sp"),
    "xenstore-list": Program(_xenstore_list, "sp"),
    "xenstore-exists": Program(_xenstore_exists, ""),
    "xenstore-rm": Program(_xenstore_rm, "t"),
    "xenstore-control": Program(_xenstore_control),
    "xen-diag": Program(_xen_diag),
    "xenpm": Program(_xenpm),
    "xentop": prints("xentop\n", "bd:i:fnv", "batch delay= iterations="),
}
