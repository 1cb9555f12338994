"""The faults of docs/reliability.md, shorter: three seconds of each, in CI a minute.

What is judged here does not depend on how fast the machine is; `python -m tests.benchmarks.faults`
compares times with node_exporter's.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.benchmarks.faults import FAULTS, run
from tests.tools import IN_CI, need

SECONDS: Final = 60.0 if IN_CI else 3.0
BUSY: Final = 20.0 if IN_CI else 3.0
"""Of fifty busy processes, for which all tests beside this one wait."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_costs_time_alone(name: str) -> None:
    """Every scrape is answered, no probe fails, every number is right after, SIGTERM ends it."""
    need("mounted file system")
    need("cgroups for memory and tasks")
    row = await run(name, BUSY if name == "busy" else SECONDS)

    assert row.broken == []
    assert row.ours.answered
