"""Readings: tables of dom0's kernel, and nbd devices."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Entries of a table, and how many it can have; 0: it has no limit."""

    used: int
    max: int


@dataclass(frozen=True, slots=True)
class KernelTables:
    """Tables of dom0's kernel; what this kernel does not have is `None` or missing.

    `conntrack` are tracked connections, `neighbours` those of IPv4 and IPv6 by family, `keys` and
    `key_bytes` what root has of the kernel's key rings.
    """

    conntrack: Table | None
    neighbours: Mapping[str, Table]
    keys: Table | None
    key_bytes: Table | None


@dataclass(frozen=True, slots=True)
class Nbds:
    """nbd devices that are connected, and how many the module has made."""

    used: int
    max: int
