"""Capturing a host: every request and its answer, saved as they pass.

The format is `xenwatch.sources.tree`'s, which replays it.
"""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from xenwatch import __version__, threads
from xenwatch.sources.base import (
    READ_LIMIT,
    CommandOutput,
    Hypercall,
    HypercallReply,
    NotCaptured,
    Source,
    SourceError,
    XenstoreReply,
)
from xenwatch.sources.kernel_log import PATH as KMSG
from xenwatch.sources.saved import Rewrite, SavedCall, SavedFile
from xenwatch.sources.saving import Directory, Rewritten, Saving
from xenwatch.sources.tree import (
    FORMAT,
    bounded,
    hypercall_arguments,
    mirrored,
    request_key,
)

T = TypeVar("T")
Q = TypeVar("Q")


class RecordingSource:
    """Passes requests on to `inner` and saves each with its answer in `directory`.

    It is for one pass. A repeated request gets its first answer again, as in a replay, so that
    probes see the same in both. Events are no answers: each one received while the stream is read
    is saved, and replayed in order.

    A capture can be confidential: names of VMs, the kernel's command line and log, paths; but it
    holds no private key. The directory must be new or empty, is readable by its owner only, and can
    be replayed at any time; `close` marks it complete. With `rewrite` it is `close` that writes,
    what that function makes of all: the probes see what was read. A failed write is a `SourceError`
    of the request that was to be saved, and of `close`: a capture is never silently incomplete.
    """

    def __init__(
        self,
        inner: Source,
        directory: str | Path,
        clock: Callable[[], float] = time.time,
        rewrite: Rewrite | None = None,
    ) -> None:
        self._inner = inner
        self.origin = inner.origin
        self._clock = clock
        self._root = str(directory)
        self._lock = threading.Lock()
        self._answers: dict[str, Any] = {}
        self._failed: SourceError | None = None
        self._manifest: dict[str, Any] = {
            "format": FORMAT,
            "xenwatch": __version__,
            # What is replayed is as old as it was.
            "time": clock() if inner.origin.captured is None else inner.origin.captured,
            "origin": inner.origin.behind or inner.origin.kind,
            "complete": False,
        }
        with self._writing():
            self._saving: Saving = (
                Directory(directory) if rewrite is None else Rewritten(directory, rewrite)
            )
            self._saving.manifest(self._manifest)

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        def save(content: bytes) -> None:
            if mirrored(path) is None:
                self._write_line("read", [path], answer=_latin(content))
            else:
                self._saving.save(SavedFile(path, content))

        content = self._once("read", [path], lambda: self._inner.read(path, limit), save)
        return bounded(content, limit, path)

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        """See `Source.kernel_log`: all records, which are saved as the file they are."""
        return self.read(KMSG)

    def listdir(self, path: str) -> tuple[str, ...]:
        return self._ask("listdir", [path], lambda: self._inner.listdir(path), list)

    def readlink(self, path: str) -> str:
        return self._ask("readlink", [path], lambda: self._inner.readlink(path), str)

    def certificates(self, path: str) -> bytes:
        return self._ask("certificates", [path], lambda: self._inner.certificates(path), _latin)

    def stat(self, path: str) -> bytes:
        return self._ask("stat", [path], lambda: self._inner.stat(path), _latin)

    def statvfs(self, path: str) -> bytes:
        return self._ask("statvfs", [path], lambda: self._inner.statvfs(path), _latin)

    def uname(self) -> bytes:
        return self._ask("uname", [], self._inner.uname, _latin)

    def adjtimex(self) -> bytes:
        return self._ask("adjtimex", [], self._inner.adjtimex, _latin)

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        return self._ask(
            "run",
            list(argv),
            lambda: self._inner.run(argv, deadline),
            lambda output: [output.status, _latin(output.stdout), _latin(output.stderr)],
        )

    def links(self) -> bytes:
        return self._ask("links", [], self._inner.links, _latin)

    def taskstats(self, pids: Sequence[int]) -> bytes:
        return self._ask("taskstats", list(pids), lambda: self._inner.taskstats(pids), _latin)

    def hypercall(self, call: Hypercall) -> HypercallReply:
        return self._reply(call, lambda: self._inner.hypercall(call))

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """Save each call as a request of its own.

        Which of them failed is not known: a failure is saved as the first one's.
        """
        replies: list[HypercallReply] = []
        ask = _together(calls, self._inner.hypercalls)
        for number, call in enumerate(calls):
            replies.append(self._reply(call, partial(ask, number)))
            if replies[-1].result == -errno.EINVAL:
                break
        return tuple(replies)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        return self._xenstore(op, payload, lambda: self._inner.xenstore(op, payload))

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        """Save each request as `xenstore` does; a failure is saved as the first one's."""
        ask = _together(requests, self._inner.xenstore_control)
        return tuple(
            self._xenstore(op, payload, partial(ask, number))
            for number, (op, payload) in enumerate(requests)
        )

    def round_trip(self, target: str) -> float:
        return self._ask("round_trip", [target], lambda: self._inner.round_trip(target), float)

    async def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """See `Source.events`; each item is saved, with its time of arrival, and passed on."""
        try:
            async with contextlib.aclosing(self._inner.events(topic)) as stream:
                async for messages in stream:
                    await self._save_event(topic, answer=_latin(messages))
                    yield messages
        except SourceError as error:
            await self._save_event(topic, error=_error_fields(error))
            raise

    async def _save_event(self, topic: str, **outcome: Any) -> None:
        def save() -> None:
            with self._writing():
                self._write_line("events", [topic], time=self._clock(), **outcome)

        try:
            await threads.start(save, "recording")
        except RuntimeError as error:
            raise SourceError(self._root, str(error)) from error

    def close(self) -> None:
        """Mark the capture complete and close `inner`. Raises `SourceError` if a write failed."""
        self._inner.close()
        with contextlib.closing(self._saving):
            with self._writing():
                self._saving.finish()
            if self._failed is not None:
                raise SourceError(self._root, f"incomplete: {self._failed.reason}")
            with self._writing():
                self._manifest["complete"] = True
                self._saving.manifest(self._manifest)

    def _ask(
        self,
        verb: str,
        arguments: Sequence[Any],
        ask: Callable[[], T],
        encode: Callable[[T], Any],
    ) -> T:
        def save(answer: T) -> None:
            self._write_line(verb, arguments, answer=encode(answer))

        return self._once(verb, arguments, ask, save)

    def _xenstore(self, op: int, payload: bytes, ask: Callable[[], XenstoreReply]) -> XenstoreReply:
        return self._ask(
            "xenstore",
            [op, _latin(payload)],
            ask,
            lambda reply: [reply.type, _latin(reply.payload)],
        )

    def _reply(self, call: Hypercall, ask: Callable[[], HypercallReply]) -> HypercallReply:
        return self._ask(
            "hypercall",
            hypercall_arguments(call),
            ask,
            lambda reply: [reply.result, reply.block.hex()],
        )

    def _once(
        self,
        verb: str,
        arguments: Sequence[Any],
        ask: Callable[[], T],
        save: Callable[[T], None],
    ) -> T:
        """The first answer or error of a request, however often it is repeated."""
        key = request_key(verb, arguments)
        if key not in self._answers:
            answer: T | SourceError
            try:
                answer = ask()
            except NotCaptured:
                raise  # what a replayed capture lacks, a capture of the replay lacks too
            except SourceError as error:
                answer = error
            with self._writing():
                if key not in self._answers:  # another thread may have answered meanwhile
                    if isinstance(answer, SourceError):
                        self._write_line(verb, arguments, error=_error_fields(answer))
                    else:
                        save(answer)
                    self._answers[key] = answer
        answer = self._answers[key]
        if isinstance(answer, SourceError):
            raise SourceError(answer.subject, answer.reason, answer.errno)
        return answer

    def _write_line(self, verb: str, arguments: Sequence[Any], **outcome: Any) -> None:
        self._saving.save(SavedCall(verb, arguments, outcome))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer at a time; an `OSError` becomes a `SourceError` about the capture."""
        with self._lock:
            try:
                yield
            except OSError as error:
                self._failed = SourceError.from_os(self._root, error)
                raise self._failed from error


def _together(
    requests: Sequence[Q], ask: Callable[[Sequence[Q]], Sequence[T]]
) -> Callable[[int], T]:
    """The answer to a request by its number; the first that is missing is asked with the rest."""
    answers: dict[int, T] = {}

    def answer(number: int) -> T:
        if number not in answers:
            answers.update(enumerate(ask(requests[number:]), number))
        return answers[number]

    return answer


def _error_fields(error: SourceError) -> dict[str, Any]:
    return {"subject": error.subject, "reason": error.reason, "errno": error.errno}


def _latin(raw: bytes) -> str:
    return raw.decode("latin-1")
