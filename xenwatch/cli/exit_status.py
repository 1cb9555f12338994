"""The exit statuses of all commands but `check`, which has those of Nagios's plugins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OK: Final = 0
FINDING: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3
MEANINGS: Final = {
    OK: "success",
    FINDING: "a problem was found",
    USAGE: "bad usage, or a value or configuration that is rejected",
    UNKNOWN: "unknown: what was asked for could not be read or written",
}
"""What each status means wherever it is used."""


def epilog(own: Mapping[int, str]) -> str:
    """The end of a command's help: its statuses with their meanings for this command."""
    return "Exit status: " + "; ".join(f"{status} {text}" for status, text in own.items()) + "."
