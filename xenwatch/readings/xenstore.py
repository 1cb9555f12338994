"""Readings: names of domains in xenstore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Xenstore:
    """What xenstored says of the domains: names in xenstore's own bytes, by domid and UUID."""

    names: Mapping[tuple[int, str], bytes]
