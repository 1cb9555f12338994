"""The directory of segments: what is kept for how long, and that a crash costs a moment at most."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.record.disk import without_a_disk
from tests.record.test_segments import HEADER
from tests.tools import need
from xenwatch.record import store, thinning
from xenwatch.record.frames import Head, Moment
from xenwatch.record.header import Header
from xenwatch.record.segments import Name, Segment
from xenwatch.record.store import SPAN, Store, files

__all__ = ["without_a_disk"]

BEGAN = 1.7e9
SIZE, AGE = 1 << 30, 7 * 86400.0


def filled(directory: Path, times: Iterable[float], marked: Iterable[float] = ()) -> Store:
    """A store with a moment at each time, whose one value says when it was."""
    kept, those = Store(directory / "record", SIZE, AGE), set(marked)
    for time in times:
        kept.append(moment(time, marked=time in those), HEADER)
    return kept


def moment(time: float, *, marked: bool = False) -> Moment:
    """One that says when it was, with a value that never changes."""
    return Moment(time, time - BEGAN, marked, {"when": b"%f" % time, "same": b"x" * 100})


def found(directory: Path) -> list[float]:
    """The times of the moments there are, each of which has its own values."""
    every = [one for file in files(directory / "record") for one in Segment(file.path).moments()]
    for one in every:
        assert one.values == moment(one.time).values
    return [one.time for one in every]


def test_what_is_appended_is_there_at_once(tmp_path: Path) -> None:
    """While it is still written to, in files and a directory for their owner alone."""
    kept = filled(tmp_path, (BEGAN, BEGAN + 10))
    assert found(tmp_path) == [BEGAN, BEGAN + 10]
    assert (tmp_path / "record").stat().st_mode & 0o777 == 0o700
    kept.close()


def test_a_segment_is_ten_minutes_long(tmp_path: Path) -> None:
    """So that little is read to see its last moment."""
    filled(tmp_path, (BEGAN + 100 * n for n in range(13))).close()
    assert [file.name.time for file in files(tmp_path / "record")] == [
        BEGAN,
        BEGAN + SPAN,
        BEGAN + 2 * SPAN,
    ]


def test_a_clock_that_is_set_back_begins_another(tmp_path: Path) -> None:
    """Times ascend within a segment, and nothing is lost."""
    filled(tmp_path, (BEGAN, BEGAN + 10, BEGAN - 3600, BEGAN - 3590)).close()
    assert found(tmp_path) == [BEGAN - 3600, BEGAN - 3590, BEGAN, BEGAN + 10]


def test_another_origin_or_version_begins_another(tmp_path: Path) -> None:
    """What is said of all moments of a segment holds for each."""
    kept = filled(tmp_path, (BEGAN,))
    kept.append(moment(BEGAN + 10), Header("0.3.0", HEADER.origin, HEADER.schema))
    kept.close()
    versions = [Segment(file.path).header.version for file in files(tmp_path / "record")]
    assert versions == ["0.2.0", "0.3.0"]


def test_the_older_the_fewer_are_kept_but_all_marked(tmp_path: Path) -> None:
    """All of an hour, one a minute of a day, one in ten minutes before that."""
    times = [BEGAN + 30 * n for n in range(2 * 2880)]
    marked = (BEGAN + 1230, BEGAN + 100_110, times[-3])
    kept = filled(tmp_path, times, marked)
    now = times[-1]
    kept.tidy(now)
    kept.close()

    left = found(tmp_path)
    assert set(marked) <= set(left)
    old = [time for time in left if now - time > 86400 + 2 * SPAN]
    middle = [time for time in left if 3600 + 2 * SPAN < now - time < 86400]
    new = [time for time in left if now - time < 3600]
    assert new == [time for time in times if now - time < 3600]
    for some, step in ((middle, 60), (old, SPAN)):
        few = [time for time in some if time not in marked]
        assert {later - one for one, later in itertools.pairwise(few)} == {step}
    assert len(middle) > 1300


def test_thinning_again_changes_nothing(tmp_path: Path) -> None:
    """A store that is tidied at every start keeps what it has."""
    kept = filled(tmp_path, (BEGAN + 10 * n for n in range(1000)))
    kept.tidy(BEGAN + 90_000)
    once = found(tmp_path)
    kept.tidy(BEGAN + 90_000)
    assert found(tmp_path) == once
    kept.close()


def test_too_much_is_removed_oldest_first(tmp_path: Path) -> None:
    """The record stays below its size, and says what it has."""
    kept = filled(tmp_path, (BEGAN + 100 * n for n in range(60)))
    each = files(tmp_path / "record")[0].size
    kept._size = 3 * each
    left = kept.tidy(BEGAN + 6000)
    kept.close()
    assert left <= 4 * each
    assert found(tmp_path)[-1] == BEGAN + 5900
    assert found(tmp_path)[0] >= BEGAN + 5900 - 4 * SPAN


def test_what_is_too_old_is_removed(tmp_path: Path) -> None:
    """Marked or not."""
    kept = filled(tmp_path, (BEGAN, BEGAN + SPAN), marked=(BEGAN,))
    kept.close()
    kept.tidy(BEGAN + AGE + 1)
    assert found(tmp_path) == [BEGAN + SPAN]


def test_the_hour_before_a_stop_is_kept_whole_for_a_day(tmp_path: Path) -> None:
    """A dom0 that has crashed is looked at when it is back, which may be hours later."""
    times = [BEGAN + 60 * n / 2 for n in range(300)]
    back = BEGAN + 6 * 3600
    kept = filled(tmp_path, [*times, back])
    kept.tidy(back)
    hour = [time for time in times if time >= times[-1] - 3600 + SPAN]
    assert set(hour) <= set(found(tmp_path))
    assert len(found(tmp_path)) < 250
    kept.append(moment(BEGAN + 2 * 86400), HEADER)
    kept.tidy(BEGAN + 2 * 86400)
    assert len(set(hour) & set(found(tmp_path))) < 10
    kept.close()


def test_a_record_that_is_removed_begins_again(tmp_path: Path) -> None:
    """Somebody needs the disk, while the daemon goes on."""
    kept = filled(tmp_path, (BEGAN, BEGAN + 10))
    shutil.rmtree(tmp_path / "record")
    kept.tidy(BEGAN + 15)
    kept.append(moment(BEGAN + 20), HEADER)
    kept.close()
    assert found(tmp_path) == [BEGAN + 20]


def test_what_is_half_thinned_is_thinned_again(tmp_path: Path) -> None:
    """A crash meanwhile leaves the segment as it was."""
    kept = filled(tmp_path, (BEGAN + 10 * n for n in range(60)))
    kept.close()
    [file] = files(tmp_path / "record")
    partial = file.path.with_name(str(Name(BEGAN, 2)) + store.PARTIAL)
    partial.write_bytes(b"half")
    assert len(found(tmp_path)) == 60
    kept.tidy(BEGAN + 86400 + 2 * SPAN)
    assert not partial.exists()
    assert found(tmp_path) == [BEGAN]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """And a segment that cannot be read is removed when it is its turn, unless a later one can."""
    kept = filled(tmp_path, (BEGAN,))
    kept.close()
    other = tmp_path / "record" / "README"
    other.write_text("mine")
    damaged = tmp_path / "record" / str(Name(BEGAN + SPAN, 0))
    damaged.write_text("damaged")
    later = tmp_path / "record" / str(Name(BEGAN + 2 * SPAN, 0))
    later.write_bytes(HEADER.line().replace(b'"format": 1', b'"format": 2'))
    kept.tidy(BEGAN + SPAN + 86400 * 2)
    assert other.exists()
    assert not damaged.exists()
    assert later.exists()
    later.unlink()
    assert found(tmp_path) == [BEGAN]


def test_what_is_no_segment_of_its_own_stays(tmp_path: Path) -> None:
    """Only files that it has begun itself are removed as unfinished."""
    kept = filled(tmp_path, (BEGAN,))
    begun, other = (
        tmp_path / "record" / name for name in (f"{Name(BEGAN, 1)}.partial", "keep.partial")
    )
    begun.touch()
    other.touch()
    kept.tidy(BEGAN + 1)
    kept.close()

    assert not begun.exists()
    assert other.exists()


@pytest.mark.parametrize("whose", ["link", "directory"])
def test_nothing_is_recorded_where_another_user_leads(tmp_path: Path, whose: str) -> None:
    """A directory or a link that belongs to another user is refused, and nothing is removed."""
    need("root")
    there, record = tmp_path / "there", tmp_path / "record"
    there.mkdir()
    (there / f"{Name(BEGAN, 1)}.partial").touch()
    record.symlink_to(there)
    os.chown(record if whose == "link" else there, 65534, 65534, follow_symlinks=False)
    for work in (lambda: filled(tmp_path, (BEGAN,)), lambda: Store(record, SIZE, AGE).tidy(BEGAN)):
        with pytest.raises(OSError, match=r"is another user's, .* a state directory of its own"):
            work()

    assert len(os.listdir(there)) == 1


def test_a_link_of_its_own_is_followed(tmp_path: Path) -> None:
    """The record may be on another disk."""
    there = tmp_path / "there"
    there.mkdir()
    (tmp_path / "record").symlink_to(there)
    filled(tmp_path, (BEGAN,)).close()

    assert found(tmp_path) == [BEGAN]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda state: (state / "record").touch(), r"record is not a directory; move it away"),
        (lambda state: (state / "record").symlink_to("a"), "record is not a directory"),
        (lambda state: state.rmdir(), "state is missing; create it"),
    ],
    ids=["file", "dangling link", "nothing above"],
)
def test_what_is_no_directory_is_named(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    """With what to do about it."""
    state = tmp_path / "state"
    state.mkdir()
    make(state)
    with pytest.raises(OSError, match=said):
        filled(state, (BEGAN,))


def test_a_file_system_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With less than its reserve left nothing is begun."""
    monkeypatch.setattr(
        os, "statvfs", lambda _: SimpleNamespace(f_bavail=4, f_blocks=400, f_frsize=4096)
    )
    with pytest.raises(OSError, match=r"0\.0 MiB of the file system are free, less than 0\.1"):
        filled(tmp_path, (BEGAN,))
    assert list((tmp_path / "record").iterdir()) == []


def test_of_a_large_file_system_a_gibibyte_is_left_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five percent of it would be room for years."""
    blocks = 1 << 30
    free = SimpleNamespace(f_bavail=(1 << 30) // 4096, f_blocks=blocks, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: free)
    filled(tmp_path, (BEGAN,)).close()
    assert found(tmp_path) == [BEGAN]


def test_one_bad_file_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails of one is told when the others are thinned, and the oldest removed."""
    kept = filled(tmp_path, (BEGAN + 60 * n for n in range(40)))
    kept.close()
    bad = files(tmp_path / "record")[1].path
    opened = os.open

    def broken(path: Any, *rest: Any) -> int:
        if str(path) == str(bad):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", broken)
    with pytest.raises(OSError, match="Input/output error"):
        kept.tidy(BEGAN + 2 * 86400)
    assert [file.name.level for file in files(tmp_path / "record")] == [2, 0, 2, 2]
    kept._size = 0
    kept.tidy(BEGAN + 2 * 86400)
    assert files(tmp_path / "record") == []
    kept.close()


def test_a_clock_that_is_not_trusted_removes_nothing_by_age(tmp_path: Path) -> None:
    """One that says 2036 until it is set would cost all that was recorded before a crash."""
    kept = filled(tmp_path, (BEGAN + 60 * n for n in range(40)))
    kept.tidy(BEGAN + 1e9, trusted=False)
    assert len(found(tmp_path)) == 40
    kept.close()


def test_what_is_from_the_future_goes_first(tmp_path: Path) -> None:
    """It was recorded while the clock was wrong, and would never be too old."""
    kept = filled(tmp_path, (BEGAN + 1e9, BEGAN, BEGAN + SPAN))
    kept._size = 2 * files(tmp_path / "record")[0].size + 100
    kept.tidy(BEGAN + SPAN)
    assert found(tmp_path) == [BEGAN, BEGAN + SPAN]
    kept.close()


def test_another_daemon_is_refused(tmp_path: Path) -> None:
    """Each would remove what the other writes."""
    first = filled(tmp_path, (BEGAN,))
    with pytest.raises(OSError, match="another xenwatch records there"):
        filled(tmp_path, (BEGAN + 1,))
    first.close()
    filled(tmp_path, (BEGAN + 2,)).close()
    assert found(tmp_path) == [BEGAN, BEGAN + 2]


def test_what_is_on_the_disk_comes_before_what_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When power fails, either the segment is there or that of fewer moments, whole."""
    kept = filled(tmp_path, (BEGAN + 60 * n for n in range(10)))
    kept.close()
    kept.tidy(BEGAN, trusted=False)  # holds the directory
    calls: list[str] = []

    def noted(name: str, module: Any) -> None:
        call = getattr(module, name)

        def note(*arguments: Any, **more: Any) -> Any:
            calls.append(name)
            return call(*arguments, **more)

        monkeypatch.setattr(module, name, note)

    for name in ("fdatasync", "fsync", "rename", "unlink"):
        noted(name, os)
    kept.tidy(BEGAN + 2 * 86400)
    kept.close()
    assert calls == ["fdatasync", "rename", "fsync", "unlink"]


def test_killed_at_any_moment_it_is_whole(tmp_path: Path) -> None:
    """Of what was appended before a kill everything is there."""
    program = (
        "import sys; from tests.record.test_store import HEADER, Path, filled, moment\n"
        "kept = filled(Path(sys.argv[1]), ())\n"
        "for n in range(10**6):\n"
        "    time = float(sys.argv[2]) + n / 8\n"
        "    kept.append(moment(time), HEADER); print(time, flush=True)\n"
        "    if n % 50 == 49: kept.tidy(time + 4000)\n"
    )
    acknowledged: list[float] = []
    for number in range(KILLS):
        argv = [sys.executable, "-c", program, str(tmp_path), str(BEGAN + 1000 * number)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            lines = itertools.islice(process.stdout, 20 + 37 * number % 61)
            acknowledged += map(float, lines)
            process.send_signal(signal.SIGKILL)
            acknowledged += map(float, process.stdout.read().splitlines())
        there = found(tmp_path)
        assert {time // 60 for time in acknowledged} <= {time // 60 for time in there}
        assert acknowledged[-1] in there


ROOT = Path(__file__).resolve().parent.parent.parent
KILLS = int(os.environ.get("KILLS", "4"))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.booleans()), max_size=40),
    st.integers(0, len(thinning.LEVELS) - 1),
)
def test_every_step_keeps_one(times: list[tuple[float, bool]], level: int) -> None:
    """Of the moments in a step the first is kept, the marked too, and no other."""
    heads = [Head(time, 0.0, marked, whole=False) for time, marked in sorted(times)]
    kept = list(thinning.kept(heads, level))
    step = thinning.LEVELS[level].step
    if not step:
        assert kept == list(range(len(heads)))
        return
    steps = [(head.time - heads[0].time) // step for head in heads]
    firsts = {steps[number]: number for number in reversed(range(len(heads)))}
    marked = {number for number, head in enumerate(heads) if head.marked}
    assert set(kept) == set(firsts.values()) | marked
