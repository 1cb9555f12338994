"""`xenwatch explain`: what it prints of a message or a log, and its exit status."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.running import xenwatch
from xenwatch.cli.main import main
from xenwatch.errors.pattern import LONGEST

SYNTHETIC = "--source=synthetic:debian-12"
NOBODY = "--url=http://127.0.0.1:1"
CHANNELS = "error 28 mapping ring-refs and evtchn"


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of this machine."""
    monkeypatch.setattr("xenwatch.config.config_file.DEFAULT_FILE", str(tmp_path / "none.toml"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of the command."""
    status = main(["explain", *arguments])
    return status, *capsys.readouterr()


def test_a_message_has_resource_headroom_and_runbook(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a limit the answer says what it is, how much there is on this host, and the runbook."""
    status, out, err = run(capsys, SYNTHETIC, f"kernel: vbd vbd-5-1: {CHANNELS}")

    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == [CHANNELS, "  meaning:    event channels of dom0"]
    assert re.match(r"  headroom:   SYNTHETIC: 1\d+ left; event_channels 0\.", lines[2])
    assert Path(lines[3].removeprefix("  runbook:    ")).is_file()


def test_a_limit_of_each_guest_has_the_headroom_of_the_fullest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Which guest has least is said with what the number is."""
    _, out, _ = run(capsys, SYNTHETIC, "max_grant_frames reached")

    assert re.search(r"headroom:   SYNTHETIC: \d+ left; fullest: grant_frames domid=\d+ ", out)


def test_words_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    """The words of a message may be several arguments."""
    assert run(capsys, "--no-headroom", *CHANNELS.split())[1].startswith(CHANNELS)


def test_an_error_of_xl_leads_to_the_log_of_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    """What libxl says of a hotplug script that failed has the reason elsewhere: where, is said."""
    line = (
        "libxl: error: libxl_exec.c:117:libxl_report_child_exitstatus: "
        "/etc/xen/scripts/block add [1234] exited with error status 1"
    )
    status, out, err = run(capsys, line)

    assert (status, err) == (0, "")
    assert "/var/log/xen/xen-hotplug.log" in out


def test_a_message_without_a_limit_asks_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no headroom belongs to the answer, no daemon is asked for it."""
    status, out, err = run(capsys, NOBODY, "SR_BACKEND_FAILURE_109")

    assert (status, err) == (0, "")
    assert "  look at:    /var/log/SMlog" in out
    assert "headroom" not in out


def test_without_a_daemon_headroom_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a daemon the answer is the same but for the headroom, and it says why."""
    status, out, err = run(capsys, NOBODY, CHANNELS)

    assert status == 0
    assert "headroom" not in out
    assert "headroom unknown: http://127.0.0.1:1: Connection refused" in err
    assert run(capsys, "--no-headroom", CHANNELS) == (0, out, "")


def test_it_asks_a_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a source the headroom is that of the daemon."""
    with xenwatch(SYNTHETIC) as running:
        running.get_ready()
        out = run(capsys, f"--url={running.url}", CHANNELS)[1]

    assert "  headroom:   SYNTHETIC: 1" in out


def test_a_limit_the_host_does_not_have_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A limit that was not read has no headroom, and the reason is printed."""
    out = run(capsys, SYNTHETIC, "BLKTAP_IOCTL_ALLOC_TAP")[1]

    assert "  headroom:   blktap_minors has no reading (not applicable: no blktap" in out
    out = run(capsys, SYNTHETIC, "maptrack limit reached")[1]
    assert "maptrack_frames has no reading (disabled" in out


def test_parts_of_a_message_are_found_by_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    """A text in which no message stands lists the entries with its words, and says that."""
    status, out, err = run(capsys, "--no-headroom", "g.e. still pending")

    assert status == 0
    assert "deferring g.e. N" in out
    assert "'g.e. still pending' is not a known message; these contain its words:" in err


def test_nothing_known_is_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    """A text nobody knows has no output and the status 3."""
    status, out, err = run(capsys, "the quick brown fox")

    assert (status, out) == (3, "")
    assert "no known message in 'the quick brown fox'; the list is " in err


def pasted(monkeypatch: pytest.MonkeyPatch, log: bytes) -> None:
    """Put a log on stdin."""
    buffer = io.BytesIO(log)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer, isatty=lambda: False))


LOG = (
    b"Nov 14 11:22:33 h kernel: all is well\n"
    b"Nov 14 11:22:34 h kernel: nfs: server 10.0.0.5 not responding, timed out\n"
    b"Nov 14 11:22:35 h kernel: maptrack limit reached, can't map all guest pages \xff\x1b[31m\n"
    b"Nov 14 11:22:36 h kernel: nfs: server 10.0.0.6 not responding, still trying\n"
)


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_a_log_is_told_by_what_it_is_about(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Each thing in a log is told once, in the order of the log, with its lines and the first."""
    pasted(monkeypatch, LOG)
    status, out, _ = run(capsys, "--no-headroom", *arguments)

    assert status == 0
    first, second = out.split("\n\n")
    assert first.startswith("server NAME not responding\n")
    assert "  in the log: 2 lines, first: Nov 14 11:22:34 h kernel: nfs: server" in first
    assert second.startswith("maptrack limit reached")
    assert "1 line, first: Nov 14 11:22:35" in second
    assert "\x1b" not in out


def test_a_log_without_end_of_line_is_read_in_parts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of any length costs bounded memory, and what follows it is still found."""
    pasted(monkeypatch, b"\0" * (LONGEST * 50) + b"\nout of PoD memory")
    status, out, _ = run(capsys, "--no-headroom")

    assert status == 0
    assert out.startswith("out of PoD memory\n")


def test_an_empty_log_is_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No stdin and an empty one are a log without anything known in it."""
    pasted(monkeypatch, b"")
    assert run(capsys)[0] == 3
    monkeypatch.setattr(sys, "stdin", None)
    assert run(capsys)[0] == 3
