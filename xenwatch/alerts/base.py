"""What an alert is: one the daemon evaluates, or one for Prometheus alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from xenwatch.alerts.bounds import Bound
from xenwatch.alerts.conditions import Condition
from xenwatch.alerts.details import Detail
from xenwatch.alerts.names import CRITICAL, WARNING, alert_name
from xenwatch.limits.base import Thresholds
from xenwatch.values import dataclass

PERCENT: Final = "percent"
DURATION: Final = "duration"
TIME_LEFT: Final = "time left"
NUMBER: Final = "number"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    `conditions` are by severity when it is active; `labels` those of its series, `fixed` those that
    all of them have, with their values; `seconds` how long a condition must hold (a default),
    `critical_seconds` the critical one where that differs. `summary` and `description` may hold
    `{value}`, `{LABEL}`, `{vm}` (name and UUID), `{backend}` (dom0 or a driver domain) and
    `{title}` (of the limit that the label names);
    `details` are further sentences, and `first` is the command to begin with, right on every
    platform. `shown` says how the value is written: percent, duration, time left or number. `over`
    is summary and description once the condition has ended, where the others say what will be; the
    daemon alone has them, as Prometheus keeps the last words. `probe` is the probe without which
    nothing is known, empty where there is none; `probes` are those by value of the first label,
    where each series has its own; `sparse` whether no series at all means ok.
    `causes` are names of alerts that explain this one, where its labels have a value of those in
    `explained`. `thresholds` are the defaults of thresholds that are set for the alert itself,
    `unit` what they are in where `shown` does not say so, `bounds` its further numbers; `section`
    is its name in the configuration. `explains` names the alerts that are its symptoms, the inverse
    of `causes`. `errors` are what logs and tools show while it is active, in the form of
    `xenwatch.errors.pattern`, each with what it means.
    """

    name: str
    summary: str
    description: str
    first: str
    conditions: Mapping[str, Condition]
    seconds: float
    labels: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    details: tuple[Detail, ...] = ()
    shown: str = NUMBER
    over: tuple[str, str] | None = None
    probe: str = ""
    probes: Mapping[str, str] = field(default_factory=dict)
    sparse: bool = True
    causes: tuple[str, ...] = ()
    explained: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    thresholds: Thresholds | None = None
    unit: str = ""
    bounds: tuple[Bound, ...] = ()
    critical_seconds: float | None = None
    section: str = ""
    explains: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name other programs see."""
        return alert_name(self.name)

    @property
    def runbook(self) -> str:
        """The file name of the runbook."""
        return runbook(self.name)

    @property
    def ripens(self) -> bool:
        """Whether time alone makes it critical: the condition of both severities is the same."""
        return self.conditions.get(WARNING) == self.conditions.get(CRITICAL)

    @property
    def lower_is_worse(self) -> bool:
        """Whether its critical threshold is the lower one: it is active below them."""
        return any(condition.lower_is_worse for condition in self.conditions.values())


@dataclass(frozen=True, slots=True)
class Watch:
    """An alert for Prometheus alone: about xenwatch itself, many hosts, or the past.

    `expression` is PromQL, in which `$NAME` is the bound of that name. It has `severity` once the
    expression has held for `seconds`, and is critical after `critical_seconds` if these are set.
    `slow` means that the expression reads hours of every series, and is evaluated less often.
    With `mutes` it inhibits all other alerts of its host except those in `spares`, and how long its
    expression must hold is no key, as any wait would defeat it; `outlasts` means that it is kept
    for as long as these are after their conditions have ended. The rest is as in `Alert`.
    """

    name: str
    summary: str
    description: str
    first: str
    expression: str
    seconds: float
    severity: str = WARNING
    labels: tuple[str, ...] = ("job", "instance")
    details: tuple[Detail, ...] = ()
    shown: str = NUMBER
    bounds: tuple[Bound, ...] = ()
    critical_seconds: float | None = None
    slow: bool = False
    mutes: bool = False
    outlasts: bool = False
    spares: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name other programs see."""
        return alert_name(self.name)

    @property
    def section(self) -> str:
        """The alert's name in the configuration: its own, as it shares none."""
        return self.name

    @property
    def ripens(self) -> bool:
        """Whether time alone makes it critical."""
        return self.critical_seconds is not None

    @property
    def severities(self) -> tuple[str, ...]:
        """The severities it can have."""
        return (self.severity,) if self.critical_seconds is None else (self.severity, CRITICAL)

    @property
    def runbook(self) -> str:
        """The file name of the runbook."""
        return runbook(self.name)


def runbook(name: str) -> str:
    """The file name of an alert's runbook: `XenwatchProbeFailing.md`."""
    return f"{alert_name(name)}.md"
