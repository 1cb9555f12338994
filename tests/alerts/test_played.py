"""Scenarios by the alerts they raise, and by the time until somebody is told."""

from __future__ import annotations

import pytest

from tests.alerts.played import GUESTS, play, sixty
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.scenario import Host
from xenwatch.model.steps import Load
from xenwatch.status.shipped import shipped

MINUTES = 32
IN_ROOT = {"xenserver-7.0", "xenserver-7.1", "xcp-ng-8.2", "xenserver-8"}
"""Platforms whose own toolstack puts QEMUs into the root cgroup."""


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_healthy_host_is_silent(name: str) -> None:
    """Sixty HVM guests of two vCPUs raise nothing in half an hour, and what is shipped is told."""
    played = play(sixty(name), MINUTES)

    assert played.told == ()
    assert played.last.domains is not None
    assert len(played.last.domains.domains) == GUESTS + 1
    told = list(shipped(played.last))
    assert [sentence.partition(",")[0] for sentence in told] == (
        [f"{GUESTS} qemu-system-i38 in cgroup /"] if name in IN_ROOT else []
    )


@pytest.mark.parametrize("in_root", [True, False])
def test_causes_of_a_starved_toolstack_are_warnings_where_it_waits(in_root: bool) -> None:
    """With dom0 overloaded its daemons wait for a CPU: what explains it is told, and pages nobody.

    QEMUs in the root group are only told where somebody has put them there.
    """
    load = Load(at=60, datapath=0.9, control=0.5)

    played = play(sixty("xcp-ng-8.3", load, host=Host(qemus_in_root=in_root)), MINUTES)

    causes = (
        {"control_path_starved", "misplaced_processes"} if in_root else {"control_path_starved"}
    )
    assert {name for name, _ in played.names()} >= causes
    assert CRITICAL not in {severity for _, severity in played.names()}
    assert {played.first(name, WARNING) for name in causes} == {12}
