"""`xenwatch check`: one line, an exit status and performance data for Icinga and Nagios.

As the Monitoring Plugins Development Guidelines want them.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xenwatch.display.quantities import quantity
from xenwatch.display.text import hint, printable, shown
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import Severity, severity
from xenwatch.status.host_status import LimitRow, Overview

STATUS: Final = {
    Severity.OK: 0,
    Severity.WARNING: 1,
    Severity.CRITICAL: 2,
    Severity.UNKNOWN: 3,
}
"""Exit statuses."""
WORST_FIRST: Final = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.OK)
OLD: Final = 120.0
"""Seconds after which a daemon's readings say nothing about now."""


class CheckError(Exception):
    """A question that cannot be asked; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is checked: limits by name (none: all there are), and thresholds of this check alone."""

    limits: tuple[str, ...]
    warning: Mapping[str, float]
    critical: Mapping[str, float]

    def thresholds(self, row: LimitRow) -> Thresholds:
        """Those of this check, else those of the overview. Raises `CheckError`."""
        warning = self.warning.get(row.limit, row.warning)
        critical = self.critical.get(row.limit, row.critical)
        if warning is not None and critical is not None and warning > critical:
            raise CheckError(f"{row.limit}: warning {warning:g} is above critical {critical:g}")
        return Thresholds(warning, critical)


@dataclass(frozen=True, slots=True)
class Finding:
    """A limit as judged: of its worst instance what to say, of its fullest ratio and data."""

    limit: str
    severity: Severity
    words: str
    ratio: float = 0.0
    data: str = ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command, but for where it looks."""
    parser.add_argument(
        "--limit", metavar="NAME", action="append", default=[], help="only this limit; repeatable"
    )
    for name in ("warning", "critical"):
        parser.add_argument(
            f"--{name}",
            metavar="LIMIT=RATIO",
            action="append",
            default=[],
            help=f"used ratio from which this check is {name}; repeatable (default: the daemon's)",
        )
    parser.epilog = "Exit status: 0 ok, 1 warning, 2 critical, 3 unknown."


def question(options: argparse.Namespace) -> Question:
    """What the options ask. Raises `CheckError`."""
    limits = tuple(dict.fromkeys(_known(name) for name in options.limit))
    given = {name: _ratios(name, getattr(options, name)) for name in ("warning", "critical")}
    for name, ratios in given.items():
        for limit in ratios:
            if limits and limit not in limits:
                raise CheckError(f"--{name} {limit}=...: --limit leaves that limit out")
    return Question(limits, **given)


def judge(overview: Overview, asked: Question, age: float) -> tuple[int, str]:
    """Exit status and line for readings that are `age` seconds old. Raises `CheckError`."""
    if age > OLD:
        return unknown(f"the newest reading is {age:.0f} s old: the daemon reads nothing new")
    findings = [
        _finding(list(rows), asked)
        for limit, rows in itertools.groupby(overview.limits, key=lambda row: row.limit)
        if not asked.limits or limit in asked.limits
    ]
    there = {it.limit for it in findings}
    findings += [_absent(name, overview) for name in asked.limits if name not in there]
    if not findings:
        return unknown("no limit could be read; xenwatch doctor says why")
    worst = next(it for it in WORST_FIRST if any(found.severity is it for found in findings))
    data = " ".join(it.data for it in findings if it.data)
    return STATUS[worst], _line(worst, _summary(findings)) + (f" | {data}" if data else "") + "\n"


def unknown(reason: str) -> tuple[int, str]:
    """Exit status and line where nothing can be said."""
    return STATUS[Severity.UNKNOWN], _line(Severity.UNKNOWN, reason) + "\n"


def _line(worst: Severity, words: str) -> str:
    # A bar would begin the performance data.
    return f"XENWATCH {worst.name} - {printable(words).replace('|', '/')}"


def _summary(findings: Sequence[Finding]) -> str:
    bad = sorted(
        (it for it in findings if it.severity is not Severity.OK),
        key=lambda it: WORST_FIRST.index(it.severity),
    )
    well = [it for it in findings if it.severity is Severity.OK]
    words = [it.words for it in bad]
    if well:
        fullest = max(well, key=lambda it: it.ratio)
        limits = "1 limit" if len(well) == 1 else f"{len(well)} limits"
        words.append(f"{limits} ok, fullest {fullest.words}")
    return "; ".join(words)


def _finding(rows: Sequence[LimitRow], asked: Question) -> Finding:
    bounds = asked.thresholds(rows[0])
    judged = [(severity(row.ratio, bounds), row) for row in rows]
    worst, row = min(judged, key=lambda it: (WORST_FIRST.index(it[0]), -(it[1].ratio or 0)))
    fullest = max(rows, key=lambda it: it.ratio or 0)
    return Finding(row.limit, worst, _words(row), fullest.ratio or 0, _data(fullest, bounds))


def _words(row: LimitRow) -> str:
    name = f"{row.limit} {row.instance}" if row.instance else row.limit
    if row.used is None:
        return f"{name} could not be read"
    used = quantity(row.used, row.unit)
    if row.ratio is None:
        return f"{name} {used}, its ceiling is not known"
    return f"{name} {row.ratio:.1%} ({used} of {quantity(row.max, row.unit)})"


def _absent(name: str, overview: Overview) -> Finding:
    limit = next(limit for limit in LIMITS if limit.name == name)
    probe = overview.probes.get(limit.probe)
    reason = f"{probe.status}: {probe.detail}" if probe and probe.detail else "not read"
    return Finding(name, Severity.UNKNOWN, f"{name} is not there ({reason})")


def _data(row: LimitRow, bounds: Thresholds) -> str:
    """Performance data of a limit's fullest instance: the label does not change with it."""
    if row.used is None:
        return ""
    edges = (
        "" if at is None or row.max is None else str(edge(at, row.max))
        for at in (bounds.warning, bounds.critical)
    )
    unit = "B" if row.unit == "bytes" else ""
    ceiling = "" if row.max is None else row.max
    return f"'{row.limit}'={row.used}{unit};{';'.join(edges)};0;{ceiling}"


def edge(ratio: float, ceiling: int) -> int:
    """The most units that are still below a ratio: plugins warn above their threshold, not at it.

    -1 where any use is too much.
    """
    if ceiling <= 0:
        return -1
    guess = math.ceil(ratio * ceiling)
    return next(units for units in range(guess, -2, -1) if units / ceiling < ratio)


def _known(name: str) -> str:
    names = [limit.name for limit in LIMITS]
    if name not in names:
        meant = hint(name, names) or f"; there is {', '.join(names)}"
        raise CheckError(f"no limit is called {shown(name)}{meant}")
    return name


def _ratios(option: str, given: Iterable[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in given:
        name, separator, number = text.partition("=")
        try:
            ratio = float(number)
        except ValueError:
            ratio = math.nan
        if not separator or not 0 < ratio <= 1:
            raise CheckError(f"--{option} {shown(text)} is not LIMIT=RATIO, as in aio_requests=0.7")
        found[_known(name)] = ratio
    return found
