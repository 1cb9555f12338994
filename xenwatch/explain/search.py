"""Which entries of the table a line of a log is about, and which have the words of a search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.errors.pattern import found_in, normal, plain, words
from xenwatch.explain.table import ENTRIES, Entry

MOST_FOUND: Final = 10
"""Entries a search by words finds at most."""


def matches(line: str, entries: Iterable[Entry] = ENTRIES) -> tuple[Entry, ...]:
    """The entries with a message that stands in the line, see `found_in`."""
    return found_in(line, entries)


def with_words(text: str, entries: Iterable[Entry] = ENTRIES) -> tuple[Entry, ...]:
    """The entries that have every word of a text, at most `MOST_FOUND`; none without a word.

    Those come first in whose messages the words stand as they do in the text.
    """
    wanted, phrase = words(text), normal(text)
    found = [entry for entry in entries if wanted and wanted <= entry.words]
    found.sort(key=lambda entry: phrase not in normal(plain(entry.messages)))
    return tuple(found[:MOST_FOUND])
