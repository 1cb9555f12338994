"""Memory xenstored uses for a guest."""

from __future__ import annotations

from typing import Final

from xenwatch.limits.base import EARLY, Limit
from xenwatch.limits.xenstore_quotas import (
    ONLY_C,
    REFERENCE,
    SOURCE,
    quota_max,
    quota_used,
)

LIMIT: Final = Limit(
    name="xenstore_memory",
    title="memory of xenstored for a guest",
    probe="xenstore_quotas",
    used=quota_used("memory"),
    max=quota_max("memory"),
    thresholds=EARLY,
    source=SOURCE,
    symptom="xenstored stops answering the guest: its devices neither connect nor disconnect",
    reference=REFERENCE,
    caveat=ONLY_C,
    unit="bytes",
    label="domid",
    errors={
        # Xen, tools/xenstored/domain.c: domain_chk_quota.
        "`Domain N exceeds hard memory quota`, `Xenstore interface to domain stalled`": (
            "the guest's quota of xenstored's memory: it gets no more answers until it is below"
        ),
        "`Domain N exceeds soft memory quota`": "most of the guest's quota of xenstored's memory",
    },
)
