"""The result of a check as Icinga and Nagios have it: a state, its exit status, and one line.

As in the Monitoring Plugins Development Guidelines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from xenwatch.display.text import printable

UNKNOWN: Final = "unknown"
STATUS: Final[Mapping[str, int]] = {"ok": 0, "warning": 1, "critical": 2, UNKNOWN: 3}
"""Exit statuses by state."""
PARAMETERS: Final = ("limit", "exclude", "warning", "critical")
"""The names of what can be asked; each may be given several times."""


def head(state: str) -> str:
    """How the line of a state begins."""
    return f"XENWATCH {state.upper()} - "


def line(state: str, words: str, data: str = "") -> str:
    """One line with its end: the state, the words, and performance data if there are any."""
    # A bar would begin the performance data.
    said = f"{head(state)}{printable(words).replace('|', '/')}"
    return f"{said} | {data}\n" if data else f"{said}\n"


def document(
    state: str,
    words: str,
    findings: list[dict[str, str]] | None = None,
    source: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The same for JSON: `state`, `exit_status`, `text`, `source` and `findings`.

    Of each finding: `name` of the limit or alert, `state`, `text`. `source` is where the readings
    come from, `None` without any.
    """
    return {
        "state": state,
        "exit_status": STATUS[state],
        "text": words,
        "source": source,
        "findings": findings or [],
    }
