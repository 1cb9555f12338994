"""What plans keep free: VMs of the shape asked for, or a share of every limit."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final

from xenwatch.limits.base import Units
from xenwatch.values import dataclass

MOST_VMS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Reserve:
    """VMs, as large as the largest of those asked for, or a share of each max."""

    vms: int = 0
    share: Fraction = Fraction(0)

    def units(self, one: Units, maximum: int) -> int:
        """The units of a limit that are kept, `one` of which are what one VM takes."""
        if not self.vms and not self.share:
            return 0
        return math.ceil(self.vms * one + self.share * maximum)

    def __str__(self) -> str:
        """The reserve in words; empty where there is none."""
        if self.vms:
            return f"{self.vms} VM{'' if self.vms == 1 else 's'}"
        return f"{float(100 * self.share):g} % of every limit" if self.share else ""


NONE: Final = Reserve()


def parse(value: object) -> Reserve:
    """A reserve as in the configuration: a number of VMs, or percent. Raises `ValueError`."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = (
        re.fullmatch(r"(\d{1,5})|(\d{1,2}(?:\.\d{1,3})?) ?%", text, re.ASCII)
        if isinstance(text, str)
        else None
    )
    if found is None or int(found[1] or 0) > MOST_VMS:
        raise ValueError(
            f'must be a number of VMs, at most {MOST_VMS}, or less than 100 percent, such as "10%"'
        )
    return Reserve(int(found[1])) if found[1] else Reserve(share=Fraction(found[2]) / 100)
