"""What a configuration is rejected with."""

from __future__ import annotations

from collections.abc import Iterable


class ConfigError(Exception):
    """A rejected configuration; `problems` has one line per error."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
