"""Commands shared by several remedies."""

from __future__ import annotations

from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import release


def xen_option(snapshot: Snapshot, option: str) -> str:
    """The command that sets an option on Xen's command line on this host."""
    return release(snapshot).facts.xen_option.format(option=option)


def sysctl(snapshot: Snapshot, key: str, value: int) -> tuple[str, ...]:
    """The commands that set a kernel parameter, now and persistently."""
    old = release(snapshot).facts.centos_5
    file = ">> /etc/sysctl.conf" if old else f"> /etc/sysctl.d/99-{key}.conf"
    return (
        f"sysctl -w {key}={value}",
        f"echo '{key} = {value}' {file}  # to make it persistent",
    )
