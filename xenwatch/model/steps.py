"""The steps of scenarios: what happens to a synthetic host, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.model.guest_storage import Stall, Write
from xenwatch.model.ha import HaWarning
from xenwatch.model.san import Cut
from xenwatch.model.standing import Drift, Schedule
from xenwatch.model.state import UNLOADED_ROUND_TRIPS
from xenwatch.model.switch import Disconnect, Unplug
from xenwatch.model.upkeep import Install
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """Start VMs of a shape, `together` at a time and every so many seconds.

    Until one is refused where there is no `count`. `jitter` is the part of `every` by which a
    start may come later, `boot` the seconds until a VM's devices connect.
    """

    shape: str
    at: float = 0.0
    count: int | None = None
    every: float = 0.0
    together: int = 1
    jitter: float = 0.0
    boot: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Shut down so many VMs, the oldest first, each of which is gone half a minute later.

    With `dying` each stays as a dying domain.
    """

    count: int
    at: float = 0.0
    every: float = 0.0
    dying: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """The oldest VM crashes, and is started again at once, every so many seconds."""

    at: float = 0.0
    every: float = 1.0
    count: int | None = 1


@dataclass(frozen=True, slots=True)
class Leak:
    """Leak a resource every so many seconds until it is exhausted.

    `what` is one of `LEAKS`, `amount` how much at a time: event channels, descriptors, grant
    entries of the oldest VM, ids or minors of tapdisks that died, VMs that are stopped, stay as
    dying and are started anew, or nodes or watches of the oldest VM in xenstore.
    """

    what: str
    at: float = 0.0
    every: float = 1.0
    amount: int = 1
    count: int | None = None


LEAKS: Final = (
    "event_channels",
    "xenstored_fds",
    "xenopsd_fds",
    "grant_frames",
    "blktap_minors",
    "dying_domains",
    "xenstore_nodes",
    "xenstore_watches",
)


@dataclass(frozen=True, slots=True)
class Log:
    """Write so many MiB, into so many new files, to the logs' file system every so many seconds."""

    mib: int = 0
    files: int = 0
    at: float = 0.0
    every: float = 1.0
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """CPU demand of the datapath and the control path from `at` on, in CPUs per process.

    `datapath` is each tapdisk and each receiving thread of netback, `control` each daemon of the
    toolstack.
    """

    datapath: float
    control: float = 0.1
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Requests:
    """Reads of disks a second from `at` on: `each` by each of the `hungry` oldest VMs.

    Each disk of the other VMs has `others` a second, and every read takes `wait_ms`.
    """

    hungry: int
    each: int
    others: int = 10
    wait_ms: float = 1.0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Pressure:
    """How dom0's memory runs out from `at` on.

    So many MiB of swap are in use and so many pages a second are read back from it; tasks wait for
    memory for a part `stalled` of the time, and `blocked` of them for I/O. `fragmented` is whether
    free memory is in pieces of two pages at most.
    """

    swap_mib: int = 0
    swap_ins: int = 0
    stalled: float = 0.0
    blocked: int = 0
    fragmented: bool = False
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Kill:
    """The OOM killer kills processes of this name, every so many seconds."""

    comm: str
    at: float = 0.0
    every: float = 1.0
    count: int | None = 1


@dataclass(frozen=True, slots=True)
class Fill:
    """Make so many entries of one of the kernel's tables every so many seconds until it is full."""

    table: str
    entries: int
    at: float = 0.0
    every: float = 1.0
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """A daemon of the control path takes so many seconds longer to answer from `at` on.

    `target` is one of `TARGETS`. With 2 seconds or more its clients time out, with 0 it answers as
    before.
    """

    target: str
    seconds: float
    at: float = 0.0


TARGETS: Final = tuple(UNLOADED_ROUND_TRIPS)


@dataclass(frozen=True, slots=True)
class Print:
    """Print a line in one of `LOGS` every so many seconds: of dom0's kernel, or of Xen."""

    log: str
    text: str
    at: float = 0.0
    every: float = 1.0
    count: int | None = 1


LOGS: Final = ("kernel", "xen")


Timed = Stop | Restart | Leak | Log | Kill | Fill | Disconnect | Unplug | Write | Print | Install
"""Those that do the same again and again, every so many seconds."""
Once = Hang | Drift | Schedule | HaWarning
"""Those that happen once, and stay."""
Step = Start | Load | Requests | Pressure | Stall | Cut | Once | Timed
STEPS: Final[Mapping[str, type[Step]]] = {
    "start": Start,
    "stop": Stop,
    "leak": Leak,
    "log": Log,
    "load": Load,
    "requests": Requests,
    "pressure": Pressure,
    "kill": Kill,
    "fill": Fill,
    "hang": Hang,
    "disconnect": Disconnect,
    "unplug": Unplug,
    "write": Write,
    "stall": Stall,
    "cut": Cut,
    "print": Print,
    "restart": Restart,
    "install": Install,
    "drift": Drift,
    "schedule": Schedule,
    "ha_warning": HaWarning,
}
"""Kinds of steps by what `do` says."""
