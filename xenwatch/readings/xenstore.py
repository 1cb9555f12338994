"""Readings: names of domains in xenstore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Xenstore:
    """What xenstored says of the domains: each one's name in xenstore's own bytes.

    `uuids` remembers which domain a name was read for, `cursor` where to go on re-reading.
    """

    names: Mapping[int, bytes]
    uuids: Mapping[int, str]
    cursor: int
