"""Keys of root in the kernel's key rings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit, Max
from xenwatch.readings.kernel_tables import Table
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Entries in use."""
    table = _table(snapshot)
    return {} if table is None else {"": table.used}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Entries there can be; none where the table has no limit."""
    table = _table(snapshot)
    return (
        {} if table is None or not table.max else {"": Max(table.max, "kernel.keys.root_maxkeys")}
    )


def _table(snapshot: Snapshot) -> Table | None:
    return None if snapshot.kernel_tables is None else snapshot.kernel_tables.keys


LIMIT: Final = Limit(
    name="kernel_keys",
    title="keys of root in the kernel's key rings",
    probe="kernel_tables",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/key-users: keys of user 0",
    symptom="Disk quota exceeded from NFS with Kerberos, ID mapping, logins and containers",
    reference="Linux, Documentation/security/keys/core.rst: root_maxkeys",
    errors={"`Disk quota exceeded` (EDQUOT) from keyctl, nfsidmap or a login": "keys of root"},
)
