"""Storage of disks on the synthetic host: it fills, it hangs, and what is said of it then."""

from __future__ import annotations

import dataclasses

import pytest

from xenwatch.alerts.states import Alerts, step
from xenwatch.assessment import assess_pass
from xenwatch.config.settings import Settings
from xenwatch.limits.states import Severity, assess
from xenwatch.metrics import families
from xenwatch.model.platform import REPOSITORY
from xenwatch.model.player import Player
from xenwatch.model.scenario import parse
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.model.toml import ScenarioError
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.readings.snapshot import Snapshot

POLICY = Settings().alerts()
LVM = ("thin_pools", "volume_groups")
ENABLED = tuple(
    dataclasses.replace(probe, enabled=probe.enabled or probe.name in LVM) for probe in PROBES
)
"""The probes, with those of LVM, which are disabled by default."""
HEAD = 'title = "t"\nplatform = "debian-12"\n[[steps]]\n'
REFUSED = {
    'do = "write"\nstorage = "tape"\ngib = 1': "storage must be one of: repository, thin_pool",
    'do = "write"\nstorage = "thin_pool"\ngib = 1': "storage thin_pool: debian-12 has none",
    'do = "write"\nstorage = "repository"\ngib = 1': "storage repository: debian-12 has none",
    'do = "stall"\nat = 9\nuntil = 9': "until must be after at",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_step_that_cannot_be_is_refused(text: str) -> None:
    """An error names the scenario and the reason."""
    with pytest.raises(ScenarioError) as caught:
        parse("bad", HEAD + text)

    assert str(caught.value) == f"scenario bad: {REFUSED[text]}"


def test_nothing_is_no_write() -> None:
    """A write of 0 GiB would never fill the storage."""
    text = HEAD.replace("debian-12", "debian-13") + 'do = "write"\nstorage = "thin_pool"\ngib = 0'
    with pytest.raises(ScenarioError, match="every and gib of a write must be greater than 0"):
        parse("bad", text)


def played(name: str, seconds: float) -> Player:
    """A scenario at a time."""
    player = Player(load(name))
    player.advance(seconds)
    return player


def readings(player: Player) -> Snapshot:
    """What the probes read."""
    return take(ModelSource(player.machine), ENABLED).snapshot


@pytest.mark.parametrize(
    ("name", "seconds", "limit", "error"),
    [
        ("storage-full", 1400, "storage_repository", "SR_BACKEND_FAILURE_44"),
        ("thin-pool-full", 900, "thin_pool_data", "free space in thin pool"),
    ],
)
def test_storage_of_disks_is_full(name: str, seconds: float, limit: str, error: str) -> None:
    """What VMs write fills their storage, which is critical, and the operator sees the error."""
    player = played(name, seconds)
    states = {state.limit.name: state for state in assess(readings(player))}

    assert (states[limit].ratio, states[limit].severity) == (1, Severity.CRITICAL)
    assert [error in text for _, text in player.errors] == [True]


def test_metadata_of_a_pool_grow_with_its_data() -> None:
    """Blocks that are written are mapped, and a pool without a free one is in another mode."""
    before, after = (readings(played("thin-pool-full", at)).thin_pools for at in (5, 900))
    assert before is not None
    assert after is not None
    (was,), (now,) = before.by_name.values(), after.by_name.values()

    assert was.metadata is not None
    assert now.metadata is not None
    assert was.metadata.used < now.metadata.used < now.metadata.total
    assert (was.mode, now.mode) == ("rw", "out_of_data_space")


def firing(found: Pass) -> list[tuple[str, str, float]]:
    """Storage, VM and number of disks of what the alert about hung storage says after a pass."""
    made = {family.name: family for family in families(assess_pass(found.snapshot))}
    states = step(Alerts(), made, found.snapshot, POLICY, limits=assess(found.snapshot))
    those = [each for each in states.firing if each.alert.name == "storage_hung"]
    return [(dict(each.labels)["storage"], dict(each.labels)["name"], each.value) for each in those]


@pytest.mark.parametrize(
    ("platform", "storage", "disks"), [("xcp-ng-8.3", REPOSITORY, 20), ("debian-13", "loop0", 1)]
)
def test_hung_storage_is_named_with_a_vm_until_it_answers(
    platform: str, storage: str, disks: int
) -> None:
    """Two minutes after requests hang the alert fires by storage, and ends when they complete."""
    scenario = dataclasses.replace(load("storage-hung"), platform=platform)
    player = Player(scenario)
    source, found, told = ModelSource(player.machine), Pass(), {}
    for seconds in (45, 60, 165, 195, 645, 675):
        player.advance(seconds)
        found = take(source, ENABLED, lambda: 1000.0 + player.seconds, found)
        told[seconds] = sorted(firing(found))[:1]

    hung = [(storage, "linux-0001", disks)]
    assert told == {45: [], 60: [], 165: [], 195: hung, 645: hung, 675: []}


def test_a_repository_that_does_not_answer_is_named() -> None:
    """While its server hangs the repository has no size, and the metric says which it is."""
    hangs, answers = (readings(played("storage-hung", seconds)) for seconds in (300, 700))
    metric, place = "xenwatch_storage_repository_success", f"/run/sr-mount/{REPOSITORY}"

    for snapshot, value in ((hangs, 0), (answers, 1)):
        page = {family.name: family for family in families(assess_pass(snapshot))}
        assert list(page[metric].samples) == [((REPOSITORY, place), value)]
    assert "storage_repository" not in {s.limit.name for s in assess(hangs) if s.used is not None}
