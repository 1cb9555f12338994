"""The page as a file: whole when it gets its name, updated in place, never shorter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.messages.rrd_reader import NoUpdate, Rrdd
from xenwatch.messages import requests, rrd_page
from xenwatch.messages.helper import Helper
from xenwatch.messages.page_file import NAME, PageFile
from xenwatch.messages.requests import Values

LINUX = rrd_page.data_sources(Values({"linux": 3}, 0.5, 1.0))
FEWER = rrd_page.data_sources(Values({"linux": 2}, 0.75, None))
BOTH = rrd_page.data_sources(Values({"linux": 2, "web": 9}, 0.75, 4.0))


def test_xcp_rrdd_sees_the_page_and_its_updates(tmp_path: Path) -> None:
    """The file that was mapped once has the new values, without another file."""
    rrdd, page = Rrdd(tmp_path), PageFile(str(tmp_path))
    page.write(LINUX, 1e9)
    rrdd.look()
    first = rrdd.values(NAME)
    page.write(FEWER, 1e9 + 5)
    mapped = rrdd.mapped[NAME]
    rrdd.look()

    assert first == (
        1e9,
        {
            "xenwatch_vms_left_linux": 3.0,
            "xenwatch_fullest_limit": 0.5,
            "xenwatch_qemu_wakeups": 1.0,
        },
    )
    assert rrdd.mapped[NAME] is mapped
    time, values = rrdd.values(NAME)
    assert (time, values["xenwatch_vms_left_linux"]) == (1e9 + 5, 2.0)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_other_data_sources_are_another_file(tmp_path: Path) -> None:
    """A file that xcp-rrdd has mapped never changes its size: one of other data sources is new."""
    rrdd, page = Rrdd(tmp_path), PageFile(str(tmp_path))
    page.write(BOTH, 1e9)
    rrdd.look()
    mapped = rrdd.mapped[NAME]
    before = bytes(mapped)
    page.write(LINUX, 1e9 + 5)
    after = bytes(mapped)
    rrdd.look()

    assert after == before
    assert rrdd.mapped[NAME] is not mapped
    assert rrdd.values(NAME)[1]["xenwatch_vms_left_linux"] == 3.0


def test_a_file_that_was_removed_is_made_again(tmp_path: Path) -> None:
    """Somebody may clear the directory: the next update makes the file anew."""
    rrdd, page = Rrdd(tmp_path), PageFile(str(tmp_path))
    page.write(LINUX, 1e9)
    (tmp_path / NAME).unlink()
    page.write(LINUX, 1e9 + 5)
    rrdd.look()

    assert rrdd.values(NAME)[0] == 1e9 + 5


def test_what_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    """A file of before, finished or not, is replaced by another one."""
    (tmp_path / NAME).write_bytes(b"old")
    (tmp_path / f"{NAME}.tmp").write_bytes(b"older")
    rrdd = Rrdd(tmp_path)
    rrdd.look()
    PageFile(str(tmp_path)).write(LINUX, 1e9)
    rrdd.look()

    assert rrdd.values(NAME)[0] == 1e9
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write in the directory gets no other file written."""
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    directory = tmp_path / "metrics"
    directory.mkdir()
    for name in (NAME, f"{NAME}.tmp"):
        (directory / name).symlink_to(target)
    PageFile(str(directory)).write(LINUX, 1e9)

    assert target.read_bytes() == b"kept"
    assert not (directory / NAME).is_symlink()


@pytest.mark.parametrize("trap", ["link", "other owner"])
def test_a_directory_of_another_user_is_not_written(tmp_path: Path, trap: str) -> None:
    """Any user may make the directory where xcp-rrdd has not: nothing is written in it."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    directory = tmp_path / "metrics"
    if trap == "link":
        directory.symlink_to(theirs)
    else:
        directory = theirs
        os.chown(theirs, 12345, 12345)
    shared = Helper(pages=PageFile(str(directory)))
    answer = requests.loads_answer(shared.answer(requests.dumps(Values({}, None, None))))

    assert answer.startswith(f"{directory}: must be a directory of root")
    assert list(theirs.iterdir()) == []


def test_the_file_is_removed_by_who_made_it(tmp_path: Path) -> None:
    """At the end the file goes; that of another process stays."""
    page, other = PageFile(str(tmp_path)), PageFile(str(tmp_path))
    page.write(LINUX, 1e9)
    other.remove()
    assert (tmp_path / NAME).exists()
    other.write(LINUX, 1e9 + 1)
    page.remove()
    assert (tmp_path / NAME).exists()
    other.remove()
    assert list(tmp_path.iterdir()) == []


def test_everybody_may_read_the_file(tmp_path: Path) -> None:
    """The mode does not depend on the umask: 0644, and nobody else may write."""
    before = os.umask(0o077)
    try:
        PageFile(str(tmp_path)).write(LINUX, 1e9)
    finally:
        os.umask(before)

    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o644


def test_the_helper_writes_the_page(tmp_path: Path) -> None:
    """Values that are asked for get into the page, at the helper's time; closing removes it."""
    rrdd = Rrdd(tmp_path)
    shared = Helper(pages=PageFile(str(tmp_path)), clock=lambda: 1_700_000_000.5)
    answer = shared.answer(requests.dumps(Values({"linux": 3}, None, 2.5)))
    rrdd.look()
    time, values = rrdd.values(NAME)

    assert requests.loads_answer(answer) == ""
    assert (time, values["xenwatch_qemu_wakeups"]) == (1_700_000_000.5, 2.5)
    with pytest.raises(NoUpdate):
        rrdd.values(NAME)
    shared.close()
    assert list(tmp_path.iterdir()) == []


def test_without_xcp_rrdd_the_helper_says_so(tmp_path: Path) -> None:
    """Where the directory is missing nothing is made."""
    missing = tmp_path / "missing"
    shared = Helper(pages=PageFile(str(missing)))

    answer = requests.loads_answer(shared.answer(requests.dumps(Values({}, None, None))))

    assert answer == f"{missing}: No such file or directory"
    assert not missing.exists()
