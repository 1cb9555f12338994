"""Captures and names for tests of redaction."""

from __future__ import annotations

from pathlib import Path

from tests.redaction.canaries import KEY
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.redaction.names import Names
from xenwatch.redaction.patterns import Patterns
from xenwatch.redaction.tokens import Tokens
from xenwatch.sources.base import Source
from xenwatch.sources.recording import RecordingSource


def record_all(source: Source, directory: Path) -> None:
    """A capture of what all probes ask for."""
    recorder = RecordingSource(source, directory)
    take(recorder, PROBES)
    recorder.close()


def names(*vms: str) -> Names:
    """The names of a host with these VMs."""
    tokens = Tokens(KEY)
    found = Names(tokens, Patterns(tokens))
    for vm in vms:
        found.vm(vm.encode())
    found.compile()
    return found
