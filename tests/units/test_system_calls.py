"""The system calls that the drop-ins for 219 deny by name, against the groups of the units."""

from __future__ import annotations

import subprocess

from tests.tools import tool
from tests.units.files import FRONT, OLD, READER, SYSTEMD, settings

NEWER = """
open_tree move_mount fsopen fsconfig fsmount fspick pidfd_getfd mount_setattr quotactl_fd
set_mempolicy_home_node
"""
"""Later than Linux 4.19, the kernel of the hosts that have systemd 219."""
ELSEWHERE = """
bdflush break chown32 clock_adjtime64 clock_settime64 fchown32 ftime gtty idle lchown32 lock
mpx nice pciconfig_iobase pciconfig_read pciconfig_write prof profil rtas s390_pci_mmio_read
s390_pci_mmio_write s390_runtime_instr setfsuid32 setgroups32 setresuid32 setreuid32 setuid32
sgetmask ssetmask stime stty subpage_prot switch_endian sys_debug_setcontext ulimit umount
vm86 vm86old
"""
"""Of other machines than x86-64."""
READS_THE_CLOCK = {"adjtimex", "clock_adjtime"}


def denied(unit: str) -> set[str]:
    """The names that the drop-in denies."""
    found: set[str] = set()
    for line in settings(OLD[unit]):
        if line.name == "SystemCallFilter":
            assert not line.value or line.value.startswith("~")
            found |= set(line.value.removeprefix("~").split())
    return found


def in_group(name: str) -> set[str]:
    """The system calls of a group, those of the groups in it included."""
    analyze = [tool("systemd-analyze"), "syscall-filter", "--no-pager", name]
    done = subprocess.run(analyze, capture_output=True, text=True, check=True)
    words = [line.strip() for line in done.stdout.splitlines() if line.startswith(" ")]
    found = {word for word in words if word[0] not in "#@"}
    return found.union(*(in_group(word) for word in words if word[0] == "@"))


def in_groups(unit: str) -> set[str]:
    """What the unit denies by groups."""
    lines = [line for line in settings(SYSTEMD / unit) if line.name == "SystemCallFilter"]
    groups = [line.value.removeprefix("~") for line in lines if line.value.startswith("~")]
    return set().union(*(in_group(name) for line in groups for name in line.split()))


def test_219_denies_what_the_groups_deny() -> None:
    """By name it is every call of the groups that x86-64 has had until Linux 4.19, and no other."""
    groups = in_groups(FRONT)
    names = denied(FRONT)

    assert names - groups == set()
    assert groups - names <= set(f"{NEWER} {ELSEWHERE}".split())


def test_the_reader_may_ask_for_the_clock_and_nothing_more() -> None:
    """Its lists are the front's but for the calls that read whether the clock is right."""
    assert in_groups(READER) == in_groups(FRONT)
    assert denied(FRONT) - denied(READER) == READS_THE_CLOCK
    assert denied(READER) < denied(FRONT)
