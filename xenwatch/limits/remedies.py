"""Commands that several remedies share."""

from __future__ import annotations

from xenwatch.limits.regimes import regime
from xenwatch.readings.snapshot import Snapshot


def xen_option(snapshot: Snapshot, option: str) -> str:
    """How an option gets on Xen's command line here."""
    if regime(snapshot) == "xl":
        return (
            f"add {option} to GRUB_CMDLINE_XEN_DEFAULT in /etc/default/grub, run update-grub, "
            "then reboot the host"
        )
    return f"/opt/xensource/libexec/xen-cmdline --set-xen {option}, then reboot the host"


def sysctl(snapshot: Snapshot, key: str, value: int) -> tuple[str, ...]:
    """How a kernel parameter is set, now and over a reboot.

    The init scripts of CentOS 5, which XenServer 6 is made from, know no /etc/sysctl.d.
    """
    old = (regime(snapshot) or "").startswith("xenserver-6")
    file = "> /etc/sysctl.conf" if old else f" /etc/sysctl.d/99-{key}.conf"
    return (
        f"sysctl -w {key}={value}",
        f"echo '{key} = {value}' >{file}, to keep it over a reboot",
    )
