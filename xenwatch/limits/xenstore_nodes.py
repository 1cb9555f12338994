"""Nodes of xenstore that a guest owns."""

from __future__ import annotations

from typing import Final

from xenwatch.limits.base import EARLY, Limit
from xenwatch.limits.xenstore_quotas import (
    DOM0,
    REFERENCE,
    SOURCE,
    quota_max,
    quota_used,
)

LIMIT: Final = Limit(
    name="xenstore_nodes",
    title="xenstore nodes of a guest",
    probe="xenstore_quotas",
    used=quota_used("nodes"),
    max=quota_max("nodes"),
    thresholds=EARLY,
    source=SOURCE,
    symptom="the guest cannot write to xenstore: devices and guest tools do not work",
    reference=REFERENCE,
    caveat=DOM0,
    label="domid",
    errors={
        # Xen, tools/ocaml/xenstored/quota.ml; process.ml: Limit_reached, Transaction_opened.
        # Linux, drivers/xen/xenbus/xenbus_xs.c: get_error names an error it does not know.
        "`xen store gave: unknown error EQUOTA`, `cannot create entry: quota reached`": (
            "the guest's quota of xenstore nodes in oxenstored; EQUOTA also its quota of watches "
            "(`quota-maxwatch`) or transactions (`quota-transaction`), which oxenstored does not "
            "tell"
        ),
        # Linux, drivers/net/xen-netfront.c and drivers/block/xen-blkfront.c: writing NODE.
        "`28 writing ...` in a guest": "the guest's quota of xenstore nodes, in the C xenstored",
    },
)
