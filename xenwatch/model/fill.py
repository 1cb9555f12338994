"""Filling a host with VMs until one is refused."""

from __future__ import annotations

import gc

from xenwatch.model.devices import Shape
from xenwatch.model.host import Machine
from xenwatch.model.refusal import Refused
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Filled:
    """Number of VMs started, and the error of the next one (empty: none)."""

    vms: int
    refusal: str


def fill(machine: Machine, shape: Shape, most: int) -> Filled:
    """Start VMs until one is refused or lacks a device, `most` at most."""
    collecting = gc.isenabled()
    gc.disable()  # scanning millions of live objects triples the time
    try:
        return _fill(machine, shape, most)
    finally:
        if collecting:
            gc.enable()


def _fill(machine: Machine, shape: Shape, most: int) -> Filled:
    for number in range(most):
        try:
            domid = machine.start(b"vm-%d" % number, shape)
        except Refused as refusal:
            return Filled(number, refusal.text)
        if domid in machine.broken:
            return Filled(number, machine.broken[domid][0])
    return Filled(most, "")
