"""The soak of docs/reliability.md, shorter: in CI a tenth of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

from tests.benchmarks import soak
from tests.shown import ROOT
from tests.tools import IN_CI

PASSES: Final = 10_000 if IN_CI else 400


@pytest.mark.timeout(1200)
def test_nothing_is_kept_and_no_counter_goes_back() -> None:
    """Through hundreds of VMs with domids and pids used again, what the process has stays."""
    argv = [sys.executable, "-m", soak.__name__, str(PASSES)]
    done = subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])

    assert found["backwards"] == {}
    assert found["started"] == PASSES
    assert found["reused"] > PASSES / 2
    assert found["resets"]
    assert found["growth"]["descriptors"] <= 0
    assert found["growth"]["threads"] <= 0
    assert found["growth"]["mib"] < 0.05
