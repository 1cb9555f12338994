"""Transactions a guest has open in xenstore."""

from __future__ import annotations

from typing import Final

from xenwatch.limits.base import LATE, Limit
from xenwatch.limits.xenstore_quotas import (
    ONLY_C,
    REFERENCE,
    SOURCE,
    quota_max,
    quota_used,
)

LIMIT: Final = Limit(
    name="xenstore_transactions",
    title="open xenstore transactions of a guest",
    probe="xenstore_quotas",
    used=quota_used("transactions"),
    max=quota_max("transactions"),
    thresholds=LATE,
    source=SOURCE,
    symptom="the guest cannot start another transaction: devices fail to connect",
    reference=REFERENCE,
    caveat=ONLY_C,
    label="domid",
    errors={
        # Linux, drivers/net/xen-netfront.c and others: xenbus_transaction_start failed.
        "`28 starting transaction` in a guest": "the guest's quota of open xenstore transactions",
    },
)
