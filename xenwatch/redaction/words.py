"""What is no name although it stands where names do: words of kernels, tools and file systems."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.errors.kinds import KINDS

SHORTEST: Final = 3
"""Characters of a name that is looked for in texts: shorter ones are parts of many words."""

_PLACES: Final = """
aio auto backend backup bin block boot by-id by-label by-partuuid by-path by-uuid cache data dev
devices disk disks efi etc export exports home image images iso lib lib32 lib64 libexec local log
lvm mapper media mnt mount mqueue nfs opt phy proc pts qemu raw root run sbin share shm sm snap
spool sr-mount srv storage sys system tap tap2 tmp tmpfs udev usr var vbd vdi vhd vm vms xapi xen
xenfs rpc_pipefs sunrpc binfmt_misc config cgroup cgroup2 debug tracing security pstore bpf fuse
connections credentials user lock swap none overlay hugepages kernel nonpersistent lost+found
rootfs type memory fs auto systemd swtpm snapshots thin pool domains sock images pools
"""
_PROGRAMS: Final = """
agetty bash chronyd cron crond dbus dbus-daemon dhclient getty init interface iscsid journald
kthreadd kworker libvirtd libxl login message-switch multipathd networkd ntpd ovs-vswitchd ovsdb-
server oxenstored perl python python3 qemu-dm qemu-system-i38 qemu-system-x86 rsyslogd sadc sh
snmpd squeezed ssh sshd stubdom stunnel swtpm systemd-journal systemd-logind systemd-udevd tapback
tapdisk udevd udevadm varstored varstored-guard vhd-tool vncterm xapi xcp-networkd xcp-rrdd xen-
init-dom0 xenbus xenconsoled xenopsd xenopsd-xc xenstored xenwatch xenwatchdogd xhad
"""
_OTHERS: Final = """
acpi address agent amd64 and apic arm64 atomic atop bond bonding bridge bus button class clock
code console control control.slice cpu cpus credit credit2 debian dell device disabled dom0 domain
domains domid down driver enabled error eth event failed file files fifo firmware for free from
full guest host hpet hvm hypervisor idle init.scope intel intr inet invalid irq kvm limit link
linux load loop machine machine.slice map mode module msi name net netback netfront network nmi
node normal not null page pci physical pid ports power print process pty pvh qdisk queue ram reset
sched scope server service slice socket start state stat stats status store stop swap system.slice
target task tasks thin-pool time timer total trace type usb user.slice value vbd vbd3 vcpu version
vif vkbd vlan vm.slice vnc warning watch with write x86 x86_64 xen_version xvda zone
"""
VOCABULARY: Final = frozenset(
    word.encode()
    for text in (_PLACES, _PROGRAMS, _OTHERS, *(kind.messages for kind in KINDS))
    for word in re.findall(r"[a-z0-9_.+-]+", text.lower())
)
"""Names that are one of these words are replaced only where nothing but a name can stand."""
PLACES: Final = frozenset(_PLACES.encode().split())
"""Parts of paths that tell nothing of whoever uses them."""

DEVICE: Final = re.compile(
    rb"(?:lo|ovs-system|(?:eth|em|ib|wlan|usb|tun|bond|team|dummy|docker|virbr|vlan|br|xenbr|xapi|pif"
    rb"|loop|ram|md|dm-|nbd|zd|sr|fd|td|tty|ttyS|hvc|nvme)[0-9]+(?:[.:np][0-9]+)*(?:-nic)?"
    rb"|(?:sd|xvd|hd|vd)[a-z]{1,3}[0-9]*|en[ops][0-9]+(?:[a-z]{1,2}[0-9]+)*(?:\.[0-9]+)?"
    rb"|p[0-9]+p[0-9]+(?:\.[0-9]+)?"
    rb"|(?:vif|tap|emu|vfb|vbd|vbd3|vkbd|qdisk|console)-?[0-9]+(?:[.-][0-9]+)*(?:-emu)?)\Z"
)
"""Names that kernels, Xen and toolstacks give to devices."""
VOLUME: Final = re.compile(
    rb"(?:root|swap|home|var|tmp|data|guests|pve|vg[0-9]?|lv[0-9]?|thin|vm-pool|root-pool|qubes_dom0"
    rb"|xcp-persistent-(?:database|ha-statefile|redo-log)|MGT|lvol[0-9]+|thinpool|pool[0-9]*)\Z"
)
"""Names of volumes and their groups that installers choose."""
FILE_END: Final = re.compile(
    rb"(.+?)((?:\.(?:img|raw|qcow2|qed|vhd|vhdx|vmdk|iso|cfg|conf|log|sock|socket|pid|mount|service"
    rb"|scope|slice|[0-9]{1,3}))+)\Z"
)
"""A file name and the end that says what it is."""
