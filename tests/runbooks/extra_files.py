"""Files of a dom0 that the synthetic host does not have, as xenwatch does not read them."""

from __future__ import annotations

from tests.runbooks.layouts import Layout
from xenwatch.model.platform import XAPI
from xenwatch.model.state import Dom0

_TASK_STATUS = "Name:\t{comm}\nState:\tS (sleeping)\nVmRSS:\t    4000 kB\nVmSwap:\t       0 kB\n"
_SLAB = "slabinfo - version: 2.1\ndentry 60000 60000 192 21 1 : tunables 0 0 0 : slabdata 1 1 0\n"
_KEYS = "0ae2a2a5 I--Q---     1 perm 1f3f0000     0 65534 keyring   _uid_ses.0: 1\n"
_CONNECTION = (
    "ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.10 dst=192.0.2.1 sport=40000 dport=443"
    " src=192.0.2.1 dst=192.0.2.10 sport=443 dport=40000 [ASSURED] mark=0 use=2\n"
)
_ZONE = (
    "Node 0, zone   Normal\n  pages free     1400000\n        min      11000\n"
    "        low      13000\n        high     16000\n        protection: (0, 0, 0, 0)\n"
)
_LOGS = {
    XAPI: (
        *("SMlog", "audit.log", "daemon.log", "kern.log", "messages", "secure", "xensource.log"),
        *("xenstored-access.log", "xcp-rrdd-plugins.log", "xen/hypervisor.log"),
    ),
    "xl": ("apt/history.log", "dpkg.log", "xen/xl-guest.log", "xen/xenstored.log"),
}


def extra_files(dom0: Dom0, layout: Layout) -> dict[str, str]:
    """Contents by path."""
    kernel = dom0.platform.kernel
    found = {f"/var/log/{name}": f"line of {name}\n" for name in _LOGS[layout.toolstack]}
    found |= {
        f"/proc/{process.pid}/status": _TASK_STATUS.format(comm=process.comm)
        for process in dom0.processes.values()
    }
    found |= {
        "/proc/slabinfo": _SLAB,
        "/proc/keys": _KEYS,
        "/proc/version": f"Linux version {dom0.platform.release}\n",
        "/proc/pagetypeinfo": "Page block order: 9\n",
        "/proc/sys/kernel/keys/root_maxbytes": "25000000\n",
        "/proc/sys/vm/swappiness": "60\n",
        "/proc/sys/vm/min_free_kbytes": "16384\n",
        "/proc/sys/vm/compact_memory": "",
        "/proc/sys/fs/file-max": f"{dom0.platform.memory_kib // 10}\n",
        "/etc/fstab": "LABEL=root / ext3 defaults 1 1\n",
        "/etc/hosts": "127.0.0.1 localhost\n",
    }
    for version in ("ipv4", "ipv6"):
        for number, value in ((1, 128), (2, 512)):
            found[f"/proc/sys/net/{version}/neigh/default/gc_thresh{number}"] = f"{value}\n"
    if kernel > (2, 6):
        found["/etc/sysctl.d/README"] = "Settings of the kernel\n"
        found["/etc/systemd/system/README"] = "Units\n"
    if dom0.platform.settings.get("/proc/sys/net/netfilter/nf_conntrack_max"):
        found["/proc/net/nf_conntrack"] = _CONNECTION
        found["/proc/sys/net/bridge/bridge-nf-call-iptables"] = "1\n"
        found["/proc/sys/net/bridge/bridge-nf-call-ip6tables"] = "1\n"
    if not dom0.platform.zones:
        found["/proc/zoneinfo"] = _ZONE
    return found
