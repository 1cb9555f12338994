"""A page with everything on it: limits in every state, alerts, an hour of history, odd names."""

from __future__ import annotations

import dataclasses

from xenwatch.assessment import Rules
from xenwatch.config.settings import Settings
from xenwatch.model.devices import vm
from xenwatch.model.presets import xcp_ng_8_3
from xenwatch.model.source import ModelSource
from xenwatch.passes.publisher import AssessedPass, assess
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
POLICY = dataclasses.replace(Settings({}).alerts(), runbooks="https://runbooks.example/")
RULES = Rules(policy=POLICY)


def snapshot(vms: int = 0) -> Snapshot:
    """A synthetic host, `vms` more on it, with limits in every state and a probe that fails."""
    machine = xcp_ng_8_3()
    for name in (IMAGE.encode(), REVERSED.encode()):
        machine.start(name, vm(machine.dom0.platform, "hvm"))
    for number in range(vms):
        machine.start(b"vm-%04d" % number, vm(machine.dom0.platform, "hvm"))
    found = take(ModelSource(machine), PROBES, lambda: NOW).snapshot
    failed = Outcome(Status.FAILED, "/proc/meminfo: no line MemTotal", NOW, 0.001)
    return dataclasses.replace(
        found,
        aio=Aio(890_000, 1_048_576),
        ptys=Ptys(4_000, 4_096),
        memory=None,
        outcomes={**found.outcomes, "memory": failed},
    )


def newest(vms: int = 0) -> AssessedPass:
    """The newest pass of that host after more than an hour in which aio requests rose."""
    last = snapshot(vms)
    made: AssessedPass | None = None
    for minute in range(MINUTES):
        earlier = 60.0 * (MINUTES - 1 - minute)
        outcomes = {
            name: dataclasses.replace(outcome, instant=NOW - earlier)
            for name, outcome in last.outcomes.items()
        }
        then = dataclasses.replace(
            last,
            time=NOW - earlier,
            instant=NOW - earlier,
            outcomes=outcomes,
            aio=Aio(890_000 - int(earlier), 1_048_576),
        )
        alerts = made.assessment.alerts if made else None
        made = assess(then, RULES, before=made, alerts=alerts)
    assert made is not None
    return made
