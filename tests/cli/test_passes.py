"""Commands on a moment of the record, as on any other source."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.cli.support import no_traces, run
from tests.laws.test_law_11 import BEGAN, lived, recorded
from tests.record.disk import without_a_disk
from tests.support import full_snapshot
from xenwatch.alerts.states import Active, Alerts
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import assess_pass
from xenwatch.cli import passes
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.record.past import Encoder, header
from xenwatch.record.store import Store

__all__ = ["no_traces", "without_a_disk"]
pytestmark = pytest.mark.usefixtures("no_traces")

MARK = "SYNTHETIC, RECORD of 2023-11-14 22:13:30 UTC: not a real host"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three moments of a synthetic host, ten seconds apart."""
    path = tmp_path_factory.mktemp("past") / "record"
    source = ModelSource(PRESETS["xcp-ng-8.3"]())
    recorded(path, list(lived(source, lambda number: BEGAN + 10 * number, 3))).close()
    return str(path)


@pytest.mark.parametrize("command", ["once", "plan", "doctor", "advise"])
def test_every_command_says_which_moment_it_is_of(
    capsys: pytest.CaptureFixture[str], record: str, command: str
) -> None:
    """With the mark of what is not a real host, and with its findings."""
    done = run(capsys, command, f"--source=record:{record}@{BEGAN + 12:.0f}")
    assert done.status in (0, 1)
    assert done.out.startswith(f"{MARK} (record:{record})\n\n")
    assert len(done.out.splitlines()) > 5


def test_without_a_time_it_is_the_newest(capsys: pytest.CaptureFixture[str], record: str) -> None:
    """What was known last, after a crash of the host."""
    done = run(capsys, "once", f"--source=record:{record}", "--format=json")
    found = json.loads(done.out)
    assert found["time"] == BEGAN + 20
    assert found["source"]["kind"] == "record"


def test_check_judges_the_moment(capsys: pytest.CaptureFixture[str], record: str) -> None:
    """By the limits and alerts there were."""
    done = run(capsys, "check", f"--source=record:{record}@{BEGAN:.0f}")
    assert "RECORD of 2023-11-14 22:13:20 UTC" in done.out
    assert done.out.startswith("XENWATCH OK")


def test_rates_are_those_to_an_earlier_moment(
    capsys: pytest.CaptureFixture[str], record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`advise` compares with the record, and waits for nothing."""
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waited"))
    done = run(capsys, "advise", f"--source=record:{record}@{BEGAN + 20:.0f}", "--interval=10")
    assert "wakeups per second" in done.out
    first = run(capsys, "advise", f"--source=record:{record}@{BEGAN:.0f}", "--interval=10")
    assert "wakeups per second" not in first.out


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("record:{record}@noon", "'noon' is not a time such as 03:12"),
        ("record:{record}@2001-01-01", "nothing was recorded at or before 200"),
        ("record:/nonexistent", "/nonexistent: no record: No such file or directory"),
        ("record:", "must be record[:PATH][@TIME]"),
    ],
)
def test_what_is_wrong_with_the_moment_is_said(
    capsys: pytest.CaptureFixture[str], record: str, spec: str, problem: str
) -> None:
    """In one line, with the option."""
    done = run(capsys, "once", f"--source={spec.format(record=record)}")
    assert done.status == 2
    assert done.err.startswith("xenwatch: --source: ")
    assert problem in done.err


def test_check_knows_the_alerts_there_were(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One that fired then is a finding, whatever one pass would say; unknown ones are no OK."""
    assessment = assess_pass(full_snapshot())
    alert = next(alert for alert in ALERTS if alert.name == "clock_unsynchronized")
    fired = Active(alert, "warning", (), since=0.0, value=1.0, fired=1.0)
    fires = Alerts({(alert.name, "warning", ()): fired}, {})
    for name, alerts, word in (("fires", fires, "WARNING"), ("unknown", None, "UNKNOWN")):
        store = Store(tmp_path / name, 1 << 30, 1e6)
        moment = Encoder().moment(dataclasses.replace(assessment, alerts=alerts), marked=False)
        store.append(moment, header(assessment.snapshot.origin))
        store.close()
        done = run(capsys, "check", f"--source=record:{tmp_path}/{name}")
        assert done.out.startswith(f"XENWATCH {word} - RECORD of"), name


@pytest.mark.parametrize("command", [("run",), ("capture", "DIR"), ("reader",)])
def test_what_needs_a_host_to_ask_refuses_a_record(
    capsys: pytest.CaptureFixture[str], record: str, command: tuple[str, ...]
) -> None:
    """With the commands that read one."""
    done = run(capsys, *command, f"--source=record:{record}")
    assert done.status != 0
    assert "a record can only be looked at, with once" in done.err


def test_the_directory_of_the_service_is_the_default(
    capsys: pytest.CaptureFixture[str], record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`record@TIME` names none."""
    monkeypatch.setattr(passes, "DIRECTORY", record)
    done = run(capsys, "once", f"--source=record@{BEGAN + 12:.0f}")
    assert done.out.startswith(MARK)


def test_what_this_version_cannot_read_failed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the moment is shown, and the reason said."""
    assessment = assess_pass(full_snapshot())
    name = "xenwatch.readings.storage.Aio"
    known = header(assessment.snapshot.origin)
    other = type(known)("9.9", known.origin, {**known.schema, name: ("other",)})
    store = Store(tmp_path / "record", 1 << 30, 1e6)
    store.append(Encoder().moment(assessment, marked=False), other)
    store.close()
    done = run(capsys, "doctor", f"--source=record:{tmp_path}/record")
    assert done.status == 1
    assert "aio: failed" in done.out
    assert "recorded by xenwatch 9.9: " in done.out
