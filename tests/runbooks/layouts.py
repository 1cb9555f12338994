"""The hosts the runbooks are tried on: what root finds there.

Paths, processes, file systems and guests are those of the synthetic host of that name. What is
said here is the userland: CentOS 5 in XenServer 6.2, CentOS 7 in XenServer 7 and 8 and in XCP-ng,
and Debian's own. Of the releases of CentOS 7 the oldest counts, 7.2 of XenServer 7.1, with iproute2
3.10 and systemd 219: a runbook is for all of them. Where programs are: xen.spec of xcp-ng-rpms/xen
(lsevtchn in libexecdir/xen/bin), Makefile of xen-api (xe in /usr/bin).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.runbooks.host import words
from xenwatch.model.platform import XAPI, XL

TEXT: Final = words(
    "awk basename cat cut date dirname echo egrep env expr fgrep find grep head ls mktemp"
    " nproc printf readlink sed seq sh sleep sort stat tail tee test timeout tr true uniq"
    " wc xargs"
)
"""Programs that are run as they are here: they read what they are given."""
_XAPI_ONLY: Final = frozenset({"xe", "xe-toolstack-restart", "tap-ctl", "ovs-vsctl", "ovs-appctl"})
_SYSTEMD: Final = frozenset({"systemctl", "journalctl", "timedatectl"})
_CENTOS_5: Final = _SYSTEMD | {
    "bridge",  # iproute2 3.5
    "chronyc",  # ntpd keeps the clock
    "nproc",  # coreutils 8.1
    "prlimit",  # util-linux 2.21
    "timeout",  # coreutils 7.0
    "xenstore-control",  # in Xen 4.1, but nobody has said that it is in the package
    "xen-diag",  # Xen 4.10
}
_CENTOS_5_OPTIONS: Final = {
    r"\bsort (?:-\w+ )*-\w*h": "sort -h is of coreutils 7.5",
    r"\bdf\b[^|]* --output": "df --output is of coreutils 8.21",
    r"\bdu\b[^|]* --inodes": "du --inodes is of coreutils 8.22",
    r"\bdmesg\b[^|]* -\w*[TH]": "dmesg -T is of util-linux 2.20",
    r"\blosetup (?:-l|--list)": "losetup -l is of util-linux 2.23",
    r"\bsed\b[^|]* -\w*E": "sed -E is of sed 4.2",
    r"\bvgs\b[^|]* --readonly": "--readonly is of LVM 2.02.98",
    r"\blvs\b[^|]* --readonly": "--readonly is of LVM 2.02.98",
    r"\bgrep\b[^|]* -\w*P": "grep -P is not built in",
}
_CENTOS_7_OPTIONS: Final = {
    r"\bss\b[^|]* -\w*H": "ss -H is of iproute2 4.10",
    r"\bip (?:-\w+ )*-(?:j|json)\b": "ip -j is of iproute2 4.13",
    r"\bip (?:-\w+ )*-(?:br|brief)\b": "ip -br is of iproute2 4.2",
    r"\bbridge (?:-\w+ )*-(?:j|json)\b": "bridge -j is of iproute2 4.13",
    r"\bjournalctl\b[^|]* (?:--grep|-g)\b": "journalctl --grep is of systemd 237",
    r"\bsystemctl\b[^|]* --value\b": "systemctl show --value is of systemd 230",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """A host by the name of its synthetic one.

    `lacks` are programs that others have, `options` what its programs do not know, by regular
    expression, with the reason. `has_run` is whether there is a /run beside /var/run.
    `special` is the synthetic host of one on which only blocks are run that name it.
    """

    name: str
    toolstack: str
    lacks: frozenset[str]
    options: Mapping[str, str]
    has_run: bool = True
    special: str = ""

    @property
    def preset(self) -> str:
        """The synthetic host."""
        return self.special or self.name


C_XENSTORED: Final = "c-xenstored"
"""The host whose xenstored is the one written in C."""
_DEBIAN_LACKS: Final = _XAPI_ONLY | {"brctl", "service", "ifconfig"}
LAYOUTS: Final = (
    Layout("xcp-ng-8.3", XAPI, frozenset(), _CENTOS_7_OPTIONS),
    Layout("xcp-ng-8.2", XAPI, frozenset(), _CENTOS_7_OPTIONS),
    Layout("xenserver-8", XAPI, frozenset(), _CENTOS_7_OPTIONS),
    # ntpd keeps the clock; Xen is 4.7, and xen-diag of 4.10.
    Layout("xenserver-7.1", XAPI, frozenset({"chronyc", "xen-diag"}), _CENTOS_7_OPTIONS),
    Layout("xenserver-6.2", XAPI, _CENTOS_5, _CENTOS_7_OPTIONS | _CENTOS_5_OPTIONS, has_run=False),
    Layout("debian-12", XL, _DEBIAN_LACKS, {}),
    Layout("debian-13", XL, _DEBIAN_LACKS, {}),
    # XENSTORED in /etc/default/xen names the C xenstored, and Xen is new enough for its quotas.
    Layout(C_XENSTORED, XL, _DEBIAN_LACKS, {}, special="debian-13"),
)
BY_NAME: Final[Mapping[str, Layout]] = {layout.name: layout for layout in LAYOUTS}
