"""What is said before everything else: what is no live host, and what has no Xen."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.sources.fakes import TableSource
from tests.support import full_snapshot
from xenwatch.assessment import assess_pass
from xenwatch.model.source import preset
from xenwatch.passes.publisher import restrict
from xenwatch.readings.origin import LIVE, Origin
from xenwatch.sources.base import SourceError
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource
from xenwatch.status.notices import NO_XEN, notices

THEN = 1_700_000_000.0


@pytest.mark.parametrize(
    ("origin", "mark"),
    [
        (LIVE, ""),
        (Origin("reader", behind="host"), ""),
        (Origin("reader", behind="synthetic"), "SYNTHETIC"),
        (Origin("synthetic", "debian-12"), "SYNTHETIC"),
        (Origin("tree", "/c", THEN, "host"), "CAPTURE of 2023-11-14 22:13 UTC"),
        (Origin("tree", "/c", THEN), "CAPTURE of 2023-11-14 22:13 UTC"),
        (Origin("tree", "/c", THEN, "synthetic"), "SYNTHETIC, CAPTURE of 2023-11-14 22:13 UTC"),
    ],
)
def test_only_a_live_host_has_no_mark(origin: Origin, mark: str) -> None:
    """Whoever stands between, what is behind is said."""
    assert origin.mark == mark
    assert origin.warning.startswith(f"{mark}: " if mark else "")
    assert bool(origin.warning) is bool(mark)


def test_a_capture_says_what_was_captured_and_when(tmp_path: Path) -> None:
    """A capture keeps its date and its mark, also when it is captured again."""
    RecordingSource(preset("debian-12"), tmp_path / "a", lambda: THEN).close()
    first = TreeSource(tmp_path / "a")
    RecordingSource(first, tmp_path / "b", lambda: THEN + 1e6).close()

    for source in (first, TreeSource(tmp_path / "b")):
        assert source.origin.mark == "SYNTHETIC, CAPTURE of 2023-11-14 22:13 UTC"


def test_an_older_capture_has_its_date(tmp_path: Path) -> None:
    """A capture that does not say of what it is, is a capture still."""
    RecordingSource(TableSource(), tmp_path / "c", lambda: THEN).close()
    manifest = tmp_path / "c/manifest.json"
    fields = json.loads(manifest.read_text())
    assert fields.pop("origin") == "host"
    manifest.write_text(json.dumps(fields))

    assert TreeSource(tmp_path / "c").origin.mark == "CAPTURE of 2023-11-14 22:13 UTC"


@pytest.mark.parametrize("time", ["NaN", "-1", "1e300", "true", '"now"'])
def test_a_capture_without_a_date_is_refused(tmp_path: Path, time: str) -> None:
    """What cannot say when it was made is not replayed as if it could."""
    (tmp_path / "manifest.json").write_text(f'{{"format": 1, "time": {time}}}')

    with pytest.raises(SourceError, match="time is not a Unix time"):
        TreeSource(tmp_path)


def test_a_dom0_without_xen_is_told() -> None:
    """A host whose probes all succeed, and that has no Xen, is told so; with Xen it is not."""
    live = full_snapshot()
    assert live.host is not None
    bare = dataclasses.replace(live.host, xen=None, xen_version="", is_dom0=False)

    assert notices(live) == ()
    assert notices(dataclasses.replace(live, host=bare)) == (NO_XEN,)
    assert notices(dataclasses.replace(live, host=None)) == ()


def test_a_part_of_a_pass_keeps_its_mark() -> None:
    """Metrics of chosen probes are as invented as all of them."""
    origin = Origin("synthetic", "debian-12")
    whole = assess_pass(dataclasses.replace(full_snapshot(), origin=origin))

    assert restrict(whole, ["aio"]).snapshot.origin == origin
