"""Where a capture may be written: nobody else can lead it elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sources.fakes import TableSource
from tests.tools import need
from xenwatch.sources.base import SourceError
from xenwatch.sources.output import OutputDirectory
from xenwatch.sources.recording import RecordingSource

OTHER = 54321
"""The id of somebody else, of whom nothing is known."""


def write(directory: Path) -> None:
    """What a capture does with a directory, in short."""
    output = OutputDirectory(directory)
    try:
        output.write(b"files/proc/stat", b"new")
    finally:
        output.close()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file of the caller's that must stay as it is, with the directory that somebody else has."""
    need("root")
    file = tmp_path / "victim"
    file.write_text("kept")
    file.chmod(0o600)
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", OTHER, OTHER)
    yield file
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("kept", 0o600)


@pytest.mark.parametrize("umask", [0, 0o777])
@pytest.mark.parametrize("there", [False, True])
def test_what_is_written_is_for_its_owner_alone(tmp_path: Path, umask: int, there: bool) -> None:
    """Directories get mode 0700 and files 0600, whatever the umask is, also one that was there."""
    place = tmp_path / "above/capture"
    if there:
        place.mkdir(parents=True)
        place.chmod(0o755)
    before = os.umask(umask)
    try:
        recorder = RecordingSource(TableSource(files={"/proc/stat": b"x"}), place)
        recorder.read("/proc/stat")
        recorder.close()
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(place)): stat.S_IMODE(path.stat().st_mode)
        for path in (place, *place.rglob("*"))
    }
    assert modes == {
        **dict.fromkeys((".", "files", "files/proc"), 0o700),
        **dict.fromkeys(("calls.jsonl", "manifest.json", "files/proc/stat"), 0o600),
    }


def test_a_directory_of_somebody_else_is_no_place(tmp_path: Path, victim: Path) -> None:
    """An empty directory that somebody else owns is refused, with the owner and what to do."""
    with pytest.raises(SourceError, match=f"theirs: belongs to user {OTHER}; use a new directory"):
        write(victim.parent / "theirs")
    assert os.listdir(tmp_path / "theirs") == []


def test_below_a_directory_of_somebody_else_is_no_place(tmp_path: Path, victim: Path) -> None:
    """Nothing is made in a directory whose owner could replace it."""
    reason = f"theirs: belongs to user {OTHER}, who could replace what is in it; use a new"
    with pytest.raises(SourceError, match=reason):
        write(victim.parent / "theirs/capture")
    assert os.listdir(tmp_path / "theirs") == []


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_where_others_may_write_is_no_place(tmp_path: Path, victim: Path, mode: int) -> None:
    """A directory that others or a group may write to is refused unless it is sticky."""
    shared = victim.parent / "shared"
    shared.mkdir()
    os.chown(shared, 0, OTHER)
    shared.chmod(mode)
    with pytest.raises(SourceError, match=f"{tmp_path}/shared: others may write to it; run: chmod"):
        write(shared / "capture")
    assert os.listdir(shared) == []
    shared.chmod(mode | stat.S_ISVTX)
    write(shared / "capture")


def link(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def hard_link(place: Path, victim: Path) -> None:
    os.link(victim, place)


def pipe(place: Path, victim: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("plant", [link, hard_link, pipe])
@pytest.mark.parametrize("name", [".partial", "calls.jsonl", "files"])
def test_what_is_planted_in_an_empty_directory_is_refused(
    victim: Path, plant: Callable[[Path, Path], None], name: str
) -> None:
    """A directory in which somebody else has put something before it was owned is not empty."""
    place = victim.parent / "capture"
    place.mkdir()
    plant(place / name, victim)
    with pytest.raises(SourceError, match="directory is not empty; use a new one"):
        write(place)


@pytest.mark.parametrize("plant", [link, hard_link, pipe])
@pytest.mark.parametrize("name", [".partial", "files"])
def test_what_is_planted_meanwhile_is_not_written_to(
    victim: Path, plant: Callable[[Path, Path], None], name: str
) -> None:
    """A link or pipe that comes while a host is captured is an error, and never followed."""
    place = victim.parent / "capture"
    recorder = RecordingSource(TableSource(files={"/proc/stat": b"x"}), place)
    plant(place / name, victim)
    with pytest.raises(SourceError, match=r"capture: (?:File exists|Not a directory)"):
        recorder.read("/proc/stat")
    with pytest.raises(SourceError, match="capture: incomplete"):
        recorder.close()


@pytest.mark.parametrize("plant", [link, hard_link, pipe])
def test_what_is_no_directory_is_no_place(
    victim: Path, plant: Callable[[Path, Path], None]
) -> None:
    """A link to a file, a file or a pipe in the place of the directory is refused, not opened."""
    place = victim.parent / "capture"
    plant(place, victim)
    with pytest.raises(SourceError, match="is not a directory; use a new directory in one of your"):
        write(place)


@pytest.mark.parametrize("ours", [True, False])
def test_only_ones_own_links_lead_on(victim: Path, ours: bool) -> None:
    """A link on the way is followed if the caller or root has made it, and refused otherwise."""
    sticky, target = victim.parent / "sticky", victim.parent / "target"
    sticky.mkdir()
    sticky.chmod(0o1777)
    target.mkdir()
    (sticky / "link").symlink_to("../target")
    if ours:
        write(sticky / "link/capture")
        assert (target / "capture/files/proc/stat").read_bytes() == b"new"
        return
    os.lchown(sticky / "link", OTHER, OTHER)
    with pytest.raises(SourceError, match=f"sticky/link: is a link of user {OTHER}; use a new"):
        write(sticky / "link/capture")
    assert os.listdir(target) == []


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """A link to itself is an error and not an endless walk."""
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        write(tmp_path / "circle/capture")


def test_a_directory_that_is_swapped_gets_nothing_more(tmp_path: Path) -> None:
    """What is written goes into the directory that was opened, not into another of its name."""
    output = OutputDirectory(tmp_path / "capture")
    (tmp_path / "capture").rename(tmp_path / "moved")
    (tmp_path / "other").mkdir()
    (tmp_path / "capture").symlink_to("other")
    output.write(b"files/x", b"new")
    output.close()
    assert (tmp_path / "moved/files/x").read_bytes() == b"new"
    assert os.listdir(tmp_path / "other") == []


def test_a_relative_place_is_below_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative name, with dots too, is one of the current directory."""
    monkeypatch.chdir(tmp_path)
    write(Path("a/../b"))
    assert (tmp_path / "b/files/proc/stat").read_bytes() == b"new"


def test_a_directory_that_cannot_be_made_is_named() -> None:
    """With its whole path, the reason and what to do."""
    with pytest.raises(SourceError, match="/proc/new: No such file or directory; use a new dir"):
        OutputDirectory("/proc/new/below")


@pytest.mark.parametrize("mode", [0o1777, 0o755, 0o700])
def test_a_directory_that_is_refused_stays_as_it_was(tmp_path: Path, mode: int) -> None:
    """One that is not empty, such as /tmp, keeps its mode."""
    place = tmp_path / "used"
    place.mkdir()
    (place / "file").touch()
    place.chmod(mode)
    with pytest.raises(SourceError, match="directory is not empty; use a new one"):
        OutputDirectory(place)

    assert stat.S_IMODE(place.stat().st_mode) == mode


def test_what_is_planted_at_the_last_moment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what comes between the look and the change of the mode, which is undone."""
    place = tmp_path / "new"
    place.mkdir(mode=0o755)
    change = os.fchmod

    def planted(descriptor: int, mode: int) -> None:
        (place / "file").touch()
        change(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", planted)
    with pytest.raises(SourceError, match="directory is not empty; use a new one"):
        OutputDirectory(place)

    assert stat.S_IMODE(place.stat().st_mode) == 0o755
