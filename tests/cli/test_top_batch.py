"""`xenwatch top` without a screen: what it prints, and what it refuses."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.support import no_traces, run
from tests.cli.test_passes import record
from tests.laws.test_law_11 import BEGAN
from xenwatch.cli.main import main
from xenwatch.terminal.views import VIEWS

__all__ = ["no_traces", "record"]


def test_without_a_terminal_it_says_so(capsys: pytest.CaptureFixture[str], no_traces: None) -> None:
    """Its screen is for people: in a pipe it ends with status 2 and names what is for that."""
    done = run(capsys, "top", "--source=synthetic")

    assert done.status == 2
    assert "top requires a terminal; in scripts: xenwatch top --batch" in done.err


def test_without_the_extra_it_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where urwid is not installed the message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "urwid", None)
    monkeypatch.delitem(sys.modules, "xenwatch.cli.live_terminal", raising=False)
    monkeypatch.delattr("xenwatch.cli.live_terminal", raising=False)

    assert main(["top"]) == 3
    said = capsys.readouterr().err
    assert f"{sys.executable} -m pip install urwid; without it: xenwatch top --batch" in said


def test_batch_prints_so_many_tables(capsys: pytest.CaptureFixture[str], no_traces: None) -> None:
    """As `xentop -b`: domains, again and again; rates are known from the second time on."""
    done = run(capsys, "top", "-b", "-n", "3", "-d", "0.1", "--source=synthetic")
    tables = done.out.split("\n\n")
    heads = [table.splitlines()[2].split() for table in tables]
    dom0 = [
        next(line.split() for line in table.splitlines() if " Domain-0 " in line)
        for table in tables
    ]

    assert (done.status, len(tables)) == (0, 3)
    assert heads[0][:5] == ["DOMID", "NAME", "STATE", "TYPE", "CPU%"]
    assert dom0[0][4] == "-"
    assert all(line[4].endswith("%") for line in dom0[1:])


def test_batch_prints_json(capsys: pytest.CaptureFixture[str], no_traces: None) -> None:
    """A document a line; every view, or the one that is named."""
    argv = ("top", "-b", "-n2", "-d0.1", "--format=json", "--source=synthetic")
    every = [json.loads(line) for line in run(capsys, *argv).out.splitlines()]
    one = json.loads(run(capsys, *argv, "--view=disks").out.splitlines()[1])

    assert len(every) == 2
    assert every[0].keys() >= {view.name for view in VIEWS}
    assert every[0]["source"]["kind"] == "synthetic"
    assert "domains" not in one
    assert one["disks"][0].keys() >= {"domid", "disk", "reads_per_second"}


def test_batch_prints_the_moments_of_a_record(
    capsys: pytest.CaptureFixture[str], no_traces: None, record: str
) -> None:
    """One after another without waiting, to the newest, with the rates there were."""
    done = run(capsys, "top", "-b", "-d600", f"--source=record:{record}@{BEGAN:.0f}")
    later = run(capsys, "top", "-b", "-n1", f"--source=record:{record}@{BEGAN + 10:.0f}").out

    assert done.status == 0
    assert done.out.count("RECORD of ") == 3
    assert done.out.split("\n\n")[1].splitlines() == later.splitlines()


@pytest.mark.parametrize("column", ["mem", "MEM", "memory_bytes"])
def test_a_column_may_be_named_by_its_header(
    capsys: pytest.CaptureFixture[str], no_traces: None, column: str
) -> None:
    """Rows are sorted by the column's header, in any case, as by its name in JSON."""
    by_header = run(capsys, "top", "-b", "-n1", "--sort", column, "--source=synthetic:xcp-ng-8.3")
    natural = run(capsys, "top", "-b", "-n1", "--source=synthetic:xcp-ng-8.3")

    assert by_header.status == 0
    assert " db-01 " in by_header.out.splitlines()[3]
    assert " db-01 " not in natural.out.splitlines()[3]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-n", "3"), "--iterations requires --batch"),
        (("--format", "json"), "--format requires --batch"),
        (("-b", "--sort", "cpu"), "--sort: domains has no column 'cpu'"),
        (("-b", "--sort", "nmae"), "did you mean name?"),
        (("-b", "--sort", "zzz"), "it has broken, cpu_percent, disks, "),
        (("-b", "-d", "0"), "must be a number of seconds between 0.1 and 600"),
        (("-b", "-n", "0"), "must be between 1 and"),
        (("--view", "disk"), "invalid choice"),
    ],
)
def test_bad_options_are_refused(
    capsys: pytest.CaptureFixture[str], no_traces: None, options: tuple[str, ...], problem: str
) -> None:
    """With what is wrong and what would be right, before anything is read."""
    done = run(capsys, "top", *options, "--source=synthetic")

    assert (done.status, done.out) == (2, "")
    assert problem in done.err


def test_a_batch_that_cannot_read_ends(capsys: pytest.CaptureFixture[str], no_traces: None) -> None:
    """Without a daemon there is nothing to print: the status says so, and stderr why."""
    done = run(capsys, "top", "-b", "-n1", "--url=http://127.0.0.1:1")

    assert (done.status, done.out) == (3, "")
    assert "Is the daemon running?" in done.err
