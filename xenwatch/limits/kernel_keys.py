"""Keys of root in the kernel's key rings."""

from __future__ import annotations

from typing import Final

from xenwatch.limits.base import EARLY, Limit
from xenwatch.limits.kernel_tables import table_max, table_used

LIMIT: Final = Limit(
    name="kernel_keys",
    title="keys of root in the kernel's key rings",
    probe="kernel_tables",
    used=table_used(lambda tables: tables.keys),
    max=table_max(lambda tables: tables.keys, "kernel.keys.root_maxkeys"),
    thresholds=EARLY,
    source="/proc/key-users: keys of user 0",
    symptom="Disk quota exceeded from NFS with Kerberos, ID mapping, logins and containers",
    reference="Linux, Documentation/security/keys/core.rst: root_maxkeys",
    errors={"`Disk quota exceeded` (EDQUOT) from keyctl, nfsidmap or a login": "keys of root"},
)
