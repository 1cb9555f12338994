"""Scenarios played by the clock: what a daemon's alerts do from minute to minute."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.fake_clock import START
from xenwatch import metrics
from xenwatch.alerts.messages import Sender
from xenwatch.alerts.states import Alerts, State
from xenwatch.assessment import Assessment, Rules, assess_pass, with_alerts
from xenwatch.config.settings import Settings
from xenwatch.delivery.outbox import Outbox
from xenwatch.exposition.text_format import Family
from xenwatch.model.player import Player
from xenwatch.model.scenario import Host, Scenario, Vm
from xenwatch.model.source import ModelSource
from xenwatch.model.steps import Start, Step
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.readings.moment import Moment
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import SourceError, XenstoreReply

EVERY: Final = 60.0
"""Seconds between two passes."""
GUESTS: Final = 60
VM: Final = "vm"
SHAPES: Final = {VM: Vm("hvm", vcpus=2, memory_mib=128)}


@dataclass(frozen=True, slots=True)
class Told:
    """An alert that fired: name, severity and its labels, and the minutes of start and end."""

    alert: str
    severity: str
    labels: Mapping[str, str]
    begin: float
    end: float | None


@dataclass(frozen=True, slots=True)
class Played:
    """What fired in a scenario, by the minute it began, and the pages a scrape had got."""

    told: tuple[Told, ...]
    pages: tuple[Sequence[Family], ...]
    last: Snapshot
    events: tuple[tuple[float, Mapping[str, Any]], ...]
    """What a webhook gets of the daemon, and in which minute."""

    def names(self) -> set[tuple[str, str]]:
        """Names and severities of what fired."""
        return {(one.alert, one.severity) for one in self.told}

    def first(self, alert: str, severity: str) -> float:
        """The minute in which an alert first fired."""
        return min(one.begin for one in self.told if (one.alert, one.severity) == (alert, severity))


def sixty(platform: str, *steps: Step, host: Host | None = None) -> Scenario:
    """A host of the platform with sixty HVM guests of two vCPUs, and what happens to it."""
    begin = Start(VM, count=GUESTS)
    return Scenario("sixty", "", platform, (begin, *steps), SHAPES, host=host or Host())


class Refusing(ModelSource):
    """A synthetic host on which xenstored takes no connection from a minute on."""

    refuses = False

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        self._ask()
        return super().xenstore(op, payload)

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        self._ask()
        return super().xenstore_control(requests)

    def round_trip(self, target: str) -> float:
        if target == "xenstored":
            self._ask()
        return super().round_trip(target)

    def _ask(self) -> None:
        if self.refuses:
            raise SourceError("/run/xenstored/socket", os.strerror(errno.EMFILE), errno.EMFILE)


def play(
    scenario: Scenario,
    minutes: float,
    every: float = EVERY,
    *,
    refuses: float | None = None,
    rules: Rules | None = None,
) -> Played:
    """Play a scenario, a pass of every probe at a time.

    Alerts are as by default, or as in `rules`. From minute `refuses` on xenstored takes no
    connection.
    """
    player = Player(scenario)
    source = Refusing(player.machine)
    rules = rules or Rules(policy=Settings().alerts())
    known, before, alerts = Pass(), None, Alerts()
    open_, told, pages = dict[object, Told](), list[Told](), list[Sequence[Family]]()
    box, events = Outbox(Sender("a", "r/"), ["webhook"]), list[tuple[float, Mapping[str, Any]]]()
    for number in range(int(minutes * 60 / every)):
        seconds = number * every
        player.advance(seconds)
        source.refuses = refuses is not None and seconds >= refuses * 60
        known = take(source, PROBES, lambda seconds=seconds: START + seconds, known)  # type: ignore[misc]
        before, page = _judged(known.snapshot, rules, before, alerts)
        alerts = before.alerts or Alerts()
        pages.append(page)
        _follow(alerts, seconds / 60, open_, told)
        box.enqueue(alerts, START + seconds)
        now = Moment(START + seconds, START + seconds)
        events += [(seconds / 60, each.document(now)) for each in box.queues["webhook"]]
        box.queues["webhook"].clear()
    found = sorted((*told, *open_.values()), key=lambda one: (one.begin, one.alert, one.severity))
    return Played(tuple(found), tuple(pages), known.snapshot, tuple(events))


def _judged(
    snapshot: Snapshot, rules: Rules, before: Assessment | None, alerts: Alerts
) -> tuple[Assessment, Sequence[Family]]:
    assessment = assess_pass(snapshot, rules, before)
    page = metrics.families(assessment)
    return with_alerts(assessment, {family.name: family for family in page}, alerts), page


def _follow(alerts: Alerts, minute: float, open_: dict[object, Told], told: list[Told]) -> None:
    """Note what began to fire and what ended."""
    for change in alerts.changes:
        active = change.active
        key = active.alert.name, active.severity, active.labels
        if change.now is State.FIRING:
            labels = dict(active.labels)
            open_[key] = Told(active.alert.name, active.severity, labels, minute, None)
        elif key in open_:
            one = open_.pop(key)
            told.append(Told(one.alert, one.severity, one.labels, one.begin, minute))
