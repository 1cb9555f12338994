"""How many questions probes ask the reader: each waits for two processes to get a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from xenwatch.cli.source import open_source
from xenwatch.probes import PROBES
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

CAPTURE = Path(__file__).parents[1] / "hosts/debian-12-xen-4.17/10-guests/capture"
FEW = {"slices": 30, "qemu_fds": 10}


class Counting:
    """Passes requests on, and counts those that a reader would be asked."""

    def __init__(self, inner: Source) -> None:
        self.asked: list[tuple[str, str]] = []
        self._inner = inner
        self._known: set[tuple[str, str]] = set()

    def read_ahead(self, verb: str, paths: Sequence[str]) -> None:
        """One question for all of them."""
        self.asked.append(("ahead", verb))
        self._known.update((verb, path) for path in paths)

    def __getattr__(self, verb: str) -> Any:
        answer = getattr(self._inner, verb)

        def ask(*arguments: Any) -> Any:
            question = (verb, str(arguments[:1]))
            if (verb, *arguments[:1]) not in self._known:
                self.asked.append(question)
            return answer(*arguments)

        return ask


@pytest.mark.parametrize("name", FEW)
def test_a_probe_asks_for_its_files_together(name: str) -> None:
    """Of a host with ten guests the first pass of a probe that reads many files asks few times."""
    probe = next(probe for probe in PROBES if probe.name == name)
    source: Any = Counting(open_source(f"tree:{CAPTURE}"))

    probe.read(source, Snapshot(), probe.memory)

    assert 0 < len(source.asked) <= FEW[name], source.asked
