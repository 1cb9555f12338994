"""A page with everything on it: limits in every state, alerts, an hour of history, odd names."""

from __future__ import annotations

import dataclasses

from xenwatch.config.settings import Settings
from xenwatch.limits import LIMITS
from xenwatch.model.devices import vm
from xenwatch.model.presets import xcp_ng_8_3
from xenwatch.model.source import ModelSource
from xenwatch.passes.publisher import Page, render
from xenwatch.planning.forecast import History
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.processes import Ptys
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.readings.storage import Aio

IMAGE = "<img src=x onerror=alert(1)>"
"""A name that would be markup and run a script if it were not text."""
REVERSED = "\N{RIGHT-TO-LEFT OVERRIDE}desrever"
"""A name that would turn the text around it."""
NOW = 1_800_000_000.0
MINUTES = 70
THRESHOLDS = {limit.name: limit.thresholds for limit in LIMITS}
POLICY = dataclasses.replace(Settings({}).alerts(), runbooks="https://runbooks.example/")


def snapshot(vms: int = 0) -> Snapshot:
    """A synthetic host, `vms` more on it, with limits in every state and a probe that fails."""
    machine = xcp_ng_8_3()
    for name in (IMAGE.encode(), REVERSED.encode()):
        machine.start(name, vm(machine.dom0.platform, "hvm"))
    for number in range(vms):
        machine.start(b"vm-%04d" % number, vm(machine.dom0.platform, "hvm"))
    found = take(ModelSource(machine), PROBES, lambda: NOW)
    failed = Outcome(Status.FAILED, "/proc/meminfo: no line MemTotal", NOW, 0.001)
    return dataclasses.replace(
        found,
        aio=Aio(890_000, 1_048_576),
        ptys=Ptys(4_000, 4_096),
        memory=None,
        outcomes={**found.outcomes, "memory": failed},
    )


def page(vms: int = 0) -> Page:
    """The page of that host after more than an hour in which aio requests rose."""
    last = snapshot(vms)
    history = History()
    made = Page({}, ())
    for minute in range(MINUTES):
        before = 60.0 * (MINUTES - 1 - minute)
        outcomes = {
            name: dataclasses.replace(it, time=NOW - before) for name, it in last.outcomes.items()
        }
        then = dataclasses.replace(
            last,
            time=NOW - before,
            outcomes=outcomes,
            aio=Aio(890_000 - int(before), 1_048_576),
        )
        made = render(then, THRESHOLDS, {}, history=history, policy=POLICY, alerts=made.alerts)
        history = made.history
    return made
