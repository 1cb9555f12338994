"""`xenwatch replay` and `xenwatch report`: a night looked at afterwards."""

from __future__ import annotations

import doctest
import itertools
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.support import no_traces, run
from tests.night import BEGAN, LENGTH, made
from tests.record.disk import without_a_disk
from tests.shown import ROOT, Command, commands
from xenwatch.cli import passes
from xenwatch.cli.replay_steps import (
    DOWN,
    END,
    HELP,
    HOME,
    LEFT,
    LONG,
    RIGHT,
    SHORT,
    UP,
    View,
    after,
)
from xenwatch.record.store import files

__all__ = ["no_traces", "without_a_disk"]
pytestmark = pytest.mark.usefixtures("no_traces")

HALF = LENGTH / 2


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The record of a night with a leak, a boot storm and a broken guest."""
    path = tmp_path_factory.mktemp("night") / "record"
    made(path)
    return str(path)


def test_the_night_is_listed(capsys: pytest.CaptureFixture[str], night: str) -> None:
    """What happened, in the order in which it did: the leak, the zombie, the storm, the guest."""
    done = run(capsys, "replay", f"--source=record:{night}")
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == "SYNTHETIC: not a real host (record)"
    assert lines[2] == "140 moments from 2026-01-30 22:00:00 UTC to 2026-01-31 02:38:00 UTC"
    assert lines[4] == "2026-01-30 22:00:00 UTC  21 VMs, 0 alerts firing"
    told = (
        "alert firing critical: grant-table frames of a domain will be exhausted in",
        "limit critical: grant_frames domid=1: 96.9% used, 62 of 64",
        "VM dying: backup-0001",
        "alert firing warning: Domain 1 of VM 'backup-0001'",
        "12 VMs started: desktop-0022",
        "device broken: desktop-0002: vif 0: in no bridge",
        "alert firing critical: VM 'desktop-0002'",
    )
    places = [next(n for n, line in enumerate(lines) if text in line) for text in told]
    assert places == sorted(places)


def test_the_list_is_of_the_time_asked_for(capsys: pytest.CaptureFixture[str], night: str) -> None:
    """From the first moment of it to the last, as JSON too."""
    span = (f"--at={BEGAN + 14400:.0f}", f"--until={BEGAN + 15000:.0f}")
    done = run(capsys, "replay", f"--source=record:{night}", "--list", "--format=json", *span)
    found = json.loads(done.out)
    assert (found["begin"], found["end"], found["moments"]) == (BEGAN + 14400, BEGAN + 15000, 6)
    assert found["source"]["behind"] == "synthetic"
    assert [(one["kind"], one["what"], len(one["vms"])) for one in found["events"]] == [
        ("vm", "started", 12),
        ("vm", "started", 12),
    ]


def test_where_nothing_was_recorded_it_says_so(
    capsys: pytest.CaptureFixture[str], night: str
) -> None:
    """With the period as it was understood, and that of the record, both in UTC."""
    for command in (("replay", "--at=2001-01-01T00:00Z", "--until=2001-01-02T00:00Z"),
                    ("report", "--from=2001-01-01T00:00Z", "--to=2001-01-02T00:00Z")):  # fmt: skip
        done = run(capsys, *command, f"--source=record:{night}")
        assert done.status == 3
        assert (
            f"xenwatch: {night}: nothing was recorded from 2001-01-01 00:00:00 UTC until "
            "2001-01-02 00:00:00 UTC; it has moments from 2026-01-30 22:00:00 UTC to "
            "2026-01-31 02:38:00 UTC"
        ) in done.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("replay", "--at=noon"), "--at: 'noon' is not a time such as 03:12"),
        (("replay", "--at=1h", "--until=2h"), "is later than --until: "),
        (("report", "--from=1h", "--to=2h"), "is later than --to: "),
        (("report",), "the following arguments are required: --from"),
        (
            ("replay", "--source=synthetic"),
            "'synthetic' must be record[:PATH]; a time is given with --at",
        ),
        (("report", "--source=record:/x@03:12", "--from=1h"), "a time is given with --from"),
        (("replay", "--at", "-1h", "--until", "-2h"), "is later than --until: "),
        (("report", "--from", "-1h", "--to", "-120m"), "is later than --to: "),
        (("replay", "--source=tree:/x"), "one moment: xenwatch once --source tree:/x"),
        (("replay", "--source=record:/nonexistent"), "no record: No such file or directory"),
    ],
)
def test_what_is_wrong_is_said(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], problem: str
) -> None:
    """Before anything is read."""
    done = run(capsys, *arguments)
    assert done.status == 2
    assert problem in done.err


def test_the_night_is_reported(capsys: pytest.CaptureFixture[str], night: str) -> None:
    """For a ticket: the alerts with their times, and which VM moved which limit."""
    source = (f"--source=record:{night}", "--from=2026-01-30T22:00Z", "--format=markdown")
    text = run(capsys, "report", *source).out
    assert text.startswith("# Report of a Xen host\n\n**SYNTHETIC: not a real host (record)**\n")
    assert "- At the end: 45 VMs, 5 alerts firing." in text
    [grants] = [line for line in text.splitlines() if line.startswith("| grant-table frames of a d")
                and "Moved" not in line and "`" not in line]  # fmt: skip
    assert "backup-0001 +59 |" in grants
    aio = next(line for line in text.splitlines() if line.startswith("| aio requests ("))
    assert "desktop-0022 +2 disks, " in aio, "a disk is more than one request"
    assert aio.endswith("desktop-0024 +2 disks and 21 more |")
    assert "| 2026-01-31 02:20:00 UTC | broken | desktop-0002 |" in text
    [xenstored] = [line for line in text.splitlines() if line.startswith("| xenstored |")]
    assert "350 ms" in xenstored


def test_a_redacted_report_has_no_name(capsys: pytest.CaptureFixture[str], night: str) -> None:
    """Of no VM, and the same numbers."""
    source = (f"--source=record:{night}", "--from=2026-01-30T22:00Z")
    for kind in ("html", "markdown"):
        plain = run(capsys, "report", *source, f"--format={kind}").out
        text = run(capsys, "report", *source, f"--format={kind}", "--redact").out
        assert "desktop-0" in plain
        assert "desktop-0" not in text
        assert "backup-0" not in text
        assert "5c77587b-40cf-5ce3-a357-bbaa9337dc48" not in text
        assert text.count("96.9") == plain.count("96.9")


def test_a_file_is_new_and_its_owners(
    capsys: pytest.CaptureFixture[str], night: str, tmp_path: Path
) -> None:
    """One that is there is not replaced, wherever it leads."""
    file = tmp_path / "report.html"
    arguments = ("report", f"--source=record:{night}", "--from=2026-01-31T02:00Z")
    assert run(capsys, *arguments, f"--output={file}").status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    again = run(capsys, *arguments, f"--output={file}")
    assert again.status == 3
    assert f"--output: {file}: File exists; name a new file" in again.err
    assert file.read_bytes() == before
    for place, step in (
        (tmp_path, "is a directory; name a file in it"),
        (tmp_path / "none/a", f"No such file or directory; create {tmp_path}/none"),
    ):
        done = run(capsys, *arguments, f"--output={place}")
        assert (done.status, f"--output: {place}: {step}" in done.err) == (3, True)


def test_a_damaged_moment_hides_no_other(
    capsys: pytest.CaptureFixture[str], night: str, tmp_path: Path
) -> None:
    """The others are listed, the file is named, and in its place the moment before is shown."""
    for file in files(Path(night)):
        (tmp_path / file.path.name).write_bytes(file.path.read_bytes())
    last = files(tmp_path)[-1].path
    raw = bytearray(last.read_bytes())
    raw[-1] ^= 0xFF
    last.write_bytes(raw)
    done = run(capsys, "replay", f"--source=record:{tmp_path}")
    assert "139 moments from 2026-01-30 22:00:00 UTC to 2026-01-31 02:36:00 UTC" in done.out
    assert f"xenwatch: {last}: damaged from 2026-01-31 02:38:00 UTC on\n" in done.err
    report = run(capsys, "report", f"--source=record:{tmp_path}", "--from=1000000000",
                 "--format=markdown")  # fmt: skip
    assert "1 file of the record damaged: moments are left out" in report.out
    once = run(capsys, "once", f"--source=record:{tmp_path}@{BEGAN + LENGTH:.0f}")
    assert "RECORD of 2026-01-31 02:36:00 UTC" in once.out


def test_without_urwid_it_says_how_to_do_without(
    capsys: pytest.CaptureFixture[str], night: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal; the list needs none."""
    monkeypatch.setattr("xenwatch.cli.replay._is_terminal", lambda: True)
    monkeypatch.setitem(sys.modules, "urwid", None)
    for name in ("replay_terminal", "screen"):
        monkeypatch.delitem(sys.modules, f"xenwatch.cli.{name}", raising=False)
        monkeypatch.delattr(f"xenwatch.cli.{name}", raising=False)
    done = run(capsys, "replay", f"--source=record:{night}")
    assert done.status == 3
    assert "pip install urwid; without it: xenwatch replay --list" in done.err
    assert run(capsys, "replay", f"--source=record:{night}", "--list").status == 0


SPOTS = [(60.0 * n, n in (3, 90)) for n in range(120)]


@pytest.mark.parametrize(
    ("key", "leads"),
    [
        ("left", 29), ("right", 31), ("up", 20), ("down", 40), ("page up", 0),
        ("page down", 90), ("n", 90), ("N", 3), ("home", 0), ("end", 119), ("x", 30),
    ],
)  # fmt: skip
def test_keys_lead_to_moments(key: str, leads: int) -> None:
    """A moment, ten minutes or an hour on or back, or to the next change of an alert."""
    assert after(View(30), key, SPOTS, 10).number == leads


def test_where_there_is_no_other_moment_it_says_so() -> None:
    """And stays."""
    assert after(View(119), "right", SPOTS, 10) == View(119, said="no further moment")
    said = "no further moment in which an alert changed"
    assert after(View(90), "n", SPOTS, 10) == View(90, said=said)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), min_size=1, max_size=50).map(sorted),
    st.integers(0, 49),
    st.lists(st.sampled_from([*LEFT, *RIGHT, *UP, *DOWN, *HOME, *END, *"nNjk?q", "f1", "é"])),
)
def test_whatever_is_pressed_there_is_a_moment(
    spots: list[tuple[float, bool]], number: int, keys: list[str]
) -> None:
    """Every key leads to one of them, or shows the same."""
    view = View(min(number, len(spots) - 1))
    for key in keys:
        view = after(view, key, spots, 5)
        assert 0 <= view.number < len(spots)
        assert view.scrolled >= 0


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50, unique=True).map(sorted), st.data())
def test_larger_steps_are_at_least_as_long(times: list[float], data: st.DataObject) -> None:
    """Down goes ten minutes at least, if there are so many, and up comes no farther than asked."""
    number = data.draw(st.integers(0, len(times) - 1))
    spots = [(time, False) for time in times]
    for key, seconds in (("down", SHORT), ("page down", LONG)):
        found = after(View(number), key, spots, 5).number
        assert found == len(times) - 1 or times[found] >= times[number] + seconds
        assert found > number or number == len(times) - 1


def test_the_help_has_each_key_once() -> None:
    """A key has one meaning."""
    assert len(HELP) == len(set(itertools.chain(name for name, _ in HELP)))


GUIDE = ROOT / "docs/after-an-incident.md"


@pytest.mark.parametrize("command", commands(GUIDE.read_text()), ids=lambda one: one.line)
def test_the_guide_shows_what_is_printed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    night: str,
    tmp_path: Path,
    command: Command,
) -> None:
    """Of a night as it describes, in the record of the service."""
    monkeypatch.setattr(passes, "DIRECTORY", night)
    monkeypatch.chdir(tmp_path)
    program, *arguments = command.line.split()
    assert program == "xenwatch"
    done = run(capsys, *arguments)
    assert done.status == 0, done.err
    shown = doctest.OutputChecker().check_output
    assert not command.output or shown(command.output, done.out, doctest.ELLIPSIS), done.out
