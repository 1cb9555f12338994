"""Readings: what the processes of dom0 that serve a VM take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Use:
    """Bytes of dom0's memory, and tasks (processes, their threads, threads of the kernel)."""

    memory_bytes: int
    tasks: int


@dataclass(frozen=True, slots=True)
class VmProcesses:
    """By domid: the private memory and the tasks of what serves the domain.

    That is its QEMU, its tapdisks, its helpers (xenwatch.parse.helpers) and the kernel's threads
    for its devices. A domain whose processes are not all known or readable is missing.

    `memory_bytes` is the private memory by domid and program, `helper_cpu_seconds` the CPU time of
    helpers by the same, since they were started.
    """

    by_domid: Mapping[int, Use]
    memory_bytes: Mapping[tuple[int, str], int] = field(default_factory=dict)
    helper_cpu_seconds: Mapping[tuple[int, str], float] = field(default_factory=dict)
