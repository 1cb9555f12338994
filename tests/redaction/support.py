"""Captures for tests of redaction."""

from __future__ import annotations

from pathlib import Path

from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.sources.base import Source
from xenwatch.sources.recording import RecordingSource


def record_all(source: Source, directory: Path) -> None:
    """A capture of what all probes ask for."""
    recorder = RecordingSource(source, directory)
    take(recorder, PROBES)
    recorder.close()
