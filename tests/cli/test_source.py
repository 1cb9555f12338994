"""Which source an operator's words open, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from xenwatch.cli.source import CAPABILITIES, choose, open_source
from xenwatch.sources.base import SourceError
from xenwatch.sources.host import HostSource
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource


@pytest.mark.parametrize(
    ("capabilities", "spec", "reason"),
    [
        ("control_d\n", "host", "a Xen dom0: "),
        ("", "synthetic", "does not contain control_d"),
        (None, "synthetic", "No such file or directory"),
    ],
)
def test_auto_is_the_host_on_a_dom0_alone(
    tmp_path: Path, capabilities: str | None, spec: str, reason: str
) -> None:
    """Without control_d there is no dom0 to read, and the choice says so."""
    if capabilities is not None:
        (tmp_path / CAPABILITIES).parent.mkdir(parents=True)
        (tmp_path / CAPABILITIES).write_text(capabilities)
    choice = choose("auto", str(tmp_path))

    assert choice.spec == spec
    assert reason in choice.reason


def test_what_is_asked_for_is_what_there_is() -> None:
    """A source that is named is not second-guessed."""
    assert choose("host").spec == "host"
    assert isinstance(open_source("host"), HostSource)


def test_a_captured_host_is_opened(tmp_path: Path) -> None:
    """A tree is a source where there is a capture, and an error elsewhere."""
    RecordingSource(HostSource(), tmp_path / "capture").close()

    assert isinstance(open_source(f"tree:{tmp_path}/capture"), TreeSource)
    with pytest.raises(SourceError, match="missing"):
        open_source(f"tree:{tmp_path}/missing")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("synthetic:debian-21", "no such preset or scenario; did you mean debian-13?"),
        ("synthetic:zzz", "must be one of: "),
        ("dom0", "must be one of: host"),
    ],
)
def test_unknown_sources_are_refused(spec: str, reason: str) -> None:
    """What cannot be opened is refused with what could be meant."""
    with pytest.raises(SourceError) as caught:
        open_source(spec)

    assert reason in str(caught.value)
