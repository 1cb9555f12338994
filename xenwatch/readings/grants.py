"""Readings: grant-table frames, and maptrack frames of dom0."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class GrantFrames:
    """Frames of one domain's grant table: how many it has and may have."""

    used: int
    max: int


@dataclass(frozen=True, slots=True)
class Grants:
    """Grant-table frames (a high-water mark) by domain; dom0's under 0."""

    frames: Mapping[int, GrantFrames]


@dataclass(frozen=True, slots=True)
class Maptrack:
    """Maptrack frames of dom0 (a high-water mark; entries in use are not readable)."""

    used: int
    max: int
