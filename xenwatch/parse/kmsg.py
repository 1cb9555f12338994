"""Records of `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg of Linux)."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.values import dataclass

_RECORD: Final = re.compile(rb"^(\d{1,10}),(\d{1,20}),(\d{1,20}),[^;\n]{0,200};(.*)$", re.MULTILINE)
_LEVELS: Final = 8
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class KmsgRecord:
    """One message: its number, `seconds` since boot by the kernel's clock, and its text.

    `own` is whether the kernel itself printed it: what a program writes to `/dev/kmsg` gets a
    facility of its own (kernel/printk/printk.c, devkmsg_write).
    """

    number: int
    seconds: float
    own: bool
    text: str


def parse_kmsg(log: bytes) -> tuple[KmsgRecord, ...]:
    """The records, in their order. Any input is a log; lines of another form are no records.

    Such lines are the properties of a device, which follow a record and begin with a blank.
    """
    return tuple(
        KmsgRecord(
            int(match[2]),
            int(match[3]) / _MICROSECONDS,
            int(match[1]) < _LEVELS,
            match[4].decode("utf-8", "backslashreplace"),
        )
        for match in _RECORD.finditer(log)
    )
