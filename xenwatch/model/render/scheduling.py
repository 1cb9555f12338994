"""Answers of Xen about its scheduler, and what was asked."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from xenwatch.parse.scheduling import DOMCTL_SIZE, Parameters

_SCHED_ID: Final = struct.Struct("<I")
_PARAMETERS: Final = struct.Struct("<HH")
_PARAMETERS_OFFSET: Final = 24


def render_sched_id(call: bytes, number: int) -> bytes:
    """The block of a `sched_id_call` as Xen leaves it."""
    return call[:8] + _SCHED_ID.pack(number) + call[8 + _SCHED_ID.size :]


def render_parameters(call: bytes, found: Parameters) -> bytes:
    """The block of a `parameters_call` as Xen leaves it."""
    end = _PARAMETERS_OFFSET + _PARAMETERS.size
    return call[:_PARAMETERS_OFFSET] + _PARAMETERS.pack(found.weight, found.cap) + call[end:]


def render_affinity(call: bytes, cpus: Iterable[int]) -> bytes:
    """The block of an `affinity_call` as Xen leaves it; CPUs behind the bitmap's end are cut."""
    size = len(call) - DOMCTL_SIZE
    bits = sum(1 << cpu for cpu in cpus) & (1 << 8 * size) - 1
    return call[:DOMCTL_SIZE] + bits.to_bytes(size, "little")
