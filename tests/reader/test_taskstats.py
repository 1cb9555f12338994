"""Counters of processes through the reader: which questions it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reader.serving import asking, told
from tests.sources.fakes import TableSource
from xenwatch.parse.taskstats import Counters
from xenwatch.reader.verbs import PID_MAX
from xenwatch.sources.base import TASKSTATS_MAX, SourceError
from xenwatch.sources.frames import FrameError

SOURCE = TableSource(counters={7: Counters(1, 2, 3, 4, 5)})


def test_the_kernels_bytes_come_through(tmp_path: Path) -> None:
    """The front gets the messages as the kernel gave them."""
    with asking(SOURCE, tmp_path) as remote:
        assert remote.taskstats((7, 8, 7)) == SOURCE.taskstats((7, 8, 7))


def test_a_kernel_without_them_is_the_fronts_error(tmp_path: Path) -> None:
    """What the kernel refuses fails the question, with its subject."""
    with asking(TableSource(), tmp_path) as remote, pytest.raises(SourceError, match="taskstats"):
        remote.taskstats((7,))


def test_as_many_as_a_pass_asks_for_are_answered() -> None:
    """The most processes a question may have, each with the highest id, are asked about."""
    assert told("taskstats", [PID_MAX] * TASKSTATS_MAX, SOURCE)


@pytest.mark.parametrize(
    "arguments", [[0], [-1], [PID_MAX + 1], ["7"], [True], [7.0], [None], [1] * (TASKSTATS_MAX + 1)]
)
def test_what_is_no_process_id_is_not_asked(arguments: list[Any]) -> None:
    """Ids that no process can have, and more than a question's worth, are of unknown form."""
    with pytest.raises(FrameError, match="taskstats with arguments of unknown form"):
        told("taskstats", arguments, SOURCE)
