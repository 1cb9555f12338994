"""Readings: names of domains in xenstore, and which domains are stubdomains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Xenstore:
    """What xenstored says of the domains: names in xenstore's own bytes, by domid and UUID.

    `stubdomains` are the domids of VMs whose QEMU runs in a domain of its own, by domid and UUID of
    that domain.
    """

    names: Mapping[tuple[int, str], bytes]
    stubdomains: Mapping[tuple[int, str], int] = field(default_factory=dict)
