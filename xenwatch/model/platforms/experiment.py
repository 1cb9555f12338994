"""The host of "Improving Scalability of Xen: the 3,000 domains experiment" (Xen summit, 2013)."""

from __future__ import annotations

import dataclasses
from typing import Final

from xenwatch.model.platform import (
    NULL,
    OXENSTORED_FDS,
    THREE_LEVEL_64,
    Daemon,
    Drivers,
)
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.parse.kernel_log import KernelLog

_MEMORY_KIB: Final = 4194304

EXPERIMENT: Final = dataclasses.replace(
    DEBIAN_12,
    name="xen-4.3-3-level",
    xen=(4, 3),
    xen_extra=".0",
    xen_command_line="dom0_mem=4G,max:4G dom0_max_vcpus=16",
    release="3.8.0-evtchn",
    version="#1 SMP Mon Apr 22 10:12:44 BST 2013",
    vcpus=16,
    memory_kib=_MEMORY_KIB,
    boot=KernelLog(fifo=None, nr_irqs=524544, complete=False),
    tools="/usr/lib/xen-4.3/bin",
    daemons=(
        Daemon(
            "xenstored",
            ("/usr/sbin/xenstored", "--pid-file", "/var/run/xenstored.pid"),
            "/var/run/xenstored.pid",
            (65536, 65536),
            OXENSTORED_FDS,
            4,
        ),
        Daemon(
            "xenconsoled",
            ("/usr/sbin/xenconsoled", "--pid-file=/var/run/xenconsoled.pid"),
            "/var/run/xenconsoled.pid",
            (65536, 65536),
            NULL,
            1,
        ),
    ),
    console_log=False,
    os_release={
        "PRETTY_NAME": "Debian GNU/Linux 7 (wheezy)",
        "ID": "debian",
        "VERSION_ID": "7",
    },
    settings={
        **DEBIAN_12.settings,
        "/proc/sys/kernel/threads-max": "62618",
    },
    meminfo={
        **{name: kib for name, kib in DEBIAN_12.meminfo.items() if name != "MemAvailable"},
        "MemTotal": 4040428,
        "MemFree": 3766840,
    },
    max_grant_frames=32,
    channels=THREE_LEVEL_64,
    drivers=Drivers(vif_channels=1, vif_threads=False, channel_kib=85, xl_stays=False),
)
"""Xen 4.3 with the 3-level event channels that were never merged, and a dom0 of 16 vCPUs and 4 GB.

The talk has such a dom0 end at about 45,000 event channels, for want of memory.
"""
