"""Numbers an alert compares with besides its thresholds: each is a key of the configuration.

The daemon takes them from its configuration; in the rules for Prometheus they are written as
numbers, as durations are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from xenwatch.values import dataclass

Bounds = Mapping[tuple[str, str], float]
"""The configured bounds, by name of the alert and of the bound."""
DEFAULTS: Final[Bounds] = MappingProxyType({})
"""Every bound has its default."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A number with its default; `text` says what it is in the document of the keys.

    `kind` is percent (a ratio of at most 1), duration (seconds) or number, as an alert's `shown`.
    """

    name: str
    default: float
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class OwnBound:
    """A bound of an alert, as its condition compares with it."""

    alert: str
    bound: Bound

    def value(self, bounds: Bounds) -> float:
        """The number as configured."""
        return bounds.get((self.alert, self.bound.name), self.bound.default)
