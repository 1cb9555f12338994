"""A daemon on whose SYNTHETIC host so many VMs have a broken network, for a test to kill.

`python -m tests.daemon.killed NUMBER SETTINGS`, the latter as JSON: each of the VMs is an alert.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from xenwatch import log
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import LISTEN
from xenwatch.daemon.daemon import Daemon
from xenwatch.delivery import gate
from xenwatch.model.devices import Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.source import ModelSource
from xenwatch.sources.base import Choice

BRIEF = Shape("pv", 1, 16384, (), (Nic(),))


def machine(number: int) -> Machine:
    """A host with so many VMs, each without its network."""
    made = Machine(DEBIAN_12)
    for each in range(number):
        made.fail(made.start(b"vm-%d" % each, BRIEF), "vif", 0, "28 mapping shared-frames 8/521")
    return made


async def main(number: int, more: dict[str, Any]) -> int:
    """Serve until SIGTERM."""
    log.configure("info", "json")
    gate.INTERVAL = 0.0  # type: ignore[attr-defined]  # each VM is told of
    at_once = {"alerts.backend_errors.for": 0.0, "alerts.backend_errors.critical_for": 86400.0}
    settings = Settings({LISTEN.path: ("127.0.0.1:0",), **at_once, **more})
    daemon = Daemon(settings, lambda: settings, ModelSource(machine(number)))
    return await daemon.run(Choice("synthetic", "its VMs are broken"))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]), json.loads(sys.argv[2]))))
