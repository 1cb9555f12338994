"""A xapi that does not answer, or does not run."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds
from xenwatch.readings.control_path import UNRESPONSIVE

_NAME: Final = "xapi_unresponsive"
_FAILED: Final = Selector("xenwatch_control_path_failed_ratio", {"target": ("xapi",)})

ALERT: Final = Alert(
    name=_NAME,
    summary="xapi does not answer: {value} of the last requests failed",
    description="{value} of the last requests to xapi on this host failed or timed out, for two "
    "minutes now. VMs run on, but the host cannot be managed: xe, Xen Orchestra and XenCenter lose "
    "it, and with high availability the host may be fenced.",
    first="xenwatch doctor",
    conditions={
        severity: SeriesCondition(_FAILED, ">=", OwnThreshold(_NAME, severity))
        for severity in SEVERITIES
    },
    seconds=120,
    labels=("target",),
    shown=PERCENT,
    probe="control_path",
    sparse=False,
    thresholds=Thresholds(None, UNRESPONSIVE),
    errors={
        # xen-api, ocaml/xe-cli/newcli.ml: main.
        "`Connection refused (calling connect`, `Unable to contact server. Please check server and "
        "port settings.`, `Lost connection to the server.` from xe": (
            "xapi does not run, or has just been restarted"
        ),
        # xen-api, ocaml/idl/datamodel_errors.ml: cannot_contact_host.
        "`CANNOT_CONTACT_HOST`, `Cannot forward messages because the host cannot be contacted`": (
            "xapi of that host does not answer the pool's coordinator: it does not run, hangs, or "
            "the network between them is down"
        ),
    },
)
