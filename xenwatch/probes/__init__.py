"""The probes, in the order of one pass.

`host` runs first, `host_memory` before `domains`, whose answer is checked against it, and `domains`
before the probes that need the list of domains.
"""

from __future__ import annotations

from typing import Final

from xenwatch.probes.base import Probe
from xenwatch.probes.certificates import CERTIFICATES
from xenwatch.probes.clock import CLOCK
from xenwatch.probes.control_path import CONTROL_PATH
from xenwatch.probes.datapath import DATAPATH
from xenwatch.probes.devices import BACKENDS
from xenwatch.probes.disks import DISKS
from xenwatch.probes.dom0_cpus import DOM0_CPUS
from xenwatch.probes.domains import DOMAINS
from xenwatch.probes.event_channels import DRIVER_DOMAINS, EVENT_CHANNELS
from xenwatch.probes.grants import GRANTS, MAPTRACK
from xenwatch.probes.guest_storage import STORAGE_REPOSITORIES, THIN_POOLS, VOLUME_GROUPS
from xenwatch.probes.ha import HA
from xenwatch.probes.host import HOST
from xenwatch.probes.host_memory import HOST_MEMORY
from xenwatch.probes.kernel import BRIDGES, IRQS
from xenwatch.probes.kernel_tables import KERNEL_TABLES, NBDS
from xenwatch.probes.log_messages import KERNEL_LOG, XEN_CONSOLE
from xenwatch.probes.memory import MEMORY
from xenwatch.probes.memory_pressure import MEMORY_PRESSURE
from xenwatch.probes.netback_rings import NETBACK_RINGS
from xenwatch.probes.open_files import OPEN_FILES
from xenwatch.probes.openvswitch import OPENVSWITCH
from xenwatch.probes.process_fds import DAEMON_FDS, QEMU_FDS
from xenwatch.probes.processes import DAEMONS, PIDS, PTYS
from xenwatch.probes.qemu import QEMUS
from xenwatch.probes.qemu_causes import QEMU_WAKEUPS_BY_CAUSE
from xenwatch.probes.reboot_pending import REBOOT_PENDING
from xenwatch.probes.scheduling import SCHEDULING
from xenwatch.probes.slices import SLICES
from xenwatch.probes.storage import AIO, BLKTAP, FILE_SYSTEMS, LOOPS
from xenwatch.probes.storage_paths import ISCSI_SESSIONS, MULTIPATH, NFS_REPOSITORIES
from xenwatch.probes.uplinks import UPLINKS
from xenwatch.probes.vm_processes import VM_PROCESSES
from xenwatch.probes.vm_starts import VM_STARTS
from xenwatch.probes.xenstore import XENSTORE
from xenwatch.probes.xenstore_devices import XENSTORE_DEVICES
from xenwatch.probes.xenstore_quotas import XENSTORE_QUOTAS

PROBES: Final[tuple[Probe, ...]] = (
    HOST,
    HOST_MEMORY,
    DOMAINS,
    XENSTORE,
    EVENT_CHANNELS,
    IRQS,
    GRANTS,
    MAPTRACK,
    BACKENDS,
    XENSTORE_DEVICES,
    DRIVER_DOMAINS,
    VM_STARTS,
    DAEMONS,
    DAEMON_FDS,
    XENSTORE_QUOTAS,
    BLKTAP,
    AIO,
    PTYS,
    MEMORY,
    MEMORY_PRESSURE,
    PIDS,
    OPEN_FILES,
    KERNEL_TABLES,
    NBDS,
    BRIDGES,
    OPENVSWITCH,
    UPLINKS,
    LOOPS,
    FILE_SYSTEMS,
    QEMUS,
    QEMU_FDS,
    QEMU_WAKEUPS_BY_CAUSE,
    SLICES,
    CONTROL_PATH,
    SCHEDULING,
    DOM0_CPUS,
    CLOCK,
    HA,
    DATAPATH,
    NETBACK_RINGS,
    DISKS,
    VM_PROCESSES,
    STORAGE_REPOSITORIES,
    THIN_POOLS,
    VOLUME_GROUPS,
    MULTIPATH,
    ISCSI_SESSIONS,
    NFS_REPOSITORIES,
    KERNEL_LOG,
    XEN_CONSOLE,
    CERTIFICATES,
    REBOOT_PENDING,
)
