"""Whether a time daemon keeps the clock of dom0, from which guests get theirs when they start."""

from __future__ import annotations

from typing import Final

from xenwatch.parse.timex import MAXERROR_LIMIT, parse_timex
from xenwatch.probes.base import Probe, stateless
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.clock import Clock
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

_MICROSECONDS: Final = 1e6


def read(source: Source, context: Snapshot) -> Clock:
    """The kernel's word on its clock. Raises `NotApplicable`, `SourceError` and `ParseError`.

    STA_UNSYNC is no sign: chrony leaves it set unless `rtcsync` is configured (sys_timex.c). So
    systemd-timedated too goes by the error (timedated.c).
    """
    require_dom0(source, context)
    timex = parse_timex(source.adjtimex())
    return Clock(
        timex.maxerror < MAXERROR_LIMIT,
        timex.maxerror / _MICROSECONDS,
        timex.esterror / _MICROSECONDS,
    )


CLOCK: Final = Probe(
    name="clock",
    reads="adjtimex(2)",
    advice="install the systemd unit of this version, whose SystemCallFilter= allows the call",
    read=stateless(read),
    interval=60.0,
    deadline=30.0,
)
