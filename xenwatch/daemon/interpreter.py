"""What Python itself does beside the event loop: how soon threads give way, and its collector."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Final

from xenwatch.clock import Clock

SWITCH: Final = 0.0002
"""Seconds after which a thread that computes gives way to the event loop; Python's own are 0.005.

The loop waits that long after every wakeup beside a thread that computes
(`sys.setswitchinterval`)."""
YOUNG: Final = 100_000
"""Objects more than before after which the youngest are looked through; Python's own are 700.

A pass of a host with 1,000 VMs makes tens of thousands, which replace as many of the one before.
"""
RARELY: Final = 1_000_000
"""Collections of younger objects before one of all, so that it is left to `EVERY`.

Python looks through all objects whenever they have become a quarter more, which with hundreds of
VMs is several times a minute, stops every thread, and finds nothing: readings have no cycles.
"""
EVERY: Final = 3600.0
"""Seconds between two collections of all objects, for cycles that errors leave behind."""


async def tune(started: asyncio.Event, clock: Clock) -> None:
    """Keep the pauses of the event loop short, until cancelled.

    What is there once the daemon has `started` stays, so the collector looks at it no more.
    """
    sys.setswitchinterval(SWITCH)
    gc.set_threshold(YOUNG, gc.get_threshold()[1], RARELY)
    await started.wait()
    gc.collect()
    gc.freeze()
    while True:
        await clock.sleep(EVERY)
        gc.collect()
