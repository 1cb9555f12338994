"""Readings: certificates that end."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificates in a file: `not_after` is when the first of them ends (Unix time)."""

    path: str
    not_after: float


@dataclass(frozen=True, slots=True)
class Certificates:
    """Certificates by what they are for."""

    by_name: Mapping[str, Certificate]
