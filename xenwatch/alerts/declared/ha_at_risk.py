"""High availability that cannot bear another fault, or is about to fence this host."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import CRITICAL, WARNING

_WARNING: Final = "xenwatch_ha_warning"

ALERT: Final = Alert(
    name="ha_at_risk",
    summary="High availability at risk: {warning}",
    description="xhad on this host has warned of {warning} for a minute. With statefile_lost, the "
    "hosts of the pool stay up only while they all see each other on the network: after one more "
    "fault they fence themselves, which resets every host with its VMs. With the others, this host "
    "fences itself if it gets worse; network_bonding_error means less redundancy for heartbeats.",
    first="xenwatch once --format prometheus | grep '^xenwatch_ha_'",
    conditions={
        WARNING: SeriesCondition(Selector(_WARNING), ">", 0),
        CRITICAL: SeriesCondition(Selector(_WARNING, {"warning": ("statefile_lost",)}), ">", 0),
    },
    seconds=60,
    labels=("warning",),
    probe="ha",
    errors={
        # xen-api, xapi-consts/api_messages.ml.
        "`HA_STATEFILE_LOST`, `HA_STATEFILE_APPROACHING_TIMEOUT`": (
            "xhad loses the state file of high availability, or reaches it too late"
        ),
        "`HA_HEARTBEAT_APPROACHING_TIMEOUT`, `HA_NETWORK_BONDING_ERROR`": (
            "heartbeats of high availability come late, or their bond has failed"
        ),
        "`HA_XAPI_HEALTHCHECK_APPROACHING_TIMEOUT`": (
            "xapi answers xhad late; without an answer xhad restarts it, and then fences the host"
        ),
    },
)
