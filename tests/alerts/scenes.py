"""What happens to a host, and what is to be told of it: a table of scenes, played by the clock."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.alerts.notified import Notification, notifications
from tests.alerts.played import SHAPES, VM, Played, Told, play, sixty
from xenwatch.alerts.names import CRITICAL, INFO, WARNING
from xenwatch.assessment import Rules
from xenwatch.config.settings import Settings
from xenwatch.limits.base import Thresholds
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.scenario import Host, Scenario
from xenwatch.model.scenario_source import load
from xenwatch.model.steps import Hang, Leak, Load, Restart, Start, Step, Stop

POLICY: Final = Settings().alerts()
MAIL, PAGE = "mail", "page"


@dataclass(frozen=True, slots=True)
class Scene:
    """A scenario for so many minutes, in which something happens in minute `event`.

    From minute `refuses` on xenstored takes no connection; from minute `gone` on the host does not
    answer. `thresholds` are those configured of limits. `expected` are the notifications that are
    to come, each with its receiver and what it is about; `causes` are as many as have one of their
    own.
    """

    scenario: Scenario
    minutes: int
    expected: tuple[tuple[str, str], ...] = ()
    causes: int = 1
    event: float = 1
    refuses: float | None = None
    gone: float | None = None
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)


def small(*steps: Step) -> Scenario:
    """An XCP-ng 8.3 with five guests, and what happens to it."""
    return Scenario("small", "", "xcp-ng-8.3", (Start(VM, count=5), *steps), SHAPES)


def hangs(every: int, until: int) -> tuple[Hang, ...]:
    """Time and again xapi hangs for four minutes."""
    return tuple(
        Hang("xapi", seconds, at=60.0 * minute)
        for begin in range(1, until, every)
        for minute, seconds in ((begin, 60), (begin + 4, 0))
    )


OVERLOAD: Final = Load(at=60, datapath=0.9, control=0.5)
TABLE: Final[Mapping[str, Scene]] = {
    "dom0 is starved, and somebody has put QEMUs into the root group": Scene(
        sixty("xcp-ng-8.3", OVERLOAD, host=Host(qemus_in_root=True)), 45,
        ((MAIL, "the QEMUs"),),
    ),
    "dom0 is starved": Scene(
        sixty("xcp-ng-8.3", OVERLOAD), 45, ((MAIL, "the toolstack's share"),)
    ),
    "the control path dies: xapi hangs, and nine minutes later xenstored": Scene(
        load("control-path-dead"), 20, ((PAGE, "xapi"), (PAGE, "xenstored")), causes=2
    ),
    "xapi answers slowly": Scene(
        load("control-path-slow"), 40, ((MAIL, "slow"), (PAGE, "much slower"))
    ),
    "xenstored refuses every connection": Scene(
        small(), 40, ((PAGE, "xenstored"),), refuses=1
    ),
    "two limits leak at once": Scene(
        small(Leak("xenopsd_fds", at=60, amount=3), Leak("blktap_minors", at=60)), 40,
        ((PAGE, "the one that ends within the hour"), (MAIL, "the other one")),
    ),
    "20 zombies": Scene(
        sixty("xcp-ng-8.3", Stop(20, at=60, dying=True)), 45, ((MAIL, "all of them"),)
    ),
    "flapping: xapi hangs for 4 minutes of every 10": Scene(
        small(*hangs(10, 60)), 100, ((PAGE, "once"), (PAGE, "that it is over"))
    ),
    "flapping: xapi hangs for 4 minutes of every 25": Scene(
        small(*hangs(25, 100)), 130, ((PAGE, "once"), (PAGE, "that it is over"))
    ),
    "a leak ends on a plateau": Scene(
        small(Leak("xenopsd_fds", at=60, amount=2, count=1500)), 60,
        ((PAGE, "the forecast"), (PAGE, "that it is over")),
    ),
    "the host is gone": Scene(
        small(), 40, ((MAIL, "down"), (PAGE, "still down")), event=5, gone=5
    ),
    "the host is gone, and has 3 zombies": Scene(
        small(Stop(3, at=60, dying=True)), 60,
        ((MAIL, "the zombies"), (MAIL, "down"), (PAGE, "still down")),
        causes=2, gone=20,
    ),
    "a threshold is overridden: 5 % of descriptors": Scene(
        small(Leak("xenopsd_fds", at=60, amount=2, count=1500)), 8,
        ((MAIL, "the limit, before any forecast"),),
        thresholds={"daemon_fds": Thresholds(0.05, None)},
    ),
    "churn: a VM restarts twice a minute": Scene(
        sixty("xcp-ng-8.3", Restart(at=60, every=30, count=None)), 40, ((MAIL, "the VM"),)
    ),
    "storage hangs": Scene(load("storage-hung"), 16, ((PAGE, "the storage"),)),
    "paths to storage are lost": Scene(
        load("path-lost"), 15, ((MAIL, "one path"), (PAGE, "all paths"))
    ),
    "an uplink is lost": Scene(
        load("uplink-lost"), 16, ((MAIL, "one of the bond"), (PAGE, "all of it"))
    ),
    "interfaces of VMs are in no bridge": Scene(
        load("vif-unattached"), 16, ((MAIL, "the VMs"), (PAGE, "still"))
    ),
}  # fmt: skip
SCENES: Final[Mapping[str, Scene]] = {
    **{f"healthy: 60 VMs on {name}": Scene(sixty(name), 31, event=0) for name in PLATFORMS},
    **TABLE,
}


@functools.cache
def played(name: str) -> Played:
    """The scene, played once."""
    scene = SCENES[name]
    rules = Rules(policy=POLICY, thresholds=scene.thresholds)
    until = scene.minutes if scene.gone is None else scene.gone
    return play(scene.scenario, until, refuses=scene.refuses, rules=rules)


def fired(name: str) -> tuple[Told, ...]:
    """What fires in a scene; of a host that is gone Prometheus's alerts, and what it keeps."""
    scene, told = SCENES[name], played(name).told
    if scene.gone is None:
        return told
    kept = scene.gone + POLICY.keep / 60
    down = POLICY.seconds["down"] / 60, POLICY.critical_seconds["down"] / 60
    return (
        *(Told(one.alert, one.severity, one.labels, one.begin, kept) for one in told),
        Told("unreachable", INFO, {}, scene.gone, None),
        Told("down", WARNING, {}, scene.gone + down[0], None),
        Told("down", CRITICAL, {}, scene.gone + down[1], None),
    )


def told(name: str) -> list[Notification]:
    """What Alertmanager tells in a scene."""
    return notifications(fired(name), SCENES[name].minutes)
