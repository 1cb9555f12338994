"""The error of all parsers."""

from __future__ import annotations

from xenwatch.display.text import quoted


class ParseError(ValueError):
    """The input is not in the expected format.

    `subject` names the file or command, `reason` what was expected and what was found.
    """

    def __init__(self, subject: str, reason: str, found: bytes | None = None) -> None:
        tail = "" if found is None else f": {quoted(found[:60])}"
        super().__init__(f"{subject}: {reason}{tail}")
        self.subject = subject
