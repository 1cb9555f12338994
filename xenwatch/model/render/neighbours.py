"""`/proc/net/stat/arp_cache` and `ndisc_cache` (net/core/neighbour.c, neigh_stat_seq_show)."""

from __future__ import annotations

from typing import Final

_COLUMNS: Final = (
    *("entries", "allocs", "destroys", "hash_grows", "lookups", "hits", "res_failed"),
    *("rcv_probes_mcast", "rcv_probes_ucast", "periodic_gc_runs", "forced_gc_runs"),
    *("unresolved_discards", "table_fulls"),
)


def render_neighbours(entries: int, cpus: int) -> bytes:
    """The file with so many entries: a line for each CPU, whose own counters are 0."""
    line = " ".join(f"{number:08x}" for number in (entries, *[0] * (len(_COLUMNS) - 1)))
    return (" ".join(_COLUMNS) + "\n" + f"{line}\n" * cpus).encode("ascii")
