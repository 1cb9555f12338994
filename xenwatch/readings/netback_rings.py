"""Readings: rings of netback."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring of requests from a guest: its slots, and those with a request not yet answered."""

    slots: int
    requests: int


@dataclass(frozen=True, slots=True)
class VifRings:
    """The rings of a network interface, all its queues together.

    `tx` and `rx` are as the guest sees them: it sends by `tx` and posts buffers for netback to fill
    in `rx`. `queued_bytes` wait for such buffers; `stopped` queues have reached their part of
    `queued_bytes_max`.
    """

    domid: int
    tx: Ring
    rx: Ring
    queued_bytes: int
    queued_bytes_max: int
    stopped: int


@dataclass(frozen=True, slots=True)
class NetbackRings:
    """netback's rings by interface."""

    by_vif: Mapping[str, VifRings]
