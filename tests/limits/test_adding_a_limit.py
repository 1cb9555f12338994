"""A limit is a file: one that is dropped into the package is everywhere without another edit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from xenwatch.alerts.names import alert_name

ROOT = Path(__file__).resolve().parents[2]
NAME = "throw_away"
ALERT = alert_name(f"{NAME}_near_limit")
LIMIT = f'''
"""A limit that no release has: numbers of the probe `pids` under another name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Cost, Limit, Max, Shortage, same
from xenwatch.release.regimes import REGIMES
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    return {{}} if snapshot.pids is None else {{"": 85}}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    return {{}} if snapshot.pids is None else {{"": Max(100, "a number of this test")}}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    return (f"throw-away-command {{shortage.target}}",)


LIMIT: Final = Limit(
    name="{NAME}",
    title="things to throw away",
    probe="pids",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="nowhere",
    symptom="throw-away symptom",
    reference="this test",
    errors={{"`throw-away error`": "things to throw away"}},
    costs=dict.fromkeys(REGIMES, same(Cost(domain=7))),
    remedy=remedy,
)
'''


class Checkout:
    """A copy of the package with one limit more, and its command line."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        shutil.copytree(ROOT / "xenwatch", directory / "xenwatch")
        (directory / f"xenwatch/limits/{NAME}.py").write_text(LIMIT)
        shutil.copytree(ROOT / "contrib/runbooks", directory / "contrib/runbooks")
        runbook = (ROOT / "contrib/runbooks/XenwatchPtysNearLimit.md").read_text()
        (directory / f"contrib/runbooks/{ALERT}.md").write_text(runbook)
        self.config = directory / "xenwatch.toml"
        self.config.write_text(f"[limits.{NAME}]\nwarning = 0.5\ncritical = 0.99\n")

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """What a command prints, which ends with `status`."""
        config = () if "docs" in arguments else ("--config.file", str(self.config))
        done = subprocess.run(
            [sys.executable, "-m", "xenwatch", *arguments, *config],
            cwd=self.directory,
            env={**self.environment(), "PYTHONPATH": str(self.directory)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    @staticmethod
    def environment() -> Mapping[str, str]:
        """This environment, without what points Python at this checkout."""
        return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The package with a limit more."""
    return Checkout(tmp_path_factory.mktemp("checkout"))


SOURCE = ("--source", "synthetic:xcp-ng-8.3")


def test_it_has_metrics_and_thresholds(checkout: Checkout) -> None:
    """The page has used, maximum and the thresholds of the configuration."""
    page = checkout("once", "--format", "prometheus", *SOURCE)

    assert f"\nxenwatch_{NAME}_used 85\n" in page
    assert f"\nxenwatch_{NAME}_max 100\n" in page
    threshold = f'xenwatch_limit_threshold_ratio{{limit="{NAME}",severity="critical"}}'
    assert f"\n{threshold} 0.99\n" in page


def test_it_is_in_the_status_and_checked(checkout: Checkout) -> None:
    """The JSON has its state, and the check judges it."""
    status = json.loads(checkout("once", "--format", "json", *SOURCE))
    (row,) = [row for row in status["limits"] if row["limit"] == NAME]

    assert (row["used"], row["max"], row["state"]) == (85, 100, "warning")
    line = checkout("check", "--limit", NAME, *SOURCE, status=1)
    assert line.startswith("XENWATCH WARNING - ")
    assert f"; {NAME} 85.0%" in line


def test_it_is_planned_with_its_remedy(checkout: Checkout) -> None:
    """It stops the third VM, and the plan says what helps."""
    answer = json.loads(checkout("plan", "--shape", "linux", "--format", "json", *SOURCE))
    (plan,) = answer["plans"]

    assert (plan["binding"], plan["at_most"]) == (NAME, 2)
    (row,) = [row for row in plan["limits"] if row["limit"] == NAME]
    assert row["remedies"] == ["throw-away-command 200"]


@pytest.fixture(scope="module")
def generated(checkout: Checkout) -> Path:
    """Where documents, rules and dashboards were generated."""
    target = checkout.directory / "generated"
    for what in ("docs", "rules", "dashboards"):
        checkout("generate", what, "--directory", str(target))
    return target


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("docs/limits.md", "throw-away symptom"),
        ("docs/metrics.md", f"xenwatch_{NAME}_used"),
        ("docs/alerts.md", ALERT),
        ("docs/configuration.md", f"limits.{NAME}"),
        ("contrib/runbooks/errors.md", "throw-away error"),
        ("contrib/prometheus/xenwatch.rules.yml", ALERT),
        ("grafana/dashboards/xenwatch-host.json", "things to throw away"),
    ],
)
def test_it_is_in_what_is_generated(generated: Path, file: str, text: str) -> None:
    """Documents, rules and dashboards have it after they were generated anew."""
    assert text in (generated / file).read_text()


PAGE = """
from xenwatch.assessment import assess_pass
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import preset
from xenwatch.page import Links, fill, frame
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.status.host_status import host_status

taken = take(preset(next(iter(PRESETS))), PROBES)
status = host_status(assess_pass(taken.snapshot), PROBES)
print(fill(frame(status, {}, 0.0, Links("", "", "", {})), status).decode())
"""


def test_it_is_on_the_page(checkout: Checkout) -> None:
    """The status page shows the limit with its symptom."""
    done = subprocess.run(
        [sys.executable, "-c", PAGE],
        cwd=checkout.directory,
        env={**checkout.environment(), "PYTHONPATH": str(checkout.directory)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "things to throw away" in done.stdout
    assert "throw-away symptom" in done.stdout
