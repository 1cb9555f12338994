"""File descriptors of the other daemons of the control path: xenopsd, Open vSwitch, stunnel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit, Max
from xenwatch.limits.file_descriptors import own_max
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.daemons import DAEMONS


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Descriptors in use by role of the daemon."""
    if snapshot.daemon_fds is None:
        return {}
    return {role: process.fds for role, process in snapshot.daemon_fds.by_role.items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Each daemon's own limit by role."""
    if snapshot.daemon_fds is None:
        return {}
    found = ((role, own_max(process)) for role, process in snapshot.daemon_fds.by_role.items())
    return {role: own for role, own in found if own is not None}


LIMIT: Final = Limit(
    name="daemon_fds",
    title="file descriptors of a daemon of the control path",
    probe="daemon_fds",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source=f"/proc/PID/fd and limits of {', '.join(DAEMONS)}",
    symptom="xenopsd: VMs do not start, stop or migrate; ovs-vswitchd: new interfaces have no "
    "network; stunnel: no new connection to xapi",
    reference="getrlimit(2): RLIMIT_NOFILE",
    caveat="xenstored, xenconsoled and xapi have limits of their own.",
    label="role",
    errors={
        "`xenopsd-xc: ... Unix.EMFILE`, `xenopsd internal error: ... Unix.EMFILE`, "
        "`squeezed: ... Unix.EMFILE`, `message-switch: ... Unix.EMFILE`, "
        "`varstored-guard: ... EMFILE`": "the descriptors of that daemon, nearly always a leak",
        # Open vSwitch, vswitchd/bridge.c: iface_do_create.
        "`could not add network device NAME to ofproto (Too many open files)`": (
            "descriptors of ovs-vswitchd: a socket for each port and handler thread on kernels "
            "before Linux 5.15"
        ),
    },
)
