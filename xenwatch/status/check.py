"""The check of a host's limits and alerts: what is asked, and the verdict."""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from xenwatch.display import plugin
from xenwatch.display.plugin import PARAMETERS
from xenwatch.display.text import meant, printable, shown
from xenwatch.fence import BROKEN, OPEN, Fence, Part
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import Severity, severity
from xenwatch.limits.thresholds import inverted
from xenwatch.readings.origin import Origin
from xenwatch.status import limit_words
from xenwatch.status.check_alerts import ALERT_NAMES, Finding, alerts
from xenwatch.status.host_status import HostStatus, LimitRow
from xenwatch.status.notices import NO_XEN
from xenwatch.values import dataclass

WORST_FIRST: Final = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.OK)
LIMIT_NAMES: Final = tuple(limit.name for limit in LIMITS)
OLD: Final = 120.0
"""Seconds after which a daemon's readings are stale."""


class CheckError(Exception):
    """A question that cannot be answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is checked: limits by name, none: all limits and alerts there are.

    `warning` and `critical` are thresholds of this check alone, `excluded` names of limits and
    alerts that are not judged.
    """

    limits: tuple[str, ...]
    warning: Mapping[str, float]
    critical: Mapping[str, float]
    excluded: frozenset[str] = frozenset()

    def thresholds(self, row: LimitRow) -> Thresholds:
        """Those of this check, else those of the status. Raises `CheckError`."""
        warning = self.warning.get(row.limit, row.warning)
        critical = self.critical.get(row.limit, row.critical)
        return _ordered(row.limit, Thresholds(warning, critical))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check comes to; `source` is where the readings come from, `None` without any."""

    severity: Severity
    words: str
    findings: tuple[Finding, ...] = ()
    source: Origin | None = None

    @property
    def status(self) -> int:
        """The exit status."""
        return plugin.STATUS[self.severity.value]

    def line(self) -> str:
        """It as plugins have it: one line with performance data."""
        data = " ".join(finding.data for finding in self.findings if finding.data)
        return plugin.line(self.severity.value, self.words, data)

    def document(self) -> dict[str, Any]:
        """It for JSON: see `plugin.document`."""
        findings = [
            {"name": finding.name, "state": finding.severity.value, "text": finding.words}
            for finding in self.findings
        ]
        source = None if self.source is None else dataclasses.asdict(self.source)
        return plugin.document(self.severity.value, self.words, findings, source)


def question(given: Mapping[str, Sequence[str]]) -> Question:
    """The question of the values of each of `PARAMETERS`. Raises `CheckError`."""
    for name in given:
        if name not in PARAMETERS:
            near = meant(name, PARAMETERS)
            raise CheckError(f"unknown parameter {printable(name[:100])}{near}")
    wanted, left_out = given.get("limit", ()), given.get("exclude", ())
    limits = tuple(dict.fromkeys(_known("limit", name) for name in wanted))
    every = (*LIMIT_NAMES, *ALERT_NAMES)
    excluded = frozenset(_known("exclude", name, every) for name in left_out)
    for name in wanted:
        if name in excluded:
            raise CheckError(f"{name}: --limit and --exclude are mutually exclusive")
    bounds = {name: _ratios(name, given.get(name, ())) for name in ("warning", "critical")}
    for name, ratios in bounds.items():
        for limit in ratios:
            if limits and limit not in limits:
                raise CheckError(f"--{name} {limit}=...: that limit is excluded by --limit")
            if limit in excluded:
                raise CheckError(f"--{name} {limit}=...: that limit is excluded by --exclude")
    warning, critical = bounds["warning"], bounds["critical"]
    for limit in warning.keys() & critical.keys():  # before anything is read
        _ordered(limit, Thresholds(warning[limit], critical[limit]))
    return Question(limits, warning, critical, excluded)


def answer(
    given: Mapping[str, Sequence[str]], status: HostStatus, age: float, fence: Fence = OPEN
) -> dict[str, Any]:
    """What is said of a question: the verdict for JSON, and its `line`; see `judge`.

    Raises `CheckError`.
    """
    found = judge(status, question(given), age, fence)
    return {**found.document(), "line": found.line()}


def judge(status: HostStatus, asked: Question, age: float, fence: Fence = OPEN) -> Verdict:
    """The verdict on readings that are `age` seconds old. Raises `CheckError`.

    What raises within `fence` is unknown.
    A host in maintenance is ok: what is wrong is said, and nobody is notified. One without Xen is
    unknown, however well its limits are.
    """
    if age > OLD:
        return unknown(f"readings are stale: the newest is {age:.0f} s old")
    findings = [
        _fenced(list(rows), asked, fence)
        for limit, rows in itertools.groupby(status.limits, key=lambda row: row.limit)
        if limit not in asked.excluded and (not asked.limits or limit in asked.limits)
    ]
    there = {finding.name for finding in findings}
    findings += [
        Finding(name, Severity.UNKNOWN, limit_words.absent(name, status))
        for name in asked.limits
        if name not in there
    ]
    if not findings:
        return unknown("no limit could be read; see xenwatch doctor")
    if not asked.limits:
        judged = partial(alerts, status, asked.excluded)
        findings += fence(Part.FINDING, "alerts", judged, [_broken("alerts")])
    severities = {finding.severity for finding in findings}
    worst = next(level for level in WORST_FIRST if level in severities)
    if NO_XEN in status.notices:
        worst = Severity.UNKNOWN
    words = "; ".join([*status.notices, _summary(findings)])
    if status.maintenance is not None:
        worst, words = Severity.OK, f"{status.maintenance}; {words}"
    return Verdict(worst, words, tuple(findings), status.source)


def unknown(reason: str) -> Verdict:
    """The verdict where nothing could be judged."""
    return Verdict(Severity.UNKNOWN, reason)


def _fenced(rows: Sequence[LimitRow], asked: Question, fence: Fence) -> Finding:
    bounds, limit = asked.thresholds(rows[0]), rows[0].limit
    return fence.either(
        Part.FINDING, limit, partial(_finding, rows, bounds), partial(_broken, limit)
    )


def _broken(name: str) -> Finding:
    return Finding(name, Severity.UNKNOWN, f"{name} unknown: {BROKEN}")


def _summary(findings: Sequence[Finding]) -> str:
    bad = sorted(
        (finding for finding in findings if finding.severity is not Severity.OK),
        key=lambda finding: WORST_FIRST.index(finding.severity),
    )
    well = [finding for finding in findings if finding.severity is Severity.OK]
    words = [finding.words for finding in bad]
    if well:
        fullest = max(well, key=lambda finding: finding.ratio)
        limits = "1 limit" if len(well) == 1 else f"{len(well)} limits"
        words.append(f"{limits} ok, fullest {fullest.words}")
    return "; ".join(words)


def _finding(rows: Sequence[LimitRow], bounds: Thresholds) -> Finding:
    judged = [(severity(row.ratio, bounds), row) for row in rows]
    worst, row = min(judged, key=_worst_first)
    fullest = max(rows, key=lambda row: row.ratio or 0)
    return Finding(
        row.limit, worst, limit_words.use(row), fullest.ratio or 0, _data(fullest, bounds)
    )


def _worst_first(judged: tuple[Severity, LimitRow]) -> tuple[int, float]:
    level, row = judged
    return WORST_FIRST.index(level), -(row.ratio or 0)


def _data(row: LimitRow, bounds: Thresholds) -> str:
    """Performance data of a limit's fullest instance: the label does not change with it."""
    if row.used is None:
        return ""
    edges = (
        "" if at is None or row.max is None else str(edge(at, row.max))
        for at in (bounds.warning, bounds.critical)
    )
    unit = "B" if row.unit == "bytes" else ""
    maximum = "" if row.max is None else row.max
    return f"'{row.limit}'={row.used}{unit};{';'.join(edges)};0;{maximum}"


def edge(ratio: float, maximum: int) -> int:
    """The most units that are still below a ratio: plugins warn above their threshold, not at it.

    -1 where any use is too much. Raises `TypeError` for a maximum that is no integer: between two
    floats the search would never end.
    """
    if maximum <= 0:
        return -1
    below, above = -1, operator.index(maximum) + 1  # of so large a max many units are one ratio
    while above - below > 1:
        middle = (below + above) // 2
        if middle / maximum < ratio:
            below = middle
        else:
            above = middle
    return below


def _ordered(limit: str, thresholds: Thresholds) -> Thresholds:
    """Thresholds that are not inverted. Raises `CheckError`."""
    wrong = inverted(thresholds)
    if wrong:
        raise CheckError(f"{limit}: {wrong}; set --warning {limit}=RATIO at or below --critical")
    return thresholds


def _known(option: str, name: str, names: Sequence[str] = LIMIT_NAMES) -> str:
    if name not in names:
        kind = "limit" if names is LIMIT_NAMES else "limit or alert"
        raise CheckError(f"--{option}: unknown {kind} {shown(name)}{meant(name, names)}")
    return name


def _ratios(option: str, given: Iterable[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in given:
        name, separator, number = text.partition("=")
        try:
            ratio = float(number)
        except ValueError:
            ratio = math.nan
        if not separator or math.isnan(ratio):
            raise CheckError(f"--{option} {shown(text)} is not LIMIT=RATIO, as in aio_requests=0.7")
        if not 0 < ratio <= 1:
            reason = "the ratio must be more than 0 and at most 1"
            raise CheckError(f"--{option} {shown(text)}: {reason}, as in aio_requests=0.7")
        found[_known(option, name)] = ratio
    return found
