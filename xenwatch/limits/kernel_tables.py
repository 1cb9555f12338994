"""Tables of dom0's kernel: what the limits of connections and of root's keys share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xenwatch.limits.base import Max, Maxima, Used
from xenwatch.readings.kernel_tables import KernelTables, Table
from xenwatch.readings.snapshot import Snapshot

Choice = Callable[[KernelTables], Table | None]
"""Which of the tables; `None` where this kernel does not have it."""


def table_used(choice: Choice) -> Used:
    """Entries in use of a table."""

    def used(snapshot: Snapshot) -> Mapping[str, int]:
        table = _table(snapshot, choice)
        return {} if table is None else {"": table.used}

    return used


def table_max(choice: Choice, origin: str) -> Maxima:
    """Entries a table can have; none where it has no limit."""

    def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
        table = _table(snapshot, choice)
        return {"": Max(table.max, origin)} if table is not None and table.max else {}

    return maximum


def _table(snapshot: Snapshot, choice: Choice) -> Table | None:
    return None if snapshot.kernel_tables is None else choice(snapshot.kernel_tables)
