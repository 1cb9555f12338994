"""The histograms in tracefs: set up, removed, and recognised when it was left behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from xenwatch.sources.base import SourceError
from xenwatch.sources.histograms import DIRECTORIES, INSTANCE, POLL, SLEEP, TRIGGERS
from xenwatch.sources.tracefs import PollHistograms


class Tracefs:
    """A tracefs of files: a directory made in `instances` comes with its events."""

    def __init__(self, root: Path, where: str, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.instances = root / where.lstrip("/") / "instances"
        self.instances.mkdir(parents=True)
        self.instance = root / where.lstrip("/") / INSTANCE
        self.triggers = {event: self.instance / event / "trigger" for event in (SLEEP, POLL)}
        self.histograms = True
        self._mkdir = os.mkdir
        patch.setattr(os, "mkdir", self.mkdir)
        self._rmdir = os.rmdir
        patch.setattr(os, "rmdir", self.rmdir)

    def mkdir(self, path: str | Path, mode: int = 0o777) -> None:
        """A new instance."""
        self._mkdir(path, mode)
        if self.histograms and str(path) == str(self.instance):
            for trigger in self.triggers.values():
                trigger.parent.mkdir(parents=True)
                trigger.touch()

    def rmdir(self, path: str) -> None:
        """An instance goes with all that is in it."""
        for place, _, names in os.walk(path, topdown=False):
            for name in names:
                os.unlink(os.path.join(place, name))
            self._rmdir(place)


@pytest.fixture(params=DIRECTORIES)
def tracefs(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Tracefs:
    """A tracefs where it is mounted today, or where it was before Linux 4.1."""
    return Tracefs(tmp_path, request.param, monkeypatch)


@pytest.fixture
def histogram(tracefs: Tracefs) -> PollHistograms:
    """The histograms in it."""
    return PollHistograms(str(tracefs.root))


def test_it_is_set_up_in_an_instance_of_its_own(
    tracefs: Tracefs, histogram: PollHistograms
) -> None:
    """The triggers are written below the instance in turn, and removing leaves nothing."""
    histogram.set_up()

    for event, file in tracefs.triggers.items():
        assert file.read_text() == "".join(text for its, text in TRIGGERS if its == event)
    histogram.remove()
    assert list(tracefs.instances.iterdir()) == []


def test_what_a_killed_daemon_left_is_removed(tracefs: Tracefs, histogram: PollHistograms) -> None:
    """A stale instance is taken away, by a daemon that wants one and by one that does not."""
    PollHistograms(str(tracefs.root)).set_up()
    (tracefs.instance / "stale").touch()

    histogram.set_up()
    assert not (tracefs.instance / "stale").exists()

    PollHistograms(str(tracefs.root)).remove()
    assert not tracefs.instance.exists()


def test_other_instances_are_left_alone(tracefs: Tracefs, histogram: PollHistograms) -> None:
    """Somebody else's tracing is there before and after."""
    (tracefs.instances / "theirs").mkdir()

    histogram.set_up()
    histogram.remove()

    assert [path.name for path in tracefs.instances.iterdir()] == ["theirs"]


def test_a_kernel_without_histograms_is_left_as_it_was(
    tracefs: Tracefs, histogram: PollHistograms
) -> None:
    """When the trigger is refused the error names it, and no instance stays."""
    tracefs.histograms = False

    with pytest.raises(SourceError, match=f"{INSTANCE}/{SLEEP}/trigger: No such file"):
        histogram.set_up()
    assert not tracefs.instance.exists()


def test_a_busy_instance_is_an_error(
    tracefs: Tracefs, histogram: PollHistograms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance somebody reads from cannot be removed, which is said."""

    def busy(path: str) -> None:
        raise OSError(errno.EBUSY, "")

    histogram.set_up()
    monkeypatch.setattr(os, "rmdir", busy)

    with pytest.raises(SourceError, match="instances/xenwatch: Device or resource busy"):
        histogram.remove()


def test_without_tracefs_nothing_is_done(tmp_path: Path) -> None:
    """Where no tracefs is mounted setting up says so, and there is nothing to remove."""
    histogram = PollHistograms(str(tmp_path))

    with pytest.raises(SourceError, match="tracefs is not mounted"):
        histogram.set_up()
    histogram.remove()
    assert list(tmp_path.iterdir()) == []
