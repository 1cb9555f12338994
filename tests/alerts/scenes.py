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
from xenwatch.config.settings import load_settings as load_settings
from xenwatch.limits.base import Thresholds
from xenwatch.model.scenario import Host, Scenario
from xenwatch.model.scenario_source import load
from xenwatch.model.steps import Leak, Load, Restart, Start, Step, Stop

POLICY: Final = Settings().alerts()
MAIL, PAGE = "mail", "page"


@dataclass(frozen=True, slots=True)
class Scene:
    """A scenario for so many minutes, in which something happens in minute `event`.

    From minute `refuses` on xenstored takes no connection; from minute `gone` on the host does not
    answer. `thresholds` are those configured of limits. `expected` is how many notifications each
    receiver of Alertmanager gets, `why` what they are about.
    """

    scenario: Scenario
    minutes: int
    event: float = 1
    refuses: float | None = None
    gone: float | None = None
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    why: str = "nothing"


def small(*steps: Step) -> Scenario:
    """An XCP-ng 8.3 with five guests, and what happens to it."""
    return Scenario("small", "", "xcp-ng-8.3", (Start(VM, count=5), *steps), SHAPES)


FLAPPING: Final = tuple(
    Leak("blktap_minors", at=60 + 1200 * n, every=0.01, amount=1, count=14000) for n in range(1)
)
SCENES: Final[Mapping[str, Scene]] = {
    "dom0 starved, QEMUs in the root group": Scene(
        sixty("xcp-ng-8.3", Load(at=60, datapath=0.9, control=0.5), host=Host(qemus_in_root=True)),
        45, expected={MAIL: 1}, why="what makes daemons wait",
    ),
    "dom0 starved": Scene(
        sixty("xcp-ng-8.3", Load(at=60, datapath=0.9, control=0.5)),
        45, expected={MAIL: 1}, why="that daemons wait",
    ),
    "xapi hangs, xenstored nine minutes later": Scene(
        load("control-path-dead"), 20, expected={PAGE: 2}, why="xapi; xenstored",
    ),
    "xapi is slow": Scene(
        load("control-path-slow"), 40, expected={MAIL: 1, PAGE: 1},
        why="slow, after eleven minutes a page",
    ),
    "xenstored refuses connections": Scene(
        small(), 40, refuses=1, expected={PAGE: 1}, why="xenstored",
    ),
    "two limits at once": Scene(
        small(Leak("xenopsd_fds", at=60, amount=3), Leak("blktap_minors", at=60)), 40,
        expected={PAGE: 1, MAIL: 1}, why="the limit that ends within the hour; the other one",
    ),
    "20 zombies": Scene(
        sixty("xcp-ng-8.3", Stop(20, at=60, dying=True)), 45, expected={MAIL: 1},
        why="all of them",
    ),
    "a leak that ends on a plateau": Scene(
        small(Leak("xenopsd_fds", at=60, amount=2, count=1500)), 60, expected={PAGE: 2},
        why="the forecast, and half an hour later that it is over",
    ),
    "the host is gone": Scene(
        small(), 40, event=5, gone=5, expected={MAIL: 1, PAGE: 1}, why="down",
    ),
    "the host is gone, with 3 zombies": Scene(
        small(Stop(3, at=60, dying=True)), 60, event=20, gone=20, expected={MAIL: 2, PAGE: 1},
        why="zombies, down, and no end of the zombies",
    ),
    "thresholds overridden": Scene(
        small(Leak("xenopsd_fds", at=60, amount=1, count=200)), 20,
        thresholds={"daemon_fds": Thresholds(0.03, None)}, expected={MAIL: 1},
        why="the limit, at 3 %",
    ),
    "churn: a VM restarts twice a minute": Scene(
        sixty("xcp-ng-8.3", Restart(at=60, every=30, count=None)), 40, expected={MAIL: 1},
        why="the VM",
    ),
    "storage hangs": Scene(load("storage-hung"), 16, expected={PAGE: 1}, why="the storage"),
    "paths to storage are lost": Scene(
        load("path-lost"), 15, expected={MAIL: 1, PAGE: 1}, why="one path; all of them",
    ),
    "an uplink is lost": Scene(
        load("uplink-lost"), 16, expected={MAIL: 1, PAGE: 1}, why="one of the bond; all of it",
    ),
    "interfaces of VMs in no bridge": Scene(
        load("vif-unattached"), 16, expected={MAIL: 1, PAGE: 1}, why="the VMs, and ten minutes on",
    ),
}  # fmt: skip


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
