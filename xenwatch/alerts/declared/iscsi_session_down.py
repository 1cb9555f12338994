"""An iSCSI session that is not logged in."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="iscsi_session_down",
    summary="iSCSI session {session} with {portal} is down",
    description="iSCSI session {session} with target {target} at {portal} has not been logged in "
    "for two minutes: the portal is down or out of reach. LUNs behind it have lost a path, or "
    "without multipath their only one.",
    first="xenwatch once --format prometheus | grep '^xenwatch_iscsi_session_up'",
    conditions={WARNING: SeriesCondition(Selector("xenwatch_iscsi_session_up"), "==", 0)},
    seconds=120,
    labels=("session", "target", "portal"),
    causes=("storage_path_lost",),
    probe="iscsi_sessions",
    errors={
        # Linux, drivers/scsi/libiscsi.c, drivers/scsi/scsi_transport_iscsi.c.
        "`detected conn error (N)`, `ping timeout of N secs expired`": (
            "no limit: the connection of an iSCSI session was lost"
        ),
        "`session recovery timed out after N secs`": (
            "an iSCSI session was not restored in time: its devices are offline now, and requests "
            "on them fail"
        ),
        # open-iscsi, usr/initiator_common.c and usr/initiator.c.
        "`Kernel reported iSCSI connection N:N error`": (
            "no limit: the connection of an iSCSI session was lost"
        ),
        # sm, libs/sm/core/XE_SR_ERRORCODES.xml: ISCSIDevice, ISCSILogin, ISCSITarget.
        "`SR_BACKEND_FAILURE_67`, `SR_BACKEND_FAILURE_68`, `SR_BACKEND_FAILURE_141`": (
            "an iSCSI target could not be reached (141) or logged in to (68), or its LUN did not "
            "appear (67): no limit, the target or the way to it"
        ),
    },
)
