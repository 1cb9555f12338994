"""Open files of dom0."""

from __future__ import annotations

from tests.probes.support import FakeHost, failure_of, value_of
from xenwatch.parse.file_nr import PATH
from xenwatch.probes.open_files import OPEN_FILES
from xenwatch.readings.open_files import OpenFiles


def test_used_is_what_is_allocated_and_not_free() -> None:
    """Kernels that keep freed files count them as allocated; those are not used."""
    assert value_of(OPEN_FILES, FakeHost(files={PATH: b"1500\t200\t9000\n"})) == OpenFiles(
        1300, 9000
    )


def test_more_free_than_allocated_is_none_used() -> None:
    """The kernel sums counters of all CPUs without a lock: use is never negative."""
    source = FakeHost(files={PATH: b"10\t12\t9000\n"})

    assert value_of(OPEN_FILES, source) == OpenFiles(0, 9000)


def test_without_the_file_the_probe_fails() -> None:
    """A reading that is missing is a failure, not zero files."""
    assert PATH in failure_of(OPEN_FILES, FakeHost())
