"""A pass as a table and as JSON, with what strangers named in it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import full_snapshot
from xenwatch.cli import doctor, limits_table
from xenwatch.cli.outcomes import failures
from xenwatch.display.quantities import quantity
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Max, Thresholds
from xenwatch.limits.states import LimitState
from xenwatch.model.devices import vm
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

LABELLED = next(limit for limit in LIMITS if limit.label == "domid")


def state(instance: str = "", origin: str = "the kernel", **numbers: int) -> LimitState:
    """A limit with instances at `used` of `max`."""
    maximum = Max(numbers["max"], origin) if "max" in numbers else None
    bounds = Thresholds(0.5, 0.9)
    return LimitState(LABELLED, instance, numbers.get("used"), maximum, bounds)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_in_a_narrow_terminal_the_state_is_seen(width: int) -> None:
    """The name of a limit is shortened in its place; where there is room, nothing is."""
    states = [state("x" * 200, used=99, max=100), state("a", used=1, max=1000)]
    lines = limits_table.table(states, width=width).splitlines()
    assert lines[1][: width - 2].split()[2:] == ["99", "100", "99.0%", "critical"]
    assert limits_table.table(states, width=400) == limits_table.table(states)


def test_a_table_is_aligned() -> None:
    """Each column begins at the same place in every line, and nothing trails."""
    text = limits_table.table([state("a", used=1, max=2), state("bcd", used=100, max=1000)])
    lines = text.splitlines()

    assert lines[0].split() == [*" ".join(limits_table.HEADER).split()]
    places = [line.index(word) for line, word in zip(lines, ["ORIGIN", "the", "the"], strict=True)]
    assert len(set(places)) == 1
    assert not any(line.endswith(" ") for line in lines)


def test_a_table_says_what_is_known() -> None:
    """Used, max, ratio, state and origin are shown, and dashes where there is none."""
    known, unknown = limits_table.table(
        [state("a", used=1, max=2), state("b", used=3)]
    ).splitlines()[1:]

    assert known.split()[-6:] == ["1", "2", "50.0%", "warning", "the", "kernel"]
    assert unknown.split()[-5:] == ["3", "-", "-", "unknown", "-"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1023, "1023"),
        (1024, "1.0 KiB"),
        ((1 << 30) - (1 << 20), "1023.0 MiB"),
        ((1 << 30) - 1, "1.0 GiB"),
        (1 << 75, "32768.0 EiB"),
    ],
)
def test_bytes_are_rounded_to_the_unit_they_reach(value: int, text: str) -> None:
    """Bytes have the largest unit of which there is at least one, rounded as it is shown."""
    assert quantity(value, "bytes") == text


def test_a_table_is_not_flooded_by_instances_that_are_well() -> None:
    """Of many domains those in trouble and the fullest others are shown, the rest is counted."""
    well = [state(str(number), used=number, max=1000) for number in range(100)]
    text = limits_table.table([*well, state("full", used=1000, max=1000), state("odd", used=7)])
    names = [line.split()[1] for line in text.splitlines()[1:]]

    assert names == [f"domid={name}" for name in ("98", "99", "full", "odd")] + ["(98"]
    assert "(98 more, less full)" in text


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_table_moves_no_cursor(instance: str, origin: str) -> None:
    """Whatever an instance is called, the table has one line for it, fit for a terminal."""
    lines = limits_table.table([state(instance, origin, used=1, max=2)]).split("\n")

    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "bytes", "-"),
        (0, "bytes", "0"),
        (1023, "bytes", "1023"),
        (1024, "bytes", "1.0 KiB"),
        (25276510208, "bytes", "23.5 GiB"),
        (1 << 90, "bytes", "1073741824.0 EiB"),
        (131072, "", "131072"),
    ],
)
def test_quantities_are_short(value: int | None, unit: str, text: str) -> None:
    """Bytes are in powers of 1,024, counts in full."""
    assert quantity(value, unit) == text


def test_failures_are_lines() -> None:
    """Each failed probe is one line with the reason, whatever is in it."""
    outcomes = {
        "aio": Outcome(Status.FAILED, "/proc/x: bad\n\x1b[2J"),
        "irqs": Outcome(Status.OK),
        "blktap": Outcome(Status.NOT_APPLICABLE, "no blktap"),
    }

    assert failures(outcomes) == "aio: /proc/x: bad\\n\\x1b[2J\n"


def test_one_reason_of_many_probes_is_said_once() -> None:
    """If nothing can be read, that is a line, not one for every probe."""
    lost = Outcome(Status.FAILED, "no socket")
    outcomes = {"aio": lost, "irqs": Outcome(Status.FAILED, "bad"), "host": lost, "pids": lost}

    assert failures(outcomes).splitlines() == [
        "aio: no socket",
        "host: no socket",
        "pids: no socket",
        "irqs: bad",
    ]
    assert failures({**outcomes, "memory": lost}) == (
        "4 probes failed: no socket; for their names: xenwatch doctor\nirqs: bad\n"
    )


def test_doctor_tells_of_every_probe() -> None:
    """Each probe is named with its state and what it reads; a failure has reason and advice."""
    outcomes = {probe.name: Outcome(Status.OK) for probe in PROBES}
    outcomes[PROBES[1].name] = Outcome(Status.FAILED, "no \x1b[2J access")
    outcomes[PROBES[2].name] = Outcome(Status.DISABLED)
    outcomes[PROBES[3].name] = Outcome(Status.NOT_APPLICABLE, "no such thing")
    text = doctor.report(Snapshot(outcomes=outcomes), PROBES)

    for probe in PROBES:
        assert f"{probe.name}: {outcomes[probe.name].status.value}\n  reads: {probe.reads}" in text
    assert r"  why: no \x1b[2J access" + f"\n  do: {PROBES[1].advice}\n" in text
    assert f"set enabled = true in [probes.{PROBES[2].name}]" in text
    assert "  why: no such thing\n" in text
    assert "1 failed, 1 not applicable, 1 disabled" in text


def test_doctor_tells_once_what_a_release_ships() -> None:
    """QEMUs where the release itself puts them are told with its name, and are not misplaced."""
    machine = Machine(PLATFORMS["xcp-ng-8.2"])
    machine.start(b"vm", vm(machine.dom0.platform, "hvm"))
    snapshot = take(ModelSource(machine), PROBES).snapshot
    assert snapshot.slices is not None
    assert snapshot.slices.misplaced == {}
    text = doctor.report(snapshot, PROBES)
    assert text.count("1 qemu-system-i38 in cgroup /, where XCP-ng 8.2 puts them") == 1


def test_doctor_explains_a_host_without_xen() -> None:
    """On a machine that is no dom0 the report says so and what to try."""
    host = full_snapshot().host
    assert host is not None
    here = doctor.report(Snapshot(host=dataclasses.replace(host, is_dom0=False)), ())
    dom0 = doctor.report(Snapshot(host=dataclasses.replace(host, is_dom0=True)), ())

    assert "This is not a Xen dom0" in here
    assert "--source synthetic" in here
    assert "not a Xen dom0" not in dom0
