"""Files that hold what is to survive: what is written, and what is never written over."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from xenwatch.config import state_file


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """The file has the new text, and nothing else is left in the directory."""
    path = tmp_path / "state.json"
    path.write_text("old, and longer")
    state_file.replace(str(path), "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0, 0o777])
def test_who_may_read_it_does_not_depend_on_the_umask(umask: int, tmp_path: Path) -> None:
    """Names of VMs are for the writer's user alone; what others read, they can."""
    before = os.umask(umask)
    try:
        state_file.replace(str(tmp_path / "private"), "new")
        state_file.replace(str(tmp_path / "public"), "new", state_file.PUBLIC)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"private": 0o600, "public": 0o644}


@pytest.mark.parametrize("kind", ["pipe", "link", "directory"])
def test_only_a_file_is_replaced_or_removed(kind: str, tmp_path: Path) -> None:
    """A device, as which a pipe stands here, a link such as /dev/stdout and a directory stay."""
    path, target = tmp_path / "state.json", tmp_path / "target"
    target.write_text("kept")
    make: Mapping[str, Callable[[Path], object]] = {
        "pipe": os.mkfifo,
        "link": lambda at: os.symlink(target, at),
        "directory": os.mkdir,
    }
    make[kind](path)
    mode = path.lstat().st_mode
    with pytest.raises(OSError, match=r"^is not a regular file$"):
        state_file.replace(str(path), "new")
    with pytest.raises(OSError, match=r"^is not a regular file$"):
        state_file.remove(str(path))
    assert path.lstat().st_mode == mode
    assert target.read_text() == "kept"


@pytest.mark.parametrize("kind", ["link", "pipe", "file"])
def test_what_is_at_the_new_name_is_not_written_to(kind: str, tmp_path: Path) -> None:
    """A link there, made to have root write elsewhere, a pipe and a remainder are removed."""
    path, new, target = (tmp_path / name for name in ("state.json", "state.json.new", "target"))
    target.write_text("kept")
    make: Mapping[str, Callable[[Path], object]] = {
        "link": lambda at: os.symlink(target, at),
        "pipe": os.mkfifo,
        "file": Path.touch,
    }
    make[kind](new)
    state_file.replace(str(path), "new")
    assert stat.S_ISREG(path.lstat().st_mode)
    assert (path.read_text(), target.read_text()) == ("new", "kept")


def test_a_failure_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full the old text stays, and no half of a new one."""
    path = tmp_path / "state.json"
    path.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        state_file.replace(str(path), "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
