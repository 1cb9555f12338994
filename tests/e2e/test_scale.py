"""The measurement of large fleets, on a small one: it measures every program there is."""

from __future__ import annotations

import pytest

from tests.e2e.scale import measure, parser

pytestmark = pytest.mark.timeout(240)

PROGRAMS = {
    "prometheus": {"prometheus"},
    "tiers": {"site a", "site b", "upper"},
    "victoria": {"victoria-metrics", "vmalert"},
}


@pytest.mark.parametrize("system", PROGRAMS)
def test_every_program_is_measured(system: str) -> None:
    """The table has each program with its memory, and series and CPU time with rules in all."""
    options = ("--hosts=2", "--vms=1", "--interval=2", "--minutes=0.1")
    table = measure(parser().parse_args([system, *options]))
    rows = {
        cells[0]: [float(cell) for cell in cells[1:]]
        for line in table.splitlines()[4:]
        for cells in [line.strip("| ").split(" | ")]
    }

    assert rows.keys() == PROGRAMS[system]
    series, memory, _, cpu = zip(*rows.values(), strict=True)
    assert sum(series) > 1000
    assert min(memory) > 0
    assert sum(cpu) > 0
