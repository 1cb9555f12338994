"""The verbs the reader answers: how each is taken apart, what of it is allowed, what is called."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from xenwatch.reader import allowed, hypercalls
from xenwatch.sources.answers import call_of
from xenwatch.sources.base import (
    READ_LIMIT,
    TARGETS,
    TASKSTATS_MAX,
    TOPICS,
    Source,
    SourceError,
    hypercall_batch,
)
from xenwatch.sources.frames import (
    AHEAD,
    AHEAD_MAX,
    EVENTS,
    HISTOGRAMS,
    REMOVE,
    SET_UP,
    Refused,
)
from xenwatch.values import dataclass

COMMAND_SECONDS: Final = 60.0
"""The longest a program may run, whatever deadline is asked for."""
_SUBJECT_MAX: Final = 300
CALLS_MAX: Final = 1024
"""Most hypercalls, or requests to xenstored, in one question."""
PID_MAX: Final = 1 << 22
"""PID_MAX_LIMIT (include/linux/threads.h)."""
TOGETHER_MAX: Final = 8 << 20
"""Bytes after which no more of several files is read: each alone may have `READ_LIMIT`."""

Arguments = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Verb:
    """`take` makes arguments of those of a question and its bound, of the types the source wants.

    It raises those of `frames.MALFORMED`. `allowed` says whether they are answered, `subject` names
    them to an operator, and `ask` asks the source.
    """

    take: Callable[[list[Any], Any], Arguments]
    allowed: Callable[[Arguments], bool]
    subject: Callable[[Arguments], str]
    ask: Callable[[Source, Arguments], Any]


def _strings(arguments: list[Any]) -> list[str]:
    if not all(isinstance(each, str) for each in arguments):
        raise TypeError(arguments)
    return arguments


def _path(arguments: list[Any], _bound: Any) -> Arguments:
    [path] = _strings(arguments)
    return (path,)


def _bounded_path(arguments: list[Any], bound: Any) -> Arguments:
    [path] = _strings(arguments)
    return path, _size(bound)


def _size(bound: Any) -> int:
    if type(bound) is not int or not 0 <= bound <= READ_LIMIT:
        raise ValueError(bound)
    return bound


def _record(arguments: list[Any], bound: Any) -> Arguments:
    [after] = arguments
    if type(after) is not int:
        raise TypeError(after)
    return after, _size(bound)


def _command(arguments: list[Any], bound: Any) -> Arguments:
    if not arguments or any("\0" in each for each in _strings(arguments)):
        raise ValueError(arguments)
    return tuple(arguments), min(max(0.0, float(bound)), COMMAND_SECONDS)


def _calls(arguments: list[Any], _bound: Any) -> Arguments:
    return tuple(call_of(each) for each in _few(arguments))


def _batch(arguments: list[Any], _bound: Any) -> Arguments:
    *call, size = arguments
    if type(size) is not int:
        raise TypeError(size)
    return call_of(call), size


def _pids(arguments: list[Any], _bound: Any) -> Arguments:
    if len(arguments) > TASKSTATS_MAX:
        raise ValueError(len(arguments))
    if not all(type(pid) is int and 0 < pid <= PID_MAX for pid in arguments):
        raise TypeError(arguments)
    return arguments


def _requests(arguments: list[Any], _bound: Any) -> Arguments:
    return tuple(_request(*each) for each in _few(arguments))


def _few(arguments: list[Any]) -> list[Any]:
    if len(arguments) > CALLS_MAX:
        raise ValueError(len(arguments))
    return arguments


def _request(kind: Any, payload: Any) -> tuple[int, bytes]:
    if type(kind) is not int or not isinstance(payload, str):
        raise TypeError(kind, payload)
    return kind, payload.encode("latin-1")


def _on_path(verb: str, ask: Callable[[Source, Arguments], Any]) -> Verb:
    take = _bounded_path if verb == "read" else _path
    return Verb(take, lambda given: allowed.path_is_allowed(verb, given[0]), _first, ask)


def _without_arguments(subject: str, ask: Callable[[Source], Any]) -> Verb:
    def take(arguments: list[Any], _bound: Any) -> Arguments:
        if arguments:
            raise ValueError(arguments)
        return ()

    return Verb(take, lambda _: True, lambda _: subject, lambda source, _: ask(source))


def _one_of(known: Sequence[str], ask: Callable[[Source, Arguments], Any]) -> Verb:
    return Verb(_path, lambda given: given[0] in known, _first, ask)


def _first(given: Arguments) -> str:
    return str(given[0])


def _of_xenstored(given: Arguments) -> str:
    return ", ".join(f"xenstore request {kind} {payload!r:.80}" for kind, payload in given)


def refusal(subject: str) -> Refused:
    """Why a question is not answered."""
    reason = "refused by the reader: not on its list of questions"
    return Refused(subject[:_SUBJECT_MAX], reason, errno.EACCES)


def _ahead(arguments: list[Any], _bound: Any) -> Arguments:
    verb, *paths = _strings(arguments)
    if verb not in _TOGETHER or len(paths) > AHEAD_MAX:
        raise ValueError(verb)
    return verb, paths


def _each(source: Source, given: Arguments) -> list[bytes | SourceError]:
    """What the source says of each path, or why it is not asked.

    Raises `SourceError` where this is more than `TOGETHER_MAX`.
    """
    verb, paths = given
    found: list[bytes | SourceError] = []
    size = 0
    for path in paths:
        if size > TOGETHER_MAX:
            raise SourceError(f"{len(paths)} files", f"have more than {TOGETHER_MAX} bytes")
        try:
            if not allowed.path_is_allowed(verb, path):
                raise refusal(path)
            answer = _TOGETHER[verb](source, path)
        except SourceError as error:
            found.append(error)
        else:
            found.append(answer)
            size += len(answer)
    return found


_TOGETHER: Final[Mapping[str, Callable[[Source, str], bytes]]] = {
    "read": lambda source, path: source.read(path),
    "stat": lambda source, path: source.stat(path),
}


def _of_the_server(_source: Source, given: Arguments) -> Any:
    """What no source answers at once: the server does."""
    raise NotImplementedError(given)


VERBS: Final[Mapping[str, Verb]] = {
    "read": _on_path("read", lambda source, given: source.read(*given)),
    "listdir": _on_path("listdir", lambda source, given: source.listdir(*given)),
    "readlink": _on_path("readlink", lambda source, given: source.readlink(*given)),
    "stat": _on_path("stat", lambda source, given: source.stat(*given)),
    "statvfs": _on_path("statvfs", lambda source, given: source.statvfs(*given)),
    "certificates": _on_path("certificates", lambda source, given: source.certificates(*given)),
    "kernel_log": Verb(
        _record,
        lambda _: True,
        lambda _: "kernel log",
        lambda source, given: source.kernel_log(*given),
    ),
    "uname": _without_arguments("uname", lambda source: source.uname()),
    "adjtimex": _without_arguments("adjtimex", lambda source: source.adjtimex()),
    "links": _without_arguments("RTM_GETLINK dump", lambda source: source.links()),
    "taskstats": Verb(
        _pids,
        lambda _: True,
        lambda given: f"taskstats of {len(given)} processes",
        lambda source, given: source.taskstats(given),
    ),
    "run": Verb(
        _command,
        lambda given: allowed.command_is_allowed(given[0]),
        lambda given: " ".join(given[0]),
        lambda source, given: source.run(*given),
    ),
    "hypercalls": Verb(
        _calls,
        lambda given: all(map(hypercalls.is_allowed, given)),
        lambda given: ", ".join(sorted({f"hypercall {call.number}" for call in given})),
        lambda source, given: source.hypercalls(given),
    ),
    "hypercall_batch": Verb(
        _batch,
        lambda given: hypercalls.batch_is_allowed(*given),
        lambda given: f"hypercall {given[0].number}",
        lambda source, given: hypercall_batch(source, *given),
    ),
    "xenstore": Verb(
        lambda arguments, _: [_request(*arguments)],
        lambda given: allowed.request_is_allowed(allowed.XENSTORE, given),
        _of_xenstored,
        lambda source, given: source.xenstore(*given[0]),
    ),
    "xenstore_control": Verb(
        _requests,
        lambda given: allowed.request_is_allowed(allowed.XENSTORE_CONTROL, given),
        _of_xenstored,
        lambda source, given: source.xenstore_control(given),
    ),
    "round_trip": _one_of(TARGETS, lambda source, given: source.round_trip(*given)),
    AHEAD: Verb(_ahead, lambda _: True, lambda given: f"{len(given[1])} files", _each),
    EVENTS: _one_of(TOPICS, _of_the_server),
    HISTOGRAMS: _one_of((SET_UP, REMOVE), _of_the_server),
}
"""By name."""
