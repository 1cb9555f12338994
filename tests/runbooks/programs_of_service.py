"""Programs that ask or change services of dom0: systemd, the clock, certificates."""

from __future__ import annotations

import re
from typing import Final

from tests.runbooks.host import Host, Options, Program, prints, refuse, words

_XAPI_UNITS: Final = words(
    "xapi xenopsd-xc xenstored xenconsoled forkexecd squeezed message-switch xcp-networkd"
    " xcp-rrdd xapi-domains varstored-guard stunnel@xapi openvswitch multipathd chronyd ntpd"
    " iscsid control.slice system.slice user.slice vm.slice xen-init-dom0 mpathalert sshd"
    " gencert xenopsd-xc xapi-nbd perfmon xcp-rrdd-iostat rsyslog crond"
)
"""Units of XCP-ng 8 (xapi.spec and xen.spec of xcp-ng-rpms), and of CentOS 7."""
_XL_UNITS: Final = words(
    "xen xendomains chrony chronyd systemd-timesyncd ssh multipathd iscsid "
    " openvswitch-switch system.slice user.slice networking prometheus-node-exporter "
    " lvm2-monitor dm-event"
)
"""Units of Debian with Xen: the tools are started by /etc/init.d/xen (xen-utils-common)."""
_OWN: Final = frozenset({"xenwatch"})
_VERBS: Final = words(
    "status show is-active is-enabled is-failed cat list-units list-timers start stop "
    " restart reload edit set-property daemon-reload enable disable reset-failed --failed"
)


def _systemctl(host: Host, options: Options, operands: list[str]) -> str:
    """A verb, and units that this host has."""
    verb, *units = operands or ["list-units"]
    if verb not in _VERBS:
        refuse(f"Unknown operation {verb}.")
    if verb == "set-property":
        units = units[:1]
    known = (_XAPI_UNITS if host.toolstack == "xapi" else _XL_UNITS) | _OWN
    for unit in units:
        if unit.removesuffix(".service") not in known and "*" not in unit:
            refuse(f"Unit {unit} could not be found.", 4)
    return "".join(f"{unit} active\n" for unit in units) or f"{verb}\n"


def _journalctl(host: Host, options: Options, operands: list[str]) -> str:
    """Options of systemd 219; what is logged is not known."""
    if operands:
        refuse(f"failed to add match: {operands}")
    if "-f" in options or "--follow" in options:
        refuse("does not end")
    return "-- Logs begin at Sat 2026-01-03 --\n"


def _service(host: Host, options: Options, operands: list[str]) -> str:
    if len(operands) != 2 or operands[1] not in {"status", "restart", "start", "stop", "reload"}:
        refuse(f"usage: service NAME COMMAND: {operands}")
    return f"{operands[0]} is running\n"


def _chronyc(host: Host, options: Options, operands: list[str]) -> str:
    """Source: chrony, chronyc(1)."""
    if operands[:1] not in (["tracking"], ["sources"], ["makestep"], ["sourcestats"], ["activity"]):
        refuse(f"unrecognized command: {operands}")
    return "Reference ID : C0000202\n"


def _toolstack_restart(host: Host, options: Options, operands: list[str]) -> str:
    return "done.\n" if not operands else refuse(f"takes no arguments: {operands}")


def _xen_cmdline(host: Host, options: Options, operands: list[str]) -> str:
    """Source: XenServer, the Administrator's Guide on the command line of Xen and dom0."""
    verb, *rest = operands or [""]
    if verb not in {"--get-xen", "--set-xen", "--get-dom0", "--set-dom0", "--delete-xen"}:
        refuse(f"unknown option: {verb!r}")
    if not rest or (verb.startswith("--set") and not all("=" in word for word in rest)):
        refuse(f"no option of the command line: {rest}")
    return "ok\n"


def _calldaemon(host: Host, options: Options, operands: list[str]) -> str:
    """Source: xha, commands of calldaemon."""
    return "<liveset>\n" if operands == ["query_liveset"] else refuse(f"unknown: {operands}")


def _curl(host: Host, options: Options, operands: list[str]) -> str:
    """A daemon of this host, or another."""
    if not operands or not all(re.match(r"https?://", operand) for operand in operands):
        refuse(f"no URL: {operands}")
    return "xenwatch_up 1\n"


def _openssl(host: Host, options: Options, operands: list[str]) -> str:
    """x509 of a file that is there."""
    if operands[:1] not in (["x509"], ["s_client"], ["version"]):
        refuse(f"unknown command: {operands}")
    if "-in" in operands and not host.path(operands[operands.index("-in") + 1]).exists():
        refuse("Can't open: No such file or directory")
    return "notAfter=Dec 31 23:59:59 2049 GMT\n"


_SYSTEMCTL: Final = "no-pager property= runtime failed all full type= state= now"
_JOURNALCTL: Final = (
    "no-pager unit= since= until= lines= dmesg boot priority= identifier= output= follow reverse"
)
PROGRAMS: Final = {
    "systemctl": Program(_systemctl, "p:lt:", _SYSTEMCTL),
    "journalctl": Program(_journalctl, "u:t:n:kbfrp:o:e", _JOURNALCTL),
    "service": Program(_service),
    "chronyc": Program(_chronyc, "nam"),
    "timedatectl": prints("NTP enabled: yes\n", "", "no-pager"),
    "ntpq": prints("remote refid\n", "pnc:"),
    "hwclock": prints("Sat\n", "r", "show"),
    "xe-toolstack-restart": Program(_toolstack_restart),
    "xen-cmdline": Program(_xen_cmdline),
    "calldaemon": Program(_calldaemon),
    "curl": Program(_curl, "sSfkm:o:", "max-time= fail silent"),
    "openssl": Program(_openssl),
    "ipmitool": prints("SEL\n", None),
    "kill": prints("", None),
    "rpm": prints("package\n", "qa"),
    "ssh": prints("", None),
}
