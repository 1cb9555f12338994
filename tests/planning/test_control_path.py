"""What a plan says while daemons of the control path do not answer."""

from __future__ import annotations

import dataclasses

import pytest

from tests.planning.support import plan, xenserver
from xenwatch.probes.control_path import NO_ROUND_TRIPS
from xenwatch.readings.control_path import ControlPath
from xenwatch.readings.snapshot import Snapshot


def asked(snapshot: Snapshot, **recent: tuple[float | None, ...]) -> Snapshot:
    """The snapshot after these requests to daemons of its control path."""
    trips = {
        name: dataclasses.replace(NO_ROUND_TRIPS, recent=times) for name, times in recent.items()
    }
    return dataclasses.replace(snapshot, control_path=ControlPath(trips, {}))


@pytest.mark.parametrize(
    ("recent", "reason"),
    [
        ({"xenstored": (None,) * 3 + (0.1,) * 3}, "xenstored does not answer"),
        ({"xenstored": (0.1,), "xapi": (None,)}, "xapi does not answer"),
        ({"xenstored": (None,), "xapi": (None,)}, "xenstored and xapi do not answer"),
    ],
)
def test_a_daemon_that_does_not_answer_makes_headroom_unknown(
    recent: dict[str, tuple[float | None, ...]], reason: str
) -> None:
    """While half of the requests fail no limit promises a VM, and each says why."""
    found = plan(asked(xenserver("6.2.0"), **recent), windows=1)

    assert (found.batches, found.at_most, found.binding) == (None, None, None)
    assert {headroom.reason for headroom in found.headrooms} == {reason}


def test_a_daemon_that_fails_few_requests_leaves_headroom() -> None:
    """Below half of the requests a plan is made as if none had failed."""
    snapshot = xenserver("6.2.0")
    recent = (None, None, 0.1, 0.1, 0.1)

    assert plan(asked(snapshot, xenstored=recent), windows=1) == plan(snapshot, windows=1)


def test_a_full_limit_is_known_while_nobody_answers() -> None:
    """That nothing fits by a limit needs no answer of the control path."""
    snapshot = with_aio_used_up(xenserver("6.2.0"))
    found = plan(asked(snapshot, xenstored=(None,)), wanted=1, windows=1)

    assert (found.batches, found.fits) == (0, False)
    assert found.binding is not None
    assert found.binding.limit == "aio_requests"


def with_aio_used_up(snapshot: Snapshot) -> Snapshot:
    """The snapshot of a host that has no aio requests left."""
    assert snapshot.aio is not None
    return dataclasses.replace(
        snapshot, aio=dataclasses.replace(snapshot.aio, nr=snapshot.aio.max_nr)
    )
