"""What is measured, row by row: the goal of each, and what 0.1 needed.

Those figures are of another machine with two CPUs, which other work kept busy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PROCESS_EXPORTER: Final = "process-exporter"
NODE_EXPORTER: Final = "node_exporter"
BARE: Final = "the same bytes from aiohttp"
CLIENT: Final = "prometheus_client"
PYROUTE2: Final = "pyroute2"
PYTHON: Final = "python -c pass"
MS: Final = "ms CPU"
US: Final = "us CPU"
CORE: Final = "% of a core"


@dataclass(frozen=True, slots=True)
class Goal:
    """At most `most` in the unit of the row, or that part of what the peer needs.

    One of nothing is met by what is less than the table shows of it.
    """

    most: float = 0.0
    of_peer: float = 0.0

    @property
    def text(self) -> str:
        """As the table shows it."""
        if self.of_peer >= 1:
            return f"<= {self.of_peer:g} x peer"
        if self.of_peer:
            return f"<= 1/{1 / self.of_peer:.0f} of peer"
        return f"<= {self.most:g}" if self.most else "0"

    def is_met(self, ours: float, theirs: float | None) -> bool:
        """Whether these medians meet it."""
        if self.of_peer:
            return theirs is not None and ours <= self.of_peer * theirs
        return ours <= self.most or round(ours, 2) == 0 == self.most


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of one row: its unit, what 0.1 needed, its goal and its peer, as far as there are any.

    `note` is shown in place of a peer.
    """

    unit: str
    before: str = ""
    goal: Goal | None = None
    peer: str = ""
    note: str = ""


def scrape(clients: int) -> str:
    """Name of the row of so many clients."""
    some = "1 client" if clients == 1 else f"{clients} clients"
    return f"scrape of 1,000 HVM VMs, {some}, 99th percentile"


def daemon(vms: int, state: str) -> str:
    """Name of the row of a daemon's CPU time."""
    return f"daemon, {vms:,} HVM VMs {state}, scraped every 10 s"


def memory(vms: int, state: str) -> str:
    """Name of the row of a daemon's memory."""
    return f"memory of the daemon, {vms:,} HVM VMs {state}"


def record_day(vms: int) -> str:
    """Name of the row of a day's record."""
    return f"record of a day, {vms:,} HVM VMs awake"


ASLEEP: Final = "asleep"
AWAKE: Final = "awake"
DAEMONS: Final = ((0, ASLEEP), (24, ASLEEP), (500, ASLEEP), (1000, ASLEEP), (1000, AWAKE))
"""Daemons that are measured: their VMs, and whether those sleep."""
PROCESSES: Final = {state: f"reading 4,000 processes, {state}" for state in (ASLEEP, AWAKE)}
QEMUS: Final = "reading 1,000 QEMUs of 4 threads, awake"
CHANNELS: Final = "9,000 event channels by hypercall, Python's part, each"
BRIDGES: Final = "1,000 ports of bridges, after an event"
QUIET_BRIDGES: Final = "1,000 ports of bridges, 10 s without an event"
QUEUES: Final = "queues of 1,000 interfaces, after an event"
QUIET_QUEUES: Final = "queues of 1,000 interfaces, no event since"
RENDERING: Final = "rendering 50,000 series, each"
LARGE_RENDERING: Final = "rendering 500,000 series, each"
GROWTH: Final = "rendering 10,000 domains, against 1,000, each"
LAG: Final = "event loop, 1,000 HVM VMs: late at the 99.9th percentile"
READY: Final = "xenwatch run, to READY"
VERSION: Final = "xenwatch --version"
CHECK: Final = "xenwatch check"
RECORD_CPU: Final = "record, 24 HVM VMs awake: CPU more"
RECORD_MEMORY: Final = "record, 24 HVM VMs awake: memory more"
CHURN: Final = "memory that 1,700 starts and stops of VMs leave, beside 65"

TABLE: Final[Mapping[str, Wanted]] = {
    PROCESSES[ASLEEP]: Wanted(MS, "36", Goal(36), PROCESS_EXPORTER),
    PROCESSES[AWAKE]: Wanted(MS, "476", Goal(of_peer=1 / 60), PROCESS_EXPORTER),
    QEMUS: Wanted(MS, "300", Goal(10)),
    CHANNELS: Wanted(US, "8 to 11", Goal(0.5), note="lsevtchn runs in Xen only"),
    BRIDGES: Wanted(MS, "50 to 65, twice a period", Goal(15), PYROUTE2),
    QUIET_BRIDGES: Wanted(MS, "50 to 65, twice a period", Goal(0)),
    QUEUES: Wanted(MS, "57 to 92"),
    QUIET_QUEUES: Wanted(MS, "57 to 92", Goal(0)),
    RENDERING: Wanted(US, "0.8", Goal(0.8), CLIENT),
    LARGE_RENDERING: Wanted(US, "4.15", Goal(0.8), CLIENT),
    GROWTH: Wanted("times", "2.0", Goal(1.1)),
    scrape(1): Wanted("ms", "437", Goal(of_peer=1.3), BARE),
    scrape(10): Wanted("ms", "1,241", Goal(of_peer=1.3), BARE),
    daemon(0, ASLEEP): Wanted(CORE, "0.25 to 0.33", Goal(0.1), NODE_EXPORTER),
    daemon(24, ASLEEP): Wanted(CORE, "0.9", Goal(0.3)),
    daemon(500, ASLEEP): Wanted(CORE, "", Goal(0.75)),
    daemon(1000, ASLEEP): Wanted(CORE, "7 to 13", Goal(1.5)),
    daemon(1000, AWAKE): Wanted(CORE, "7 to 13", Goal(3)),
    memory(0, ASLEEP): Wanted("MiB", "48"),
    memory(24, ASLEEP): Wanted("MiB"),
    memory(500, ASLEEP): Wanted("MiB"),
    memory(1000, ASLEEP): Wanted("MiB", "145", Goal(100)),
    memory(1000, AWAKE): Wanted("MiB", "145", Goal(100)),
    LAG: Wanted("ms", "243, with 500", Goal(20)),
    f"{VERSION}, {MS}": Wanted(MS, "460", Goal(120), PYTHON),
    f"{VERSION}, MiB": Wanted("MiB", "31", Goal(18), PYTHON),
    f"{CHECK}, {MS}": Wanted(MS, "460", Goal(120), PYTHON),
    f"{CHECK}, MiB": Wanted("MiB", "31", Goal(18), PYTHON),
    READY: Wanted(MS, "790 to 1,000", Goal(500), PYTHON),
    RECORD_CPU: Wanted(CORE, "", Goal(0.1)),
    RECORD_MEMORY: Wanted("MiB", "", Goal(10)),
    record_day(24): Wanted("MB", "", Goal(40)),
    record_day(1000): Wanted("MB", "", Goal(500)),
    CHURN: Wanted("MiB", "28", Goal(2.8)),
}
"""By the name of the row, in the order of the document."""
