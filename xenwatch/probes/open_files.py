"""Open files of dom0."""

from __future__ import annotations

from xenwatch.parse.file_nr import PATH, parse_file_nr
from xenwatch.probes.base import DOMAIN_SETTLED, Probe, stateless
from xenwatch.readings.open_files import OpenFiles
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source


def read(source: Source, context: Snapshot) -> OpenFiles:
    """Files in use and their maximum. Raises `SourceError` and `ParseError`."""
    found = parse_file_nr(source.read(PATH))
    return OpenFiles(max(0, found.allocated - found.free), found.max)


OPEN_FILES = Probe(
    name="open_files",
    reads=PATH,
    advice="mount procfs",
    read=stateless(read),
    events=frozenset({DOMAIN_SETTLED}),
)
