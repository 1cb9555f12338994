"""What is shown first, and how much of it: the same for the page and the terminal."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from xenwatch.limits.states import Severity
from xenwatch.status.host_status import DomainRow, LimitRow

ORDER: Final = [
    severity.value for severity in (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN)
]
"""States by how much they press; ok comes last."""
WELL: Final = 2
"""Instances of a limit that are shown though they are well."""
MOST: Final = 8
"""Instances of a limit that are shown at most."""

UNWELL: Final = ("crashed", "dying")


def pressing(row: LimitRow) -> tuple[int, float]:
    """For sorting: what presses most comes first."""
    rank = ORDER.index(row.state) if row.state in ORDER else len(ORDER)
    return rank, -(row.ratio or 0.0)


def fullest(rows: Sequence[LimitRow]) -> list[tuple[list[LimitRow], int]]:
    """By limit: the rows worth showing, and how many are left out; the most pressing first."""
    found = []
    for _, group in itertools.groupby(rows, key=lambda row: row.limit):
        instances = sorted(group, key=pressing)
        unwell = sum(row.state != Severity.OK.value for row in instances)
        shown = instances[: min(MOST, max(WELL, unwell))]
        found.append((shown, len(instances) - len(shown)))
    return sorted(found, key=lambda group: pressing(group[0][0]))


def relevance(domain: DomainRow) -> tuple[bool, bool, int, int]:
    """For sorting: broken ones first, then those that do not end well, then by what they hold."""
    return (
        not domain.broken,
        domain.state not in UNWELL,
        -(domain.event_channels or 0),
        domain.domid,
    )
