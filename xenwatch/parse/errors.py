"""The error of all parsers."""

from __future__ import annotations


class ParseError(ValueError):
    """The input is not in the expected format.

    `subject` names the file or command, `reason` what was expected and what was found.
    """

    def __init__(self, subject: str, reason: str, found: bytes | None = None) -> None:
        tail = "" if found is None else f": {found[:60]!r}"
        super().__init__(f"{subject}: {reason}{tail}")
        self.subject = subject
