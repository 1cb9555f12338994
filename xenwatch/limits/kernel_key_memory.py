"""Memory of root in the kernel's key rings."""

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
        {} if table is None or not table.max else {"": Max(table.max, "kernel.keys.root_maxbytes")}
    )


def _table(snapshot: Snapshot) -> Table | None:
    return None if snapshot.kernel_tables is None else snapshot.kernel_tables.key_bytes


LIMIT: Final = Limit(
    name="kernel_key_memory",
    title="memory of root in the kernel's key rings",
    probe="kernel_tables",
    used=used,
    max=maximum,
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
