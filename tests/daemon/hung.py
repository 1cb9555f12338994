"""A daemon one of whose probes never comes back, nor what it closes, for tests to start and stop.

Further settings come as JSON in the first argument. SIGUSR1 has the event loop hang too; a thread
then tells systemd of each tenth of a second that passes for the process.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
import time
from typing import Any

from xenwatch import log
from xenwatch.config import state_file
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import LISTEN
from xenwatch.daemon.daemon import Daemon
from xenwatch.daemon.sd_notify import notify
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe, stateless
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Choice, Source
from xenwatch.sources.host import HostSource


def hang(_source: Source, _context: Snapshot) -> Irqs:
    """Read what never answers."""
    threading.Event().wait()
    return Irqs(1)


class HungSource(HostSource):
    """This machine, which does not take its descriptors back."""

    def close(self) -> None:
        """Never come back."""
        threading.Event().wait()


class HungTool:
    """HostSetup that cannot be removed."""

    def set_up(self) -> None:
        """Do nothing."""

    def remove(self) -> None:
        """Never come back."""
        threading.Event().wait()


def hang_writing(path: str, text: str, mode: int = 0) -> None:
    """Write to a disk that never answers."""
    del path, text
    threading.Event().wait()


def hang_loop() -> None:
    """Never return to the event loop, and have a thread say that the process lives."""
    threading.Thread(target=tick, daemon=True).start()
    threading.Event().wait()


def tick() -> None:
    """Say so every tenth of a second."""
    while True:
        time.sleep(0.1)
        notify("STATUS=a tenth of a second")


async def main(more: dict[str, Any]) -> int:
    """Serve this machine, its interrupts hanging, at a port of the kernel's choice."""
    state_file.replace = hang_writing
    probes = [
        Probe("irqs", "a file that hangs", "wait", stateless(hang))
        if probe.name == "irqs"
        else probe
        for probe in PROBES
    ]
    settings = Settings(
        {
            LISTEN.path: ("127.0.0.1:0",),
            "probes.irqs.deadline": 0.2,
            "probes.irqs.interval": 0.5,
            "probes.aio.interval": 0.5,  # each run of it updates the page
            **more,
        }
    )
    log.configure("info", "json")
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, hang_loop)
    daemon = Daemon(
        settings, lambda: settings, HungSource(), probes=probes, tools={"irqs": HungTool()}
    )
    return await daemon.run(Choice("host", "it hangs"))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(json.loads(sys.argv[1]) if sys.argv[1:] else {})))
