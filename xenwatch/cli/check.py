"""`xenwatch check`: one line, an exit status and performance data for Icinga and Nagios.

As in the Monitoring Plugins Development Guidelines.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xenwatch.cli import daemon_client, limit_words
from xenwatch.cli.check_alerts import ALERT_NAMES, Finding, alerts
from xenwatch.cli.daemon_client import AskError
from xenwatch.cli.output import write
from xenwatch.cli.parser import Parser
from xenwatch.config.settings import ConfigError
from xenwatch.display.text import hint, printable, shown
from xenwatch.display.why import where_and_why
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import Severity, severity
from xenwatch.limits.thresholds import inverted
from xenwatch.readings.origin import Origin
from xenwatch.sources.base import SourceError
from xenwatch.status.host_status import HostStatus, LimitRow
from xenwatch.status.notices import NO_XEN

HELP: Final = "Check limits and alerts for Icinga and Nagios: one line and an exit status."
STATUS: Final = {
    Severity.OK: 0,
    Severity.WARNING: 1,
    Severity.CRITICAL: 2,
    Severity.UNKNOWN: 3,
}
"""Exit statuses."""
EXITS: Final = {code: severity.value for severity, code in STATUS.items()}
WORST_FIRST: Final = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.OK)
LIMIT_NAMES: Final = tuple(limit.name for limit in LIMITS)
OLD: Final = 120.0
"""Seconds after which a daemon's readings are stale."""


class CheckError(Exception):
    """Invalid options; the text says why."""


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
        return STATUS[self.severity]

    def line(self) -> str:
        """It as plugins have it: one line with performance data."""
        # A bar would begin the performance data.
        words = f"XENWATCH {self.severity.name} - {printable(self.words).replace('|', '/')}"
        data = " ".join(finding.data for finding in self.findings if finding.data)
        return f"{words} | {data}\n" if data else f"{words}\n"

    def document(self) -> str:
        """It as JSON: `state`, `exit_status`, `text`, `source` and `findings`.

        Of each finding: `name` of the limit or alert, `state`, `text`.
        """
        findings = [
            {"name": finding.name, "state": finding.severity.value, "text": finding.words}
            for finding in self.findings
        ]
        found = {
            "state": self.severity.value,
            "exit_status": self.status,
            "text": self.words,
            "source": None if self.source is None else dataclasses.asdict(self.source),
            "findings": findings,
        }
        return json.dumps(found, indent=2) + "\n"


def add_options(parser: Parser) -> None:
    """The options of the command."""
    parser.usage_status = STATUS[Severity.UNKNOWN]
    parser.add_argument(
        "--limit",
        metavar="NAME",
        action="append",
        default=[],
        help="only this limit, and no alert; repeatable",
    )
    parser.add_argument(
        "--exclude",
        metavar="NAME",
        action="append",
        default=[],
        help="not this limit or alert, such as zombie_domain; repeatable",
    )
    for name in ("warning", "critical"):
        parser.add_argument(
            f"--{name}",
            metavar="LIMIT=RATIO",
            action="append",
            default=[],
            help=f"used ratio at which the check is {name}; repeatable (default: the daemon's)",
        )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="default: %(default)s"
    )
    daemon_client.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Exit status as plugins have it; unknown also for an error."""
    try:
        if problem := daemon_client.conflict(options):
            raise CheckError(problem)
        asked = question(options)
        answer = daemon_client.look(options, alerts=True)()
        found = judge(answer.status, asked, answer.age)
    except (CheckError, AskError, ConfigError, SourceError, OSError) as error:
        found = unknown(where_and_why(error))
    except Exception as error:  # noqa: BLE001 - Python's own status, 1, would be a warning
        found = unknown(f"bug in xenwatch: {type(error).__name__}: {error}")
    text = found.document() if options.format == "json" else found.line()
    return found.status if write(text) else STATUS[Severity.UNKNOWN]


def question(options: argparse.Namespace) -> Question:
    """The request in the options. Raises `CheckError`."""
    limits = tuple(dict.fromkeys(_known("limit", name) for name in options.limit))
    every = (*LIMIT_NAMES, *ALERT_NAMES)
    excluded = frozenset(_known("exclude", name, every) for name in options.exclude)
    for name in options.limit:
        if name in excluded:
            raise CheckError(f"{name}: --limit and --exclude are mutually exclusive")
    given = {name: _ratios(name, getattr(options, name)) for name in ("warning", "critical")}
    for name, ratios in given.items():
        for limit in ratios:
            if limits and limit not in limits:
                raise CheckError(f"--{name} {limit}=...: that limit is excluded by --limit")
            if limit in excluded:
                raise CheckError(f"--{name} {limit}=...: that limit is excluded by --exclude")
    warning, critical = given["warning"], given["critical"]
    for limit in warning.keys() & critical.keys():  # before anything is read
        _ordered(limit, Thresholds(warning[limit], critical[limit]))
    return Question(limits, **given, excluded=excluded)


def judge(status: HostStatus, asked: Question, age: float) -> Verdict:
    """The verdict on readings that are `age` seconds old. Raises `CheckError`.

    A host in maintenance is ok: what is wrong is said, and nobody is notified. One without Xen is
    unknown, however well its limits are.
    """
    if age > OLD:
        return unknown(f"readings are stale: the newest is {age:.0f} s old")
    findings = [
        _finding(list(rows), asked)
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
        findings += alerts(status, asked.excluded)
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


def _finding(rows: Sequence[LimitRow], asked: Question) -> Finding:
    bounds = asked.thresholds(rows[0])
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

    -1 where any use is too much.
    """
    if maximum <= 0:
        return -1
    guess = math.ceil(ratio * maximum)
    return next(units for units in range(guess, -2, -1) if units / maximum < ratio)


def _ordered(limit: str, thresholds: Thresholds) -> Thresholds:
    """Thresholds that are not inverted. Raises `CheckError`."""
    wrong = inverted(thresholds)
    if wrong:
        raise CheckError(f"{limit}: {wrong}; set --warning {limit}=RATIO at or below --critical")
    return thresholds


def _known(option: str, name: str, names: Sequence[str] = LIMIT_NAMES) -> str:
    if name not in names:
        meant = hint(name, names) or f"; must be one of: {', '.join(names)}"
        kind = "limit" if names is LIMIT_NAMES else "limit or alert"
        raise CheckError(f"--{option}: unknown {kind} {shown(name)}{meant}")
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
        found[_known(option, name)] = ratio
    return found
