"""High availability of the synthetic host's pool: what its xhad tells."""

from __future__ import annotations

import uuid
from typing import Final

from xenwatch.model.platform import XAPI, Platform
from xenwatch.model.render.liveset import render_liveset
from xenwatch.model.state import Dom0
from xenwatch.model.tree import FileTree
from xenwatch.parse.liveset import NO_DAEMON, PROGRAM, WARNINGS, HostState, Liveset
from xenwatch.sources.base import CommandOutput
from xenwatch.values import dataclass

HOSTS: Final = tuple(str(uuid.UUID(int=(0x5EED << 112) + number)) for number in range(1, 4))
"""The hosts of the pool, this one first."""
TIMEOUT: Final = 60_000
"""Milliseconds of both timeouts: xapi's ha_default_timeout_base."""
_AGE: Final = 2_640
"""Milliseconds since the last heartbeat of each host, which come every seven seconds."""
_LATENCY: Final = 21
_LOST: Final = WARNINGS[0]
_SINCE: Final = (4, 4)
"""The kernel of the first XenServer with xhad where it is today."""


@dataclass(frozen=True, slots=True)
class HaWarning:
    """A step of a scenario: xhad of this host warns, from `at` on, of one of `WARNINGS`."""

    warning: str
    at: float = 0.0

    def problems(self, platform: Platform | None) -> list[tuple[bool, str]]:
        """What is wrong with it on a platform, see `xenwatch.model.scenario`."""
        return [
            (self.warning not in WARNINGS, f"warning must be one of: {', '.join(WARNINGS)}"),
            (platform is None or not has_xhad(platform), "ha_warning: the platform has no xhad"),
        ]


def has_xhad(platform: Platform) -> bool:
    """Whether xhad is installed, which it is on all hosts of xapi, used or not."""
    return platform.toolstack == XAPI and platform.kernel >= _SINCE


def build(tree: FileTree, dom0: Dom0) -> None:
    """Add the program."""
    if has_xhad(dom0.platform):
        tree.file(PROGRAM, b"\x7fELF")


def answer(dom0: Dom0) -> CommandOutput:
    """What the program prints: nothing where high availability is not enabled."""
    if not dom0.platform.ha:
        return CommandOutput(NO_DAEMON, b"", b"")
    warned = dom0.standing.warned
    own = round((dom0.seconds - warned[_LOST]) * 1000) if _LOST in warned else 0
    found = Liveset(
        online=True,
        hosts=tuple(
            HostState(name, True, False, _AGE, _AGE if name != HOSTS[0] else _AGE + own)
            for name in HOSTS
        ),
        statefile_latency=_LATENCY,
        heartbeat_timeout=TIMEOUT,
        statefile_timeout=TIMEOUT,
        warnings={name: name in warned for name in WARNINGS},
    )
    return CommandOutput(0, render_liveset(HOSTS[0], found), b"")
