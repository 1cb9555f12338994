"""Memory of root in the kernel's key rings."""

from __future__ import annotations

from typing import Final

from xenwatch.limits.base import EARLY, Limit
from xenwatch.limits.kernel_tables import table_max, table_used

LIMIT: Final = Limit(
    name="kernel_key_memory",
    title="memory of root in the kernel's key rings",
    probe="kernel_tables",
    used=table_used(lambda tables: tables.key_bytes),
    max=table_max(lambda tables: tables.key_bytes, "kernel.keys.root_maxbytes"),
    thresholds=EARLY,
    source="/proc/key-users: bytes of user 0",
    symptom="Disk quota exceeded, as with too many keys",
    reference="Linux, Documentation/security/keys/core.rst: root_maxbytes",
    unit="bytes",
    errors={
        "Disk quota exceeded (EDQUOT) for a large key, such as a Kerberos ticket": (
            "memory of keys of root"
        )
    },
)
