"""Watches a guest has in xenstore."""

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
    name="xenstore_watches",
    title="xenstore watches of a guest",
    probe="xenstore_quotas",
    used=quota_used("watches"),
    max=quota_max("watches"),
    thresholds=EARLY,
    source=SOURCE,
    symptom="the guest cannot set another watch: devices fail to connect, vchan connections fail",
    reference=REFERENCE,
    caveat=ONLY_C,
    label="domid",
    errors={
        # Xen, tools/xenstored/watch.c: E2BIG until Xen 4.21, ENOSPC since; core.c: E2BIG for a
        # reply of more than 4,096 bytes. Linux, drivers/xen/xenbus/xenbus_xs.c: get_error.
        "`xen store gave: unknown error E2BIG` in a guest or in dom0": (
            "that domain's quota of xenstore watches (C xenstored until Xen 4.21), or a value or a "
            "reply that is too long; not memory, and not an event channel"
        ),
        # Linux, drivers/xen/xenbus/xenbus_client.c: xenbus_watch_path; E2BIG is EINVAL there.
        "`22 adding watch on NAME`, `28 adding watch on NAME`": (
            "the guest's quota of xenstore watches (28 from Xen 4.22 on)"
        ),
        # Xen, tools/libs/vchan/init.c: xs_watch failed.
        "`Cannot setup watch on NAME`, "
        "`libvchan_client_init_async_finish: Argument list too long`": (
            "the quota of xenstore watches of the domain that connects a vchan, often in Qubes; a "
            "count that never falls is a leak of the program that prints this"
        ),
    },
)
