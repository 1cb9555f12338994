"""Nothing invented goes unmarked, on whichever way it is shown."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.cli.support import no_traces, run
from tests.shown import ROOT
from tests.status.test_host_status import of
from tests.support import full_snapshot, labelled
from tests.terminal.support import lines
from xenwatch import page
from xenwatch.cli.source import choose
from xenwatch.page.document import Links
from xenwatch.readings.origin import Origin
from xenwatch.sources.base import SourceError
from xenwatch.status.host_status import loads
from xenwatch.status.notices import NO_XEN
from xenwatch.terminal.looks import Look
from xenwatch.terminal.state import State
from xenwatch.terminal.views import VIEWS

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

SYNTHETIC = "--source=synthetic:xcp-ng-8.3"
SENTENCE = "SYNTHETIC: not a real host (synthetic:xcp-ng-8.3)"


@pytest.mark.parametrize(
    "command",
    [("once",), ("plan",), ("doctor",), ("advise", "--interval=0")],
    ids=lambda command: command[0],
)
def test_what_people_read_begins_with_it(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """The first line is the mark, and a blank one sets it off."""
    assert run(capsys, *command, SYNTHETIC).out.startswith(f"{SENTENCE}\n\n")


def test_a_platform_is_marked_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A plan for a platform is not of a real host, whoever asked for it."""
    done = run(capsys, "plan", "--platform=debian-12", "--shape=linux")

    assert done.out.startswith("SYNTHETIC: ")


def test_top_prints_it_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Every table that `top --batch` prints begins with it."""
    out = run(capsys, "top", "--batch", "-n2", "-d0.1", SYNTHETIC).out

    assert out.startswith(f"{SENTENCE}\n")
    assert f"\n\n{SENTENCE}\n" in out


def test_what_programs_read_has_it_in_its_own_way(capsys: pytest.CaptureFixture[str]) -> None:
    """Metrics have a comment and a series, scripts a comment below their first line."""
    text = run(capsys, "once", SYNTHETIC, "--format=prometheus").out
    script = run(capsys, "advise", "--interval=0", "--script", SYNTHETIC).out

    assert text.startswith(f"# {SENTENCE}\n# HELP ")
    assert labelled("xenwatch_source_info", text.encode()) == {("synthetic", "SYNTHETIC"): 1}
    assert script.startswith("#!/bin/sh\n")
    assert f"\n# {SENTENCE}\n" in script


@pytest.mark.parametrize(
    "command",
    [("once",), ("plan",), ("doctor",), ("check",), ("top", "--batch", "-n1")],
    ids=lambda command: command[0],
)
def test_json_has_the_source(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    """Every document of a host says by its own field what that host is."""
    document = json.loads(run(capsys, *command, SYNTHETIC, "--format=json").out)

    assert document["source"] == {
        "kind": "synthetic", "name": "xcp-ng-8.3", "captured": None, "behind": "",
    }  # fmt: skip


def test_the_plugin_says_it_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The text behind the state begins with it, so that no column cuts it off."""
    done = run(capsys, "check", SYNTHETIC, "--limit=ptys")

    assert done.out.startswith(f"XENWATCH OK - {SENTENCE}; 1 limit ok")


def test_headroom_of_an_error_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The number beside an explained error is marked."""
    done = run(capsys, "explain", SYNTHETIC, "error 28 mapping ring-refs and evtchn")

    assert "headroom:   SYNTHETIC: " in done.out


def test_the_page_and_the_terminal_have_it() -> None:
    """The title, a banner above all else, and the first line of top."""
    synthetic = Origin("synthetic", "debian-12")
    status = of(dataclasses.replace(full_snapshot(), origin=synthetic))
    html = str(page.frame(status, {}, 0.0, Links("", "", "", {})))
    for view in range(len(VIEWS)):
        drawn = lines(Look(status, None), State(view=view), 100, 40)
        assert drawn[0].startswith("SYNTHETIC: not a real host")

    assert "<title>SYNTHETIC - " in html
    body = html.partition("<body>")[2]
    assert body.index("SYNTHETIC: not a real host") < body.index("<h1>")


def test_a_live_host_has_no_banner() -> None:
    """A live host with Xen is shown as it is."""
    html = str(page.frame(of(full_snapshot()), {}, 0.0, Links("", "", "", {})))

    assert "SYNTHETIC" not in html
    assert '<div id="notices"' in html


@pytest.mark.parametrize("variable", ["NOTIFY_SOCKET", "INVOCATION_ID"])
def test_a_service_gets_no_synthetic_host(tmp_path: Path, variable: str) -> None:
    """Where systemd started it, auto without a dom0 is an error with the next step."""
    with pytest.raises(SourceError) as caught:
        choose("auto", str(tmp_path), {variable: "x"})

    assert "mount -t xenfs xenfs /proc/xen" in str(caught.value)
    assert choose("auto", str(tmp_path), {}).spec == "synthetic"
    assert choose("synthetic", str(tmp_path), {variable: "x"}).spec == "synthetic"


def test_a_dom0_that_is_one_is_served(tmp_path: Path) -> None:
    """In a service auto is the host where there is a dom0."""
    (tmp_path / "proc/xen").mkdir(parents=True)
    (tmp_path / "proc/xen/capabilities").write_text("control_d\n")

    assert choose("auto", str(tmp_path), {"NOTIFY_SOCKET": "x"}).spec == "host"


def without_xen(root: Path) -> str:
    """The option for a Linux without Xen, of which something can be read."""
    (root / "proc/sys/fs").mkdir(parents=True)
    (root / "proc/sys/fs/aio-nr").write_text("0\n")
    (root / "proc/sys/fs/aio-max-nr").write_text("65536\n")
    return f"--path.rootfs={root}"


def test_without_xen_nothing_is_ok(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A dom0 that was booted without Xen says so in words, in place of limits that are ok."""
    root = without_xen(tmp_path)
    once, doctor, check = (
        run(capsys, *command, "--source=host", root)
        for command in (("once",), ("doctor",), ("check",))
    )

    assert (once.status, once.out) == (3, "")
    assert once.err.startswith(f"xenwatch: {NO_XEN}\n")
    assert doctor.status == 1
    assert doctor.out.startswith(f"{NO_XEN}\n\n")
    assert check.status == 3
    assert check.out.startswith(f"XENWATCH UNKNOWN - {NO_XEN}; ")


def test_without_xen_the_page_is_unknown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The page of such a host is headed by the words, and its state is unknown."""
    done = run(capsys, "once", "--source=host", without_xen(tmp_path), "--format=json")
    status = loads(done.out)
    html = str(page.frame(status, {}, 0.0, Links("", "", "", {})))

    assert {row.state for row in status.limits if row.limit == "aio_requests"} == {"ok"}
    assert "No Xen here: " in html
    assert "<title>unknown: " in html


def test_what_a_capture_lacks_is_captured_again(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read of a capture is not a matter of privileges of whoever reads it."""
    directory = ROOT / "tests/hosts/qubes-driver-domain"
    out = run(capsys, "doctor", f"--source=tree:{directory}").out

    done = {line.strip() for line in out.splitlines() if line.startswith("  do: ")}
    assert "do: capture the host again as root, with this version: xenwatch capture DIR" in done
    assert not any("run as root" in line or "mount" in line for line in done)
