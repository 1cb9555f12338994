"""High availability: what xhad tells, and what it means that it does not."""

from __future__ import annotations

import pytest

from tests.parse.test_liveset import PRINTED, A, B
from tests.probes.support import (
    NO_XEN,
    FakeHost,
    Files,
    dom0,
    failure_of,
    outcome_of,
    output,
    value_of,
)
from xenwatch.model.render.liveset import render_liveset
from xenwatch.parse.liveset import COMMAND, Liveset
from xenwatch.probes.ha import HA
from xenwatch.readings.ha import Ha, PoolHost
from xenwatch.readings.snapshot import Status
from xenwatch.sources.base import CommandOutput, SourceError


def host(answer: CommandOutput) -> FakeHost:
    """A dom0 whose xhad answers so."""
    return dom0(commands={COMMAND: answer})


def test_a_pool_is_read_in_seconds() -> None:
    """Ages, timeouts and the latency are seconds, and what there was never is absent."""
    found = value_of(HA, host(output(PRINTED.encode())))

    assert isinstance(found, Ha)
    assert found.hosts == {
        A: PoolHost(True, False, 2.64, 64.01),
        B: PoolHost(False, True, None, None),
    }
    assert (found.online, found.timeouts) == (True, {"heartbeat": 60.0, "statefile": 45.0})
    assert found.statefile_latency == 0.021
    assert {name for name, on in found.warnings.items() if on} == {
        "statefile_lost",
        "xapi_healthcheck_approaching_timeout",
    }


def test_while_xhad_starts_nothing_else_is_known() -> None:
    """It is not online, and has no hosts, times or warnings."""
    starting = render_liveset(A, Liveset(online=False))
    nothing = {"heartbeat": None, "statefile": None}

    assert value_of(HA, host(output(starting))) == Ha(False, {}, nothing, None, {})


def test_a_pool_without_high_availability_is_well() -> None:
    """Where xhad is not installed, or does not run, the probe does not apply."""
    for source in (dom0(), host(output(b"", 14))):
        assert outcome_of(HA, source).status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("answer", [output(b"", 3), output(b"", -9), output(b"<html>")])
def test_an_answer_that_is_none_is_a_failure(answer: CommandOutput) -> None:
    """Another exit status, and anything but XML of the known form, is no pool that is well."""
    assert "query_liveset" in failure_of(HA, host(answer))


def test_an_answer_that_does_not_come_is_a_failure() -> None:
    """A daemon that hangs is not one that does not run."""
    late = SourceError(" ".join(COMMAND), "timed out after 5 s")

    assert "timed out" in failure_of(HA, dom0(errors={COMMAND: late}))


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN.keys())
def test_elsewhere_it_does_not_apply(files: Files) -> None:
    """A machine that is no dom0 is in no pool, and is not asked."""
    source = FakeHost(files=files)

    assert outcome_of(HA, source).status is Status.NOT_APPLICABLE
    assert COMMAND not in source.asked
