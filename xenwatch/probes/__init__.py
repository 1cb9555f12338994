"""The probes, in the order of one pass: `host` first, since others may look at its reading."""

from __future__ import annotations

from xenwatch.probes.base import Probe

PROBES: tuple[Probe, ...] = ()
