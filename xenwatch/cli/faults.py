"""The parts that raise in a command: said on stderr, while the others are printed."""

from __future__ import annotations

from xenwatch.display.say import say
from xenwatch.fence import Fault, Fence


class Faults:
    """What the `fence` of a command tells; of each part that raised, the first fault."""

    def __init__(self) -> None:
        self.found: dict[str, Fault] = {}
        self.fence = Fence(self._tell)

    def _tell(self, fault: Fault) -> None:
        self.found.setdefault(fault.subject, fault)

    def say(self) -> None:
        """Name the parts that raised, a line for each."""
        say(*(f"{subject} unknown: {fault.reason}" for subject, fault in self.found.items()))
