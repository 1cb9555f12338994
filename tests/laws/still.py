"""A captured host that is asked the same over and over."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from xenwatch.sources.base import READ_LIMIT, Hypercall, HypercallReply, SourceError
from xenwatch.sources.tree import TreeSource

T = TypeVar("T")


class StillSource(TreeSource):
    """A capture that remembers its answers: looking them up is most of what a pass costs."""

    def __init__(self, directory: str | Path) -> None:
        super().__init__(directory)
        self._known: dict[Hashable, Any] = {}

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file."""
        return self._once(("read", path, limit), lambda: super(StillSource, self).read(path, limit))

    def hypercall(self, call: Hypercall) -> HypercallReply:
        """The reply."""
        return self._once(call, lambda: super(StillSource, self).hypercall(call))

    def _answer(
        self, verb: str, arguments: Sequence[Any], subject: str, decode: Callable[[Any], T]
    ) -> T:
        ask = super()._answer
        key = (verb, *map(str, arguments))
        return self._once(key, lambda: ask(verb, arguments, subject, decode))

    def _once(self, key: Hashable, ask: Callable[[], T]) -> T:
        if key not in self._known:
            try:
                self._known[key] = ask()
            except SourceError as error:
                self._known[key] = error
        answer = self._known[key]
        if isinstance(answer, SourceError):
            raise answer.with_traceback(None)
        found: T = answer
        return found
