"""A certificate of xapi that expires soon, or has expired."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import DURATION, Alert
from xenwatch.alerts.conditions import DaysLeftCondition, OwnThreshold, Selector
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.limits.base import Thresholds
from xenwatch.probes.certificates import XAPI_POOL

_NAME: Final = "certificate_expiring"
_ENDS: Final = "xenwatch_certificate_not_after_timestamp_seconds"

ALERT: Final = Alert(
    name=_NAME,
    summary="Certificate {certificate} expires soon or has expired: {value} left",
    description="The certificate {certificate} in {path} has {value} of its validity left; if that "
    "is negative, it has expired. Clients that verify it reject xapi from then on; with xapi-pool, "
    "the hosts of the pool reject each other.",
    # Without the pool's certificate hosts lose each other; the other is often verified by nobody.
    first="xenwatch once --format prometheus | grep '^xenwatch_certificate_'",
    conditions={
        WARNING: DaysLeftCondition(Selector(_ENDS), OwnThreshold(_NAME, WARNING)),
        CRITICAL: DaysLeftCondition(
            Selector(_ENDS, {"certificate": (XAPI_POOL,)}), OwnThreshold(_NAME, CRITICAL)
        ),
    },
    seconds=0,
    labels=("certificate", "path"),
    shown=DURATION,
    probe="certificates",
    # xapi's own messages come 30, 14 and 7 days before (ocaml/alerts/certificate).
    thresholds=Thresholds(30.0, 7.0),
    unit="days",
    errors={
        # xen-api, ocaml/xapi-consts/api_messages.ml.
        "`HOST_SERVER_CERTIFICATE_EXPIRED`, `HOST_SERVER_CERTIFICATE_EXPIRING_30`, "
        "`HOST_SERVER_CERTIFICATE_EXPIRING_14`, `HOST_SERVER_CERTIFICATE_EXPIRING_07`": (
            "no limit: the certificate that xapi serves to its clients expires or has expired"
        ),
        "`HOST_INTERNAL_CERTIFICATE_EXPIRED`, `HOST_INTERNAL_CERTIFICATE_EXPIRING_30`, "
        "`HOST_INTERNAL_CERTIFICATE_EXPIRING_14`, `HOST_INTERNAL_CERTIFICATE_EXPIRING_07`": (
            "no limit: the certificate that xapi serves to the pool expires or has expired"
        ),
        # xen-api, ocaml/xapi-consts/api_errors.ml; ocaml/libs/stunnel/stunnel_log_scanner.ml.
        "`SSL_VERIFY_ERROR`, `Stunnel_verify_error`, `SSL routines::certificate verify failed`": (
            "no limit: the other side's certificate was rejected: it has expired, or it was "
            "replaced and not distributed in the pool"
        ),
        "`certificate has expired`": (
            "no limit: the certificate of the other side has expired, or a clock is wrong"
        ),
    },
)
