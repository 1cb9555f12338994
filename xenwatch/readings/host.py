"""Readings: what kind of host this is."""

from __future__ import annotations

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Abi:
    """An event-channel ABI: `2-level-32`, `2-level-64` or `fifo`, its ports, and the evidence."""

    name: str
    ports: int
    origin: str


@dataclass(frozen=True, slots=True)
class Host:
    """What kind of host this is. Versions are (major, minor); texts are empty when unknown.

    `platform` is xenserver, xcp-ng, debian, another os-release ID, or empty; `platform_version` its
    own version ("8.3"). `nr_irqs` is the kernel's NR_IRQS from its log, `netback_queues` the most
    queues netback gives an interface.
    """

    xen: tuple[int, int] | None
    xen_version: str
    xen_command_line: str
    kernel: tuple[int, int]
    kernel_release: str
    machine: str
    kernel_command_line: str
    platform: str
    platform_version: str
    cgroup_version: int | None
    is_dom0: bool
    abi: Abi | None
    nr_irqs: int | None
    netback_queues: int | None = None
