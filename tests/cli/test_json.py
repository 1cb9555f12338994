"""JSON of the commands: the documented fields, and no others that could be taken for them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.support import no_traces, run
from xenwatch.model.presets import PRESETS
from xenwatch.model.scenario_source import load, names
from xenwatch.probes import PROBES

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/json.md").read_text()
SYNTHETIC = "--source=synthetic:debian-12"


def documented(section: str) -> set[str]:
    """The fields in the table of a section."""
    table = DOCUMENT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE))


def test_doctor_has_every_probe(capsys: pytest.CaptureFixture[str]) -> None:
    """Each probe by name with its status and what to do, and the sentences of the end."""
    done = run(capsys, "doctor", SYNTHETIC, "--format=json")
    found = json.loads(done.out)

    assert done.status == 0
    assert found.keys() == documented("doctor") | {"source", "notices"}
    assert found["probes"].keys() == {probe.name for probe in PROBES}
    assert found["probes"]["maptrack"] == {
        "status": "disabled",
        "reads": "xl debug-keys g, then xl dmesg",
        "why": "disabled by default or by configuration",
        "do": "to enable it, set enabled = true in [probes.maptrack]",
    }
    assert found["summary"][0].startswith(f"{len(PROBES)} probes: ")
    assert {f"source.{name}" for name in found["source"]} == documented(
        "Where the readings come from"
    )


def test_check_has_the_verdict_and_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    """State and status are those of the line, with each limit and alert that was judged."""
    done = run(capsys, "check", SYNTHETIC, "--limit=ptys", "--limit=tasks", "--format=json")
    found = json.loads(done.out)

    assert found.keys() == documented("check")
    assert (found["state"], found["exit_status"], done.status) == ("ok", 0, 0)
    assert [(each["name"], each["state"]) for each in found["findings"]] == [
        ("ptys", "ok"), ("tasks", "ok"),
    ]  # fmt: skip


def test_check_without_a_daemon_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """What could not be read is unknown, with the reason and without a source."""
    done = run(capsys, "check", "--url=http://127.0.0.1:1", "--format=json")
    found = json.loads(done.out)

    assert (found["state"], done.status, found["source"], found["findings"]) == (
        "unknown", 3, None, [],
    )  # fmt: skip
    assert "Connection refused" in found["text"]


def test_scenarios_have_name_and_title(capsys: pytest.CaptureFixture[str]) -> None:
    """An array of what a host can be, then of what it can play, in the order of the tables."""
    done = run(capsys, "scenarios", "--format=json")
    found = json.loads(done.out)

    assert [each["name"] for each in found] == [*PRESETS, *names()]
    assert found[len(PRESETS) :] == [{"name": name, "title": load(name).title} for name in names()]
