"""Which entries of the table a line of a log is about, and which have the words of a search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.errors.pattern import normal, words
from xenwatch.explain.table import ENTRIES, Entry

MOST_FOUND: Final = 10
"""Entries a search by words finds; the first of the table."""


def matches(line: str, entries: Iterable[Entry] = ENTRIES) -> tuple[Entry, ...]:
    """The entries with a message that stands in the line.

    A message that is a part of a longer one that stands there too is not meant.
    """
    text = normal(line)
    found: list[tuple[int, int, Entry]] = []
    for entry in entries:
        places = [place for pattern in entry.patterns if (place := pattern.find(text))]
        if places:
            start, end = max(places, key=lambda place: place[1] - place[0])
            found.append((start, end, entry))
    return tuple(
        entry
        for start, end, entry in found
        if not any(
            first <= start and end <= last and last - first > end - start
            for first, last, _ in found
        )
    )


def with_words(text: str, entries: Iterable[Entry] = ENTRIES) -> tuple[Entry, ...]:
    """The entries that have every word of a text, at most `MOST_FOUND`; none without a word."""
    wanted = words(text)
    found = [entry for entry in entries if wanted and wanted <= entry.words]
    return tuple(found[:MOST_FOUND])
