"""node_exporter in a dom0, as what the daemon is compared with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.tools import tool
from tests.xen.vm import Vm

UNIT: Final = "peer"
PORT: Final = 9100


@contextlib.contextmanager
def node_exporter(vm: Vm) -> Iterator[None]:
    """It runs in dom0 as the unit `UNIT`, with its defaults, and answers at `PORT`."""
    program = Path(tool("prometheus-node-exporter"))
    vm.put([program], "/root")
    listen = f"--web.listen-address=127.0.0.1:{PORT}"
    vm.run(f"systemd-run --unit={UNIT} --collect /root/{program.name} {listen}")
    try:
        yield
    finally:
        vm.run(f"systemctl stop {UNIT}")
