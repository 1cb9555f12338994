"""Snapshots of hosts to plan on, made by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.support import full_snapshot
from xenwatch.limits.states import LimitState, assess
from xenwatch.planning.capacity import Plan, fit
from xenwatch.planning.shapes import BUILT_IN, Shape
from xenwatch.readings.bridges import Bridges
from xenwatch.readings.event_channels import EventChannels
from xenwatch.readings.grants import GrantFrames, Grants
from xenwatch.readings.host import Abi, Host
from xenwatch.readings.memory import HostMemory, Memory
from xenwatch.readings.processes import DaemonProcess, Daemons, Ptys
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.readings.storage import Aio, Blktap

MIB = 1 << 20
WINDOWS, LINUX = BUILT_IN["windows"], BUILT_IN["linux"]


def xenserver(version: str) -> Snapshot:
    """XenServer 6.1 or 6.2 without VMs, with what the published figures leave free.

    900 and 4,000 event channels, 1,000 descriptors of xenstored, all of xenconsoled's, all of
    dom0's grant references, 650 MiB of low memory; the VMs' own memory they do not count, so the
    host has more than all of them take.
    """
    later = version == "6.2.0"
    ports, channels, aio = (4096, 95, 1048576) if later else (1024, 123, 444416)
    readings: dict[str, Any] = {
        "host": Host(
            xen=(4, 1),
            xen_version="4.1.3",
            xen_command_line="",
            kernel=(2, 6),
            kernel_release="2.6.32.43-0.4.1.xs1.6.10.734.170748xen",
            machine="i686",
            kernel_command_line="",
            platform="xenserver",
            platform_version=version,
            cgroup_version=None,
            is_dom0=True,
            abi=Abi("2-level-32", ports, "kernel log"),
            nr_irqs=None,
        ),
        "event_channels": EventChannels({"virq": channels}, {}, 128, channels, "lsevtchn"),
        "grants": Grants({0: GrantFrames(0, 32)}),
        "blktap": Blktap("minor", 0, 0),
        "aio": Aio(0, aio),
        "daemons": Daemons(
            {
                "xenstored": DaemonProcess(700, "oxenstored", 24, 1024),
                "xenconsoled": DaemonProcess(710, "xenconsoled", 0, 132008 if later else 1024),
            }
        ),
        "ptys": Ptys(2, 4096),
        "memory": Memory(
            total=752 * MIB,
            available=None,
            free=700 * MIB,
            low_total=730 * MIB,
            low_free=650 * MIB,
            low_usable=None,
            swap_total=512 * MIB,
            swap_free=512 * MIB,
            slab=None,
            slab_unreclaimable=None,
            balloon_target=None,
            balloon_current=None,
        ),
        "bridges": Bridges({"xenbr0": 1}, {"xenbr0": "openvswitch"}),
        "host_memory": HostMemory(16 << 40, 15 << 40, {}),
    }
    outcomes = {name: Outcome(Status.OK) for name in readings}
    missing = set(full_snapshot().outcomes) - set(outcomes)
    outcomes |= {name: Outcome(Status.NOT_APPLICABLE) for name in missing}
    return Snapshot(1000.0, outcomes, **readings)


def with_host(**changes: object) -> Snapshot:
    """The full snapshot on another kind of host."""
    snapshot = full_snapshot()
    assert snapshot.host is not None
    host = dataclasses.replace(snapshot.host, **changes)  # type: ignore[arg-type]
    daemons = dataclasses.replace(snapshot.daemons, by_role={})  # type: ignore[type-var]
    return dataclasses.replace(snapshot, host=host, daemons=daemons)


def full_xl() -> Snapshot:
    """The full snapshot as a host without xapi."""
    return with_host()


def plan(snapshot: Snapshot, wanted: int | None = None, **batch: int) -> Plan:
    """The plan for so many VMs of the built-in shapes together."""
    shapes: dict[Shape, int] = {BUILT_IN[name]: count for name, count in batch.items()}
    return fit(assess(snapshot), snapshot, shapes, wanted)


def states_of(snapshot: Snapshot, limit: str) -> list[LimitState]:
    """The states of one limit."""
    return [state for state in assess(snapshot) if state.limit.name == limit]


def counted_plans(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A list that gets longer with each plan that is made."""
    calls: list[object] = []

    def counting(*arguments: Any, **others: Any) -> Plan:
        calls.append(arguments)
        return fit(*arguments, **others)

    monkeypatch.setattr("xenwatch.planning.capacity.fit", counting)
    return calls
