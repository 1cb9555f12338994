"""`dmsetup status --target thin-pool`, see `xenwatch.parse.thin_pools`."""

from __future__ import annotations

from collections.abc import Sequence

from xenwatch.parse.thin_pools import NONE, ThinPool


def render_thin_pools(pools: Sequence[ThinPool]) -> bytes:
    """The lines of these pools, where there are no other devices than theirs."""
    return b"".join(map(_line, pools)) or NONE + b"\n"


def _line(pool: ThinPool) -> bytes:
    name = f"{pool.name}: " if pool.name else ""
    status = pool.mode
    if pool.metadata is not None and pool.data is not None:
        metadata, data = (f"{blocks.used}/{blocks.total}" for blocks in (pool.metadata, pool.data))
        options = "discard_passdown queue_if_no_space - 1024 "
        status = f"1 {metadata} {data} - {pool.mode} {options}"
    return f"{name}0 {pool.sectors} thin-pool {status}\n".encode()
