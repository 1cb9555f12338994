"""`xenwatch check` and alerts: what fires is told, of which VM, and what is left out."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.test_check import ALL, DATUM, FULL, no_configuration, row, run
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.table import ALERTS
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.sources.recording import RecordingSource
from xenwatch.status.check import judge
from xenwatch.status.check_alerts import ALERT_NAMES, MOST_TOLD
from xenwatch.status.host_status import AlertRow, HostStatus

__all__ = ["no_configuration"]
CAPTURE = Path(__file__).resolve().parents[1] / "hosts/debian-12-xen-4.17/10-guests/capture"
TITLES = {alert.name: alert.title for alert in ALERTS}


def alert(name: str, summary: str, severity: str = "warning", **parts: Any) -> AlertRow:
    """A series of an alert that fires, or in another `state`."""
    fields: dict[str, Any] = {
        "labels": {},
        "state": "firing",
        "since": 1.0,
        "runbook_url": "",
    } | parts
    return AlertRow(alert=TITLES.get(name, name), summary=summary, severity=severity, **fields)


def status(*alerts: AlertRow, **parts: Any) -> HostStatus:
    """A host with one limit that is ok, and these alerts."""
    limits = (row(0.5),)
    return dataclasses.replace(FULL, limits=limits, alerts=alerts, **parts)


def judged(*alerts: AlertRow, exclude: str = "", **parts: Any) -> tuple[int, str]:
    """Status and line of such a host."""
    asked = dataclasses.replace(ALL, excluded=frozenset({exclude}))
    found = judge(status(*alerts, **parts), asked, 1.0)
    return found.status, found.line()


def test_a_host_in_maintenance_is_ok() -> None:
    """It is said first, with its reason, and what is wrong is said behind it."""
    said = Maintenance(0.0, "new | disks")

    code, line = judged(dataclasses.replace(ZOMBIE, severity="critical"), maintenance=said)

    assert code == 0
    assert line.startswith("XENWATCH OK - in maintenance until 1970-01-01 00:00 UTC: new / disks; ")
    assert "Domain 7 is stuck" in line


ZOMBIE = alert("zombie_domain", "Domain 7 is stuck in state dying")


@pytest.mark.parametrize(("severity", "code"), [("warning", 1), ("critical", 2)])
def test_an_alert_that_fires_is_its_severity(severity: str, code: int) -> None:
    """A firing alert is the status of its severity, and its summary stands before the limits."""
    found, line = judged(dataclasses.replace(ZOMBIE, severity=severity))

    assert found == code
    words = f"XENWATCH {severity.upper()} - Domain 7 is stuck in state dying; 1 limit ok, fullest"
    assert line.startswith(words)


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(ZOMBIE, state="pending"),
        alert("ptys_near_limit", "pseudo-terminals: 90 % used"),
        alert("probe_failing", "Probe aio is failing", labels={"probe": "aio"}),
    ],
)
def test_what_does_not_count_is_not_told(other: AlertRow) -> None:
    """A pending alert is none yet; what the check says of a limit itself it says once."""
    assert judged(other)[0] == 0


def test_a_failing_probe_without_a_limit_is_unknown() -> None:
    """What cannot be read is unknown in a check, not a warning."""
    found, line = judged(
        alert("probe_failing", "Probe disks is failing", labels={"probe": "disks"})
    )

    assert (found, "Probe disks is failing" in line) == (3, True)


def test_an_unknown_alert_is_unknown() -> None:
    """An alert that cannot be judged, and alerts not evaluated yet, are not ok."""
    found, line = judged(alerts_unknown=("backend_errors", "ptys_near_limit", "limit_full_soon"))

    assert found == 3
    assert line.startswith("XENWATCH UNKNOWN - alerts unknown: backend_errors; 1 limit ok")
    asked = dataclasses.replace(ALL, excluded=frozenset(ALERT_NAMES))
    silent = dataclasses.replace(status(), alerts=None)
    assert judge(silent, ALL, 1.0).status == 3
    assert judge(silent, asked, 1.0).status == 0


def test_kinds_can_be_left_out() -> None:
    """What is excluded is not told, be it an alert that fires or one that is unknown."""
    assert judged(ZOMBIE, exclude="zombie_domain")[0] == 0
    assert judged(alerts_unknown=("zombie_domain",), exclude="zombie_domain")[0] == 0
    assert judged(ZOMBIE, exclude="backend_errors")[0] == 1
    soon = alert("limit_full_soon", "ptys will be exhausted in 1h", labels={"limit": "ptys"})
    assert judged(soon)[0] == 1
    assert judged(soon, exclude="ptys")[0] == 0


def test_limits_alone_are_checked_where_they_are_named() -> None:
    """With limits named no alert counts, as the check of a limit is about nothing else."""
    asked = dataclasses.replace(ALL, limits=("aio_requests",))

    assert judge(status(ZOMBIE), asked, 1.0).status == 0


def test_many_series_are_counted() -> None:
    """Of many series of an alert some are told and the others counted."""
    many = [
        alert("zombie_domain", f"Domain {domid} is stuck", labels={"domid": str(domid + 1000)})
        for domid in range(40)
    ]
    line = judged(*many)[1]

    assert line.count("is stuck") == MOST_TOLD
    assert f", and {40 - MOST_TOLD} more; " in line


def test_a_symptom_is_not_told_beside_its_cause() -> None:
    """A closed backend is not told where the error of the same device class and domain is."""
    labels = {"domid": "5", "class": "vif"}
    error = alert("backend_errors", "an error", labels=labels | {"errno": "ENOSPC"})
    closed = alert("backends_closed", "closed", labels=labels | {"state": "Closed"})
    other = dataclasses.replace(closed, summary="other", labels={"domid": "6", "class": "vif"})
    line = judged(error, closed, other)[1]

    assert "an error" in line
    assert "other" in line
    assert "closed" not in line
    assert "closed" in judged(closed)[1]


def test_xenstored_explains_only_the_probes_that_ask_it() -> None:
    """Where xenstored does not answer, its probes fail too: one thing is told, others as well."""
    dead = alert("xenstored_unresponsive", "xenstored is dead", labels={"target": "xenstored"})
    failing = {
        probe: alert("probe_failing", f"Probe {probe} is failing", labels={"probe": probe})
        for probe in ("xenstore", "disks")
    }
    line = judged(dead, *failing.values())[1]

    assert "xenstored is dead" in line
    assert "Probe disks" in line
    assert "Probe xenstore " not in line
    assert "Probe xenstore " in judged(failing["xenstore"])[1]


def test_a_control_path_that_does_not_answer_is_critical(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A captured host whose xenstored and xapi timed out is critical, and both are named."""
    machine = PRESETS["xcp-ng-8.3"]()
    machine.dom0.hung = {"xenstored": 60.0, "xapi": 16.7}
    recorder = RecordingSource(ModelSource(machine), tmp_path / "capture")
    take(recorder, PROBES)
    recorder.close()

    found, out = run(capsys, f"--source=tree:{tmp_path}/capture")

    assert found == 2
    assert "xenstored does not answer: 100% of the last requests failed" in out
    assert "xapi does not answer: 100% of the last requests failed" in out


@settings(deadline=None)
@given(st.text(), st.text(), st.dictionaries(st.sampled_from(["domid", "limit", "x"]), st.text()))
def test_no_alert_breaks_the_line(name: str, summary: str, labels: dict[str, str]) -> None:
    """Whatever a daemon says of its alerts, the line is one that plugins print."""
    _, line = judged(alert(name, summary, labels=labels))

    assert line[:-1].isprintable()
    assert line.count("|") == 1
    assert all(DATUM.fullmatch(datum) for datum in line.partition("|")[2].split())


def host(directory: Path, error: str, text: str) -> str:
    """The captured host with the vif of domain 9 closed and a text in an error node of xenstore."""
    shutil.copytree(CAPTURE, directory, dirs_exist_ok=True)
    state = directory / "files/sys/bus/xen-backend/devices/vif-9-0/state"
    state.write_text("Closed\n")
    nodes = (
        "/local/domain/0/error/backend/vif/9/0/error",
        "/local/domain/9/error/device/vif/0/error",
    )
    with (directory / "calls.jsonl").open("a") as calls:
        for node in nodes:
            answer = [2, text] if node == error else [16, "ENOENT\0"]
            call = {"verb": "xenstore", "arguments": [2, f"{node}\0"], "answer": answer}
            calls.write(json.dumps(call) + "\n")
    return f"--source=tree:{directory}"


@pytest.mark.parametrize(
    ("error", "text", "errno"),
    [
        (
            "/local/domain/0/error/backend/vif/9/0/error",
            "28 mapping shared-frames 522/523 port tx 9 rx 10",
            "ENOSPC",
        ),
        ("/local/domain/9/error/device/vif/0/error", "1 allocating event channel", "EPERM"),
    ],
)
def test_a_broken_guest_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: str, text: str, errno: str
) -> None:
    """A guest that started without its network makes the check a warning that names it."""
    source = host(tmp_path, error, text)
    status, out = run(capsys, source)

    assert status == 1
    assert re.match(
        r"XENWATCH WARNING - CAPTURE of [-0-9: ]+ UTC: not a live host \(tree:.*\); "
        r"VM 'pv1' \([-0-9a-f]{36}\) is running with a failed vif device "
        rf"\({errno}\), served by dom0; ",
        out,
    )
    data = out.partition(" | ")[2].split()
    assert len(data) > 10
    assert all(DATUM.fullmatch(datum) for datum in data)
    left_out = ("--exclude=backend_errors", "--exclude=backends_closed")
    assert "pv1" not in run(capsys, source, *left_out)[1]
