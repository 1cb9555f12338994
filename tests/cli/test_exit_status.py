"""The exit statuses: each command has each of its own, and help and document say the same."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.support import no_traces, run
from xenwatch.cli.commands import HELP
from xenwatch.cli.exit_status import MEANINGS
from xenwatch.cli.main import GENERATE, GENERATE_EXITS, command_module
from xenwatch.probes import PROBES

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/exit-status.md"
SYNTHETIC = "--source=synthetic:debian-12"
DEAD = "--source=synthetic:control-path-dead@900"
EXITS = {
    **{name: command_module(name).EXITS for name in HELP if name != GENERATE},
    GENERATE: GENERATE_EXITS,
}
ELSEWHERE = {
    ("run", 0): "tests/daemon/test_daemon.py stops it",
    ("run", 3): "tests/daemon/test_daemon.py has its address in use",
    **{
        (name, status): "tests/cli/test_replay.py has a record"
        for name in ("replay", "report")
        for status in (0, 3)
    },
    ("maintenance", 0): "tests/cli/test_maintenance.py starts and ends one",
    ("maintenance", 1): "tests/cli/test_maintenance.py ends one that is configured",
    ("maintenance", 3): "tests/cli/test_maintenance.py damages the file",
    ("reader", 0): "tests/reader/test_process.py stops it",
    ("messages", 0): "tests/messages/test_server.py stops it",
    ("check", 2): "tests/cli/test_check_alerts.py has a critical one",
}
"""Statuses that need more than arguments, and the tests that have them."""
CASES: dict[tuple[str, int], tuple[str, ...]] = {
    ("run", 2): ("--source=nothing",),
    ("once", 0): (SYNTHETIC,),
    ("once", 2): ("--path.rootfs=/nonexistent", "--source=host"),
    ("once", 3): ("--source=host", "--path.rootfs={bare}"),
    ("capture", 0): (SYNTHETIC, "{new}"),
    ("capture", 2): (SYNTHETIC, "{bare}"),
    ("capture", 3): ("--config.file={off}", SYNTHETIC, "{new}"),
    ("replay", 2): ("--source={bare}",),
    ("report", 2): ("--source=record:{bare}", "--from=1d"),
    ("support", 0): (SYNTHETIC, "{new}"),
    ("support", 2): (SYNTHETIC, "{bare}"),
    ("support", 3): ("--config.file={off}", SYNTHETIC, "{new}"),
    ("doctor", 0): (SYNTHETIC,),
    ("doctor", 1): ("--source=host", "--path.rootfs={bare}"),
    ("doctor", 2): ("--format=xml",),
    ("doctor", 3): (SYNTHETIC, "> /dev/full"),
    ("scenarios", 0): (),
    ("scenarios", 2): ("--format=xml",),
    ("scenarios", 3): ("> /dev/full",),
    ("plan", 0): ("--platform=debian-12", "--empty"),
    ("plan", 1): ("--platform=debian-12", "--shape=windows", "--count=1000000"),
    ("plan", 2): ("--platform=debian-12", SYNTHETIC),
    ("plan", 3): (DEAD,),
    ("advise", 0): (SYNTHETIC, "--interval=0"),
    ("advise", 2): ("--interval=nan",),
    ("advise", 3): ("--source=host", "--path.rootfs={bare}", "--interval=0"),
    ("check", 0): (SYNTHETIC, "--limit=ptys"),
    ("check", 1): (SYNTHETIC,),
    ("check", 3): ("--source=nothing",),
    ("explain", 0): ("--no-headroom", "error 28 mapping ring-refs and evtchn"),
    ("explain", 2): (SYNTHETIC, "--timeout=1", "error 28"),
    ("explain", 3): ("the quick brown fox",),
    ("top", 0): ("--batch", "-n1", SYNTHETIC),
    ("top", 2): (SYNTHETIC,),
    ("top", 3): ("--batch", "--url=http://127.0.0.1:1"),
    ("maintenance", 2): ("on",),
    ("check-config", 0): (),
    ("check-config", 1): ("--config.file={bare}",),
    ("check-config", 2): ("--probes",),
    ("reader", 2): ("--sockets",),
    ("reader", 3): ("--source=nothing",),
    ("messages", 2): (),
    ("generate", 0): ("rules", "--directory={new}"),
    ("generate", 1): ("rules", "--check", "--directory={new}"),
    ("generate", 2): ("docs", "--job=x"),
    ("generate", 3): ("rules", "--directory=/dev/null"),
}
"""Arguments that end a command with a status; `> /dev/full` is its stdout."""


def test_every_status_of_every_command_has_its_case() -> None:
    """A command that gets another status gets a case too."""
    known = {(name, status) for name, exits in EXITS.items() for status in exits}

    assert CASES.keys() | ELSEWHERE.keys() == known
    assert CASES.keys() & ELSEWHERE.keys() == set()


@pytest.mark.parametrize(("name", "status"), CASES, ids=str)
def test_the_status_is_that_of_the_table(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    status: int,
) -> None:
    """The arguments end the command with the status, and what is wrong is said on stderr."""
    bare = tmp_path / "bare"
    (bare / "proc/sys/fs").mkdir(parents=True)
    off = tmp_path / "off.toml"
    off.write_text("".join(f"[probes.{probe.name}]\nenabled = false\n" for probe in PROBES))
    places = {"bare": str(bare), "new": str(tmp_path / "new"), "off": str(off)}
    arguments = [text.format(**places) for text in CASES[name, status]]
    if "> /dev/full" in arguments:
        arguments.remove("> /dev/full")
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            monkeypatch.setattr(sys, "stdout", full)
            done = run(capsys, name, *arguments)
    else:
        done = run(capsys, name, *arguments)

    assert done.status == status, done.err
    assert (status == 0) or done.out or done.err
    assert "Traceback" not in done.err


def rows() -> dict[tuple[str, int], str]:
    """The table of the document: when a command ends with a status."""
    found = re.findall(r"^\| `([a-z-]+)` \| (\d) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    return {(name, int(status)): text for name, status, text in found}


def test_the_document_has_them() -> None:
    """The document says of each command and status what its help says."""
    assert rows() == {
        (name, status): text for name, exits in EXITS.items() for status, text in exits.items()
    }
    text = DOCUMENT.read_text()
    assert all(f"| {status} | {meaning} |\n" in text for status, meaning in MEANINGS.items())


@pytest.mark.parametrize("name", EXITS)
def test_the_help_ends_with_them(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """The end of each command's help has its statuses with their meanings."""
    said = " ".join(run(capsys, name, "--help").out.split())

    assert said.endswith(
        "Exit status: " + "; ".join(f"{code} {text}" for code, text in EXITS[name].items()) + "."
    )


def test_a_defect_is_no_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody thought of is told in full, and ends with 3: 1 would be a finding."""
    broken: Callable[..., int] = lambda *_: 1 // 0  # noqa: E731
    monkeypatch.setattr("xenwatch.cli.doctor.report", broken)
    done = run(capsys, "doctor", SYNTHETIC)

    assert done.status == 3
    assert "ZeroDivisionError" in done.err
