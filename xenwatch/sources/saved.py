"""What a recording saves: the files that were read, and every other request with its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from xenwatch.values import dataclass

REDACTED: Final = "redacted"
"""The field of the manifest of a capture with other names."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """The content of a file that was read, which has a name below `files`."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SavedCall:
    """A line of the calls: a request, and its `answer` or `error`; of an event also its `time`."""

    verb: str
    arguments: Sequence[Any]
    outcome: Mapping[str, Any]


Saved = SavedFile | SavedCall
Rewrite = Callable[[Sequence[Saved]], Sequence[Saved]]
"""Changes a whole capture before anything of it is written."""
