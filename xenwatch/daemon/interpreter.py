"""What Python itself does beside the event loop: how soon threads give way, and its collector."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
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
MALLOC: Final = {-8: 1, -3: 1 << 17, -1: 1 << 17}
"""M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc's malloc (malloc.h, mallopt(3)).

Without them, what a thread has freed is kept for its next work, and once a page has been freed all
later ones are taken from memory that is shared with what stays.
"""


def give_back() -> None:
    """Have memory that is freed go back to the kernel; to be called before threads are started.

    The two thresholds are those that glibc starts with, which it raises to what has been freed. A
    libc without mallopt, as musl, has no arenas.
    """
    with contextlib.suppress(AttributeError):
        for parameter, value in MALLOC.items():
            ctypes.CDLL(None).mallopt(parameter, value)


async def tune(started: asyncio.Event, clock: Clock) -> None:
    """Keep the pauses of the event loop short, until cancelled.

    What is there once the daemon has `started` stays, so the collector looks at it no more; until
    then at nothing that was imported.
    """
    sys.setswitchinterval(SWITCH)
    gc.set_threshold(YOUNG, gc.get_threshold()[1], RARELY)
    gc.freeze()
    gc.enable()
    await started.wait()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    while True:
        await clock.sleep(EVERY)
        gc.collect()
