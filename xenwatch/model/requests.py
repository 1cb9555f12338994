"""Reads of the guests' disks, as their backends count them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from typing import Final

from xenwatch.model.datapath import USUAL
from xenwatch.model.state import Dom0
from xenwatch.model.steps import Requests

SECTORS: Final = 64
"""Of 512 bytes, in one read."""
HELD_BACK: Final = 10
"""One in so many requests of a busy VM finds the ring of its backend full."""
_DISK = re.compile(r"vbd3?-(\d+)-\d+\Z")


def run(dom0: Dom0, seconds: float, hungry: Collection[int], step: Requests) -> None:
    """Advance the disk counters: `hungry` domains read `step.each`, the others `step.others`."""
    if dom0.storage.hangs:
        return
    for bus_id in dom0.backends:
        disk = _DISK.match(bus_id)
        if disk is None:
            continue
        busy = int(disk[1]) in hungry
        reads = int((step.each if busy else step.others) * seconds)
        before = dom0.io.get(bus_id, USUAL)
        dom0.io[bus_id] = dataclasses.replace(
            before,
            read_reqs=before.read_reqs + reads,
            read_done=before.read_done + reads,
            read_sectors=before.read_sectors + reads * SECTORS,
            read_us=before.read_us + int(reads * step.wait_ms * 1000),
            read_max_us=max(before.read_max_us, int(step.wait_ms * 1000)),
            out_of_requests=before.out_of_requests + (reads // HELD_BACK if busy else 0),
        )
