"""Order and number of the rows shown, the same for the page and the terminal."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from xenwatch.limits.states import Severity
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import LimitRow

ORDER: Final = [
    severity.value for severity in (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN)
]
"""States by urgency; ok comes last."""
WELL: Final = 2
"""Max instances of a limit shown while all are ok."""
MOST: Final = 8
"""Max instances of a limit shown."""

UNWELL: Final = ("crashed", "dying")


def urgency(row: LimitRow) -> tuple[int, float]:
    """Sort key: the most urgent first."""
    rank = ORDER.index(row.state) if row.state in ORDER else len(ORDER)
    return rank, -(row.ratio or 0.0)


def fullest(rows: Sequence[LimitRow]) -> list[tuple[list[LimitRow], int]]:
    """By limit: the rows worth showing, and how many are left out; the most urgent first."""
    found = []
    for _, group in itertools.groupby(rows, key=lambda row: row.limit):
        instances = sorted(group, key=urgency)
        unwell = sum(row.state != Severity.OK.value for row in instances)
        shown = instances[: min(MOST, max(WELL, unwell))]
        found.append((shown, len(instances) - len(shown)))
    return sorted(found, key=lambda group: urgency(group[0][0]))


def relevance(domain: DomainRow) -> tuple[bool, bool, int, int]:
    """Sort key: broken domains first, then crashed and dying ones, then by event channels."""
    return (
        not domain.broken,
        domain.state not in UNWELL,
        -(domain.event_channels or 0),
        domain.domid,
    )
