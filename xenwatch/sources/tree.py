"""A captured host, replayed.

A capture is a directory that `xenwatch.sources.recording` has written:

- `manifest.json`: `format`, `xenwatch` (version), `time` (Unix time of the capture), `origin` (the
  kind of what was captured, absent before 0.2), `complete`;
- `files/PATH`: the bytes of a file that was read, at its path;
- `calls.jsonl`: every other request, and every failed one, one JSON object per
  line: `verb`, `arguments`, and `answer` or `error` (`subject`, `reason`, `errno`). The last line
  of a request is the one that counts. Bytes are strings of the code points 0 to 255,
  argument blocks of hypercalls are hexadecimal. Of the verb `events` every line counts, in order:
  each is one item of the stream at `time` (Unix time), or the error that ended it.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from xenwatch.display.text import shown
from xenwatch.display.why import why
from xenwatch.readings.origin import TREE, Origin, is_date
from xenwatch.sources.base import (
    NOT_CAPTURED,
    READ_LIMIT,
    TOPICS,
    CommandOutput,
    Hypercall,
    HypercallReply,
    NotCaptured,
    SourceError,
    XenstoreReply,
    no_events,
)
from xenwatch.sources.kernel_log import PATH as KMSG
from xenwatch.values import dataclass

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CALLS: Final = "calls.jsonl"
FILES: Final = "files"
_CALLS_MAX: Final = 256 << 20
"""Ten times what a scan of 131,072 event channels takes."""

T = TypeVar("T")


def request_key(verb: str, arguments: Sequence[Any]) -> str:
    """The key of a request. The deadline of a command is no part of it.

    Nor are the zeros at the end of a hypercall's block: they are room for the answer, of which a
    later xenwatch may give more.
    """
    match verb, arguments:
        case "hypercall", [number, args, str(block), links]:
            arguments = [number, args, block.rstrip("0"), links]
    return json.dumps([verb, arguments])


def hypercall_arguments(call: Hypercall) -> list[Any]:
    """A hypercall as the arguments of a request."""
    return [call.number, list(call.args), call.block.hex(), [list(link) for link in call.links]]


def mirrored(path: str) -> bytes | None:
    """The name below `files` for the content of `path`; `None` when it has none."""
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError:
        return None
    # Only a normal path is where it says: none with `..`, `//` or a slash at its end.
    if b"\0" in raw or not raw.startswith(b"/") or os.path.normpath(b"/." + raw) != raw:
        return None
    return raw[1:] or None


@dataclass(frozen=True, slots=True)
class _Recorded:
    """One line of the calls: its number and its JSON object."""

    line: int
    fields: dict[str, Any]


class TreeSource:
    """Replays a capture: each request gets the answer or error it got when it was recorded.

    A request that was not recorded is a `NotCaptured` with errno 0: whether the subject was
    missing is unknown. A damaged line fails the requests it records, and no others.
    Nobody may replace directories of the capture while it is replayed.
    `time` is when the capture was made (Unix time), for a replay by its own clock.
    """

    def __init__(self, directory: str | Path) -> None:
        self._root = os.path.realpath(directory)
        self._checked: set[bytes] = set()  # directories that no symbolic link leads to
        self.time, behind = self._manifest(directory)
        self.origin = Origin(TREE, str(directory), self.time, behind)
        self._calls: dict[str, _Recorded] = {}
        self._events: dict[str, deque[_Recorded]] = {topic: deque() for topic in TOPICS}
        self._damage = ""
        self._load()

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        recorded = self._calls.get(request_key("read", [path]))
        # An answer of null is a file's content, as in captures of 0.1.0 edited by hand.
        if recorded is not None and recorded.fields.get("answer", "") is not None:
            return bounded(self._answer("read", [path], path, _raw), limit, path)
        name = mirrored(path)
        if name is None:
            raise self._unknown(path)
        where = f"{FILES}{path}"
        try:
            return bounded(self._content(os.path.join(FILES.encode(), name), limit), limit, path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise self._unknown(path) from None
        except OSError as error:
            reason = f"{where} in the capture: {why(error)}"
            raise SourceError(path, reason) from error

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        """See `Source.kernel_log`: all records captured, whatever the arguments."""
        return self.read(KMSG)

    def listdir(self, path: str) -> tuple[str, ...]:
        return self._answer("listdir", [path], path, _strings)

    def readlink(self, path: str) -> str:
        return self._answer("readlink", [path], path, _string)

    def certificates(self, path: str) -> bytes:
        return self._answer("certificates", [path], path, _raw)

    def stat(self, path: str) -> bytes:
        return self._answer("stat", [path], path, _raw)

    def statvfs(self, path: str) -> bytes:
        return self._answer("statvfs", [path], path, _raw)

    def uname(self) -> bytes:
        return self._answer("uname", [], "uname", _raw)

    def adjtimex(self) -> bytes:
        return self._answer("adjtimex", [], "adjtimex", _raw)

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        return self._answer("run", list(argv), " ".join(argv), _command_output)

    def links(self) -> bytes:
        return self._answer("links", [], "RTM_GETLINK dump", _raw)

    def taskstats(self, pids: Sequence[int]) -> bytes:
        return self._answer("taskstats", list(pids), "taskstats", _raw)

    def hypercall(self, call: Hypercall) -> HypercallReply:
        arguments = hypercall_arguments(call)
        return self._answer("hypercall", arguments, f"hypercall {call.number}", _hypercall_reply)

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        replies: list[HypercallReply] = []
        for call in calls:
            replies.append(self.hypercall(call))
            if replies[-1].result == -errno.EINVAL:
                break
        return tuple(replies)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        arguments = [op, payload.decode("latin-1")]
        return self._answer("xenstore", arguments, f"xenstore request {op}", _xenstore_reply)

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        return tuple(self.xenstore(op, payload) for op, payload in requests)

    def round_trip(self, target: str) -> float:
        return self._answer("round_trip", [target], target, float)

    async def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """See `Source.events`: each recorded item once, in order, without delays."""
        recorded = self._events[topic]
        while recorded:
            yield self._outcome(recorded.popleft(), f"events of {topic}", _raw)
        async for item in no_events():
            yield item

    def close(self) -> None:
        """Release nothing."""

    def _answer(
        self, verb: str, arguments: Sequence[Any], subject: str, decode: Callable[[Any], T]
    ) -> T:
        recorded = self._calls.get(request_key(verb, arguments))
        if recorded is None:
            raise self._unknown(subject)
        return self._outcome(recorded, subject, decode)

    def _outcome(self, recorded: _Recorded, subject: str, decode: Callable[[Any], T]) -> T:
        try:
            if "error" in recorded.fields:
                failure = _source_error(recorded.fields["error"])
            else:
                return decode(recorded.fields["answer"])
        except (KeyError, TypeError, ValueError) as error:
            reason = f"line {recorded.line} of {CALLS} in the capture: {why(error)}"
            raise SourceError(subject, reason) from error
        raise failure

    def _unknown(self, subject: str) -> NotCaptured:
        return NotCaptured(subject, f"{NOT_CAPTURED}{self._damage}")

    def _manifest(self, directory: str | Path) -> tuple[float, str]:
        """When the capture was made, and the kind of what was captured."""
        subject = str(directory)
        try:
            manifest = json.loads(self._content(MANIFEST.encode(), READ_LIMIT))
            number, time = manifest["format"], _date(manifest["time"])
            behind = manifest.get("origin", "")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            reason = (
                f"not a capture directory (as written by `xenwatch capture`): "
                f"{MANIFEST}: {why(error)}"
            )
            raise SourceError(subject, reason) from error
        if number != FORMAT:
            known = f"must be {FORMAT}; update xenwatch"
            reason = f"{MANIFEST}: unsupported format {shown(number)}, {known}"
            raise SourceError(subject, reason)
        return time, behind if isinstance(behind, str) else ""

    def _load(self) -> None:
        try:
            lines = self._content(CALLS.encode(), _CALLS_MAX).split(b"\n")
        except OSError as error:
            self._damage = f"; {CALLS} in the capture: {why(error)}"
            return
        bad: list[int] = []
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                fields = json.loads(line)
                self._take(_Recorded(number, fields))
            except (ValueError, LookupError, TypeError, RecursionError):
                bad.append(number)
        if bad:
            self._damage = (
                f"; {CALLS} in the capture: {len(bad)} invalid lines, the first is line {bad[0]}"
            )

    def _take(self, recorded: _Recorded) -> None:
        verb, arguments = recorded.fields["verb"], recorded.fields["arguments"]
        if verb == "events":
            self._events[arguments[0]].append(recorded)
        else:
            self._calls[request_key(verb, arguments)] = recorded

    def _content(self, name: bytes, limit: int) -> bytes:
        """Up to `limit` + 1 bytes of a file; never of one outside the capture."""
        path = os.path.join(os.fsencode(self._root), name)
        directory = os.path.dirname(path)
        if directory not in self._checked and os.path.realpath(directory, strict=True) == directory:
            self._checked.add(directory)
        if directory not in self._checked or os.path.islink(path):
            raise OSError("symbolic links are rejected")
        with open(path, "rb", opener=_open_nonblocking) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("not a regular file")
            return file.read(limit + 1)


def _open_nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def bounded(content: bytes, limit: int, path: str) -> bytes:
    """The content of a file unless it is longer than `limit` bytes. Raises `SourceError`."""
    if len(content) > limit:
        raise SourceError(path, f"longer than {limit} bytes")
    return content


def _date(value: Any) -> float:
    """A Unix time that is a date."""
    if not is_date(value):
        raise ValueError("time is not a Unix time")
    return float(value)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"not a string: {shown(value)}")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError(f"not an integer: {shown(value)}")
    return value


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"not a list: {shown(value)}")
    return value


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(map(_string, _items(value)))


def _raw(value: Any) -> bytes:
    return _string(value).encode("latin-1")


def _command_output(value: Any) -> CommandOutput:
    status, stdout, stderr = _items(value)
    return CommandOutput(_number(status), _raw(stdout), _raw(stderr))


def _hypercall_reply(value: Any) -> HypercallReply:
    result, block = _items(value)
    return HypercallReply(_number(result), bytes.fromhex(_string(block)))


def _xenstore_reply(value: Any) -> XenstoreReply:
    kind, payload = _items(value)
    return XenstoreReply(_number(kind), _raw(payload))


def _source_error(value: Any) -> SourceError:
    return SourceError(_string(value["subject"]), _string(value["reason"]), _number(value["errno"]))
