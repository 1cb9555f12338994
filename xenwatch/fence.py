"""The fence right of the probes: a part that raises is unknown, and the others are as they are."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, TypeVar

from xenwatch.values import dataclass

T = TypeVar("T")
U = TypeVar("U")


class Part(enum.StrEnum):
    """The kinds of parts: few, so that each is counted before anything of it has raised."""

    LIMIT = "limit"
    PLAN = "plan"
    FORECAST = "forecast"
    LEARNING = "learning"
    METRIC = "metric"
    ALERT = "alert"
    FINDING = "finding"
    DISPLAY = "display"
    DELIVERY = "delivery"


class Unmade(Exception):
    """A part needs what another one should have made; of that one it was told already."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A part that raised: its kind, its name among those of that kind, and the exception."""

    part: Part
    name: str
    error: Exception

    @property
    def subject(self) -> str:
        """What is unknown: `limit loop_devices`."""
        return f"{self.part} {self.name}".rstrip()

    @property
    def reason(self) -> str:
        """Why, as one line."""
        return f"bug in xenwatch: {type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True)
class Fence:
    """Makes a part, or says in its place that nothing is known; `tell` is told of each fault.

    Without `tell` there is no fence: whoever asks for the part gets the exception.
    """

    tell: Callable[[Fault], None] | None = None

    def __call__(self, part: Part, name: str, make: Callable[[], T], unknown: U) -> T | U:
        """What `make` makes, `unknown` if it raises."""
        return self.either(part, name, make, lambda: unknown)

    def either(
        self, part: Part, name: str, make: Callable[[], T], unknown: Callable[[], U]
    ) -> T | U:
        """The same, where what is said instead is made when it is needed, which is hardly ever."""
        try:
            return make()
        except Unmade:
            return unknown()
        except Exception as error:  # a defect in one part must not stop the others
            if self.tell is None:
                raise
            self.tell(Fault(part, name, error))
            return unknown()


OPEN: Final = Fence()
"""No fence."""
BROKEN: Final = "bug in xenwatch, see its log"
"""Why something is unknown, for those who are not told the fault itself."""
