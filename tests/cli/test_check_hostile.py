"""`xenwatch check`: what is no verdict of a daemon, or one with hostile text."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.cli.support import no_traces, run
from tests.cli.test_daemon_client import response, server
from xenwatch.display import plugin
from xenwatch.readings.origin import LIVE

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

VERDICT = {**plugin.document("warning", "x"), "line": "XENWATCH WARNING - x | 'a'=1\n"}


def verdict(**fields: object) -> bytes:
    """The response of a daemon with other fields; `...` is one that is missing."""
    found = {**VERDICT, **fields}
    return response(json.dumps({k: v for k, v in found.items() if v is not ...}).encode())


@pytest.mark.parametrize(
    "fields",
    [
        {"exit_status": ...},
        {"exit_status": 1.0},
        {"exit_status": True},
        {"exit_status": 2},
        {"exit_status": 1, "state": "worse"},
        {"exit_status": None, "state": "worse"},
        {"state": ["warning"]},
        {"state": "critical"},
        {"line": None},
        {"line": "warning"},
        {"line": "XENWATCH OK - x\n"},
        {"line": "\nXENWATCH WARNING - x\n"},
        {"text": 1},
        {"source": {}},
        {"findings": [1]},
        {"findings": [float("nan")]},
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_odd_verdict_is_unknown(
    capsys: pytest.CaptureFixture[str], fields: dict[str, object], form: str
) -> None:
    """State, exit status and line agree, and every field has its type, or it is no xenwatch."""
    with server(verdict(**fields)) as (url, _):
        done = run(capsys, "check", f"--url={url}", f"--format={form}")

    assert done.status == 3
    assert "the answer is not from xenwatch" in done.out


def test_the_line_of_a_daemon_is_one_line_fit_for_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Icinga and a terminal get no escapes, no second line and no text that runs backwards."""
    line = "XENWATCH WARNING - \x1b]0;x\x07\x9b31m\u202e\ud800\nsecond\r | 'a'=1\n\n"
    with server(verdict(line=line)) as (url, _):
        done = run(capsys, "check", f"--url={url}")

    said = r"XENWATCH WARNING - \x1b]0;x\x07\x9b31m\u202e\ud800\nsecond\r | 'a'=1"
    assert (done.status, done.out) == (1, f"{said}\n")


def test_a_newer_daemon_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """Fields that are not known here are left out; the others are as they were said."""
    finding = {"name": "ptys", "state": "warning", "text": "x", "new": 1}
    said = {"findings": [finding], "source": {"kind": "host", "new": 1}, "new": [1]}
    with server(verdict(**said)) as (url, _):
        done = run(capsys, "check", f"--url={url}", "--format=json")

    assert done.status == 1
    assert json.loads(done.out) == {
        **plugin.document("warning", "x"),
        "source": dataclasses.asdict(LIVE),
        "findings": [{"name": "ptys", "state": "warning", "text": "x"}],
    }
