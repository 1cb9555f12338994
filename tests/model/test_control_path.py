"""The control path of synthetic hosts: daemons that hang, are killed, run out of descriptors."""

from __future__ import annotations

from xenwatch.limits.states import Severity, assess
from xenwatch.model.player import Player
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Snapshot, Status


def player_at(name: str, seconds: float) -> Player:
    """A scenario at a time."""
    player = Player(load(name))
    player.advance(seconds)
    return player


def readings(name: str, seconds: float) -> Snapshot:
    """What the probes read of a scenario at a time."""
    return take(ModelSource(player_at(name, seconds).machine), PROBES).snapshot


def test_a_daemon_that_hangs_answers_nobody() -> None:
    """xapi that takes a minute times out, xenstored too, for every client, until both are back."""
    player = player_at("control-path-dead", 700)
    source = ModelSource(player.machine)
    before = take(source, PROBES)
    player.advance(1300)
    after = take(source, PROBES, before=before)

    value = before.snapshot.control_path
    assert value is not None
    assert {name: found.recent for name, found in value.round_trips.items()} == {
        "xenstored": (None,),
        "xapi": (None,),
    }
    assert before.snapshot.outcomes["xenstore"].status is Status.FAILED
    assert after.snapshot.outcomes["xenstore"].status is Status.OK
    assert after.snapshot.control_path is not None
    assert after.snapshot.control_path.round_trips["xapi"].recent == (None, 0.004)


def test_a_killed_xapi_refuses_connections() -> None:
    """A daemon the OOM killer has killed answers no more."""
    value = readings("memory-ends", 1900).control_path

    assert value is not None
    assert value.round_trips["xapi"].failures == 1


def test_xenopsd_runs_out_of_descriptors() -> None:
    """A leak of xenopsd ends at its own limit, which is critical and no other daemon's."""
    states = {
        state.instance: state
        for state in assess(readings("leak-xenopsd-fds", 4100))
        if state.limit.name == "daemon_fds"
    }

    assert states["xenopsd"].used == 4096
    assert states["xenopsd"].severity is Severity.CRITICAL
    assert {states[role].severity for role in states.keys() - {"xenopsd"}} == {Severity.OK}
    assert {"stunnel", "ovs-vswitchd", "ovsdb-server"} < states.keys()
