"""A whole capture with other names and addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from xenwatch.parse import domaininfo, multipathd, ovsdb, volume_groups, xen_console, xenversion
from xenwatch.parse.domaininfo import Layout
from xenwatch.redaction import blocks
from xenwatch.redaction.names import REPOSITORY_GROUP, Names
from xenwatch.redaction.patterns import Patterns, versions_in
from xenwatch.redaction.texts import Texts
from xenwatch.redaction.tokens import Tokens
from xenwatch.sources.base import DOMAINS, LINKS, PROCESSES
from xenwatch.sources.saved import Saved, SavedCall, SavedFile
from xenwatch.sources.wire import XS_ERROR, XS_READ
from xenwatch.values import dataclass

_CGROUPS: Final = "/sys/fs/cgroup/"
_NET: Final = "/sys/class/net"
_UNITS = re.compile(r"(?:/etc|/run|(?:/usr(?:/local)?)?/lib)/systemd/")
_REPOSITORIES = re.compile(r"((?:/var)?/run/sr-mount/)(.+)\Z", re.DOTALL)
_INTERFACE = re.compile(rf"({_NET}/)([^/]+)((?:/brif/)?)([^/]*)(.*)\Z", re.DOTALL)
_PROCESS = re.compile(r"/proc/(\d+)/(?:stat|cmdline)\Z")
_STAT_COMM = re.compile(rb"[0-9]+ \((.*)\) ", re.DOTALL)
_OUTPUT = re.compile(r"/proc/\d+/fd/\d+\Z")


@dataclass(frozen=True, slots=True)
class Redacted:
    """What was done: how many of each kind were replaced, and how much was left out."""

    replaced: Mapping[str, int]
    removed: Mapping[str, int]


def redact(
    saved: Sequence[Saved], key: bytes, hosts: Iterable[str] = ()
) -> tuple[list[Saved], Redacted]:
    """The capture with other names, made with `key`, and what was done.

    `hosts` are names of the host, which no answer needs to have.
    """
    tokens = Tokens(key)
    patterns = Patterns(tokens, versions_in(_releases(saved)))
    names = Names(tokens, patterns)
    for host in hosts:
        names.host(host.encode())
    # Twice: a name stands in logs before it is known to be one.
    _Rewriting(tokens, patterns, names, saved).all()
    names.compile()
    rewriting = _Rewriting(tokens, patterns, names, saved)
    made = rewriting.all()
    return made, Redacted(tokens.counts(), rewriting.texts.removed)


class _Rewriting:
    """One turn over a capture."""

    def __init__(
        self, tokens: Tokens, patterns: Patterns, names: Names, saved: Sequence[Saved]
    ) -> None:
        self.texts = Texts(names)
        self._tokens = tokens
        self._patterns = patterns
        self._names = names
        self._saved = saved
        self._comms = dict(_comms(saved))
        self._layout = _layout(saved)
        self._console = self._console_blocks()
        texts, plain = self.texts, names.text
        self._files: tuple[tuple[re.Pattern[str], Callable[[bytes], bytes]], ...] = tuple(
            (re.compile(pattern + r"\Z"), change)
            for pattern, change in (
                (r"/dev/kmsg", texts.kernel_log),
                (r"/proc/\d+/(?:task/\d+/)?stat", texts.program),
                (r"/proc/\d+/(?:task/\d+/)?status", texts.status),
                (r"/proc/\d+/comm", _word(texts.comm)),
                (r"/proc/\d+/cgroup", texts.cgroups),
                (r"/proc/(?:\d+/)?mounts", texts.mounts),
                (r"/proc/(?:\d+|self)/mountstats", texts.mountstats),
                (r"/proc/cmdline", texts.boot_arguments),
                (r"/proc/net/dev", texts.interfaces),
                (r"/etc/xensource-inventory", texts.inventory),
                (r"/sys/block/[^/]+/dm/name", _word(names.mapped)),
                (r"/sys/block/[^/]+/dm/uuid", texts.device_id),
                (r"/sys/class/iscsi_connection/.*/persistent_address", _word(names.host)),
                (r"/proc/interrupts", plain),
                (r".*\.(?:slice|conf)", plain),
                (r"/run/reboot-required.*|/etc/os-release|/sys/hypervisor/.*", bytes),
            )
        )
        self._raw: Mapping[str, Callable[[Sequence[Any], bytes], bytes]] = {
            "read": lambda arguments, raw: self._content(arguments[0], raw),
            "certificates": lambda arguments, raw: blocks.certificates(arguments[0], raw),
            "taskstats": lambda _, raw: blocks.counters(raw),
            "links": self._links,
            "events": self._event,
        }
        self._structured: Mapping[str, Callable[[Sequence[Any], Any], Any]] = {
            "listdir": self._listing,
            "readlink": self._target,
            "run": self._done,
            "hypercall": self._reply,
            "xenstore": self._node,
        }
        self._outputs: Mapping[str, Callable[[bytes], bytes]] = {
            ovsdb.transaction(): texts.switch,
            volume_groups.ARGUMENTS[-1]: texts.volume_groups,
            "thin-pool": texts.thin_pools,
            multipathd.FORMAT: patterns.text,
            "dmesg": texts.console,
        }

    def all(self) -> list[Saved]:
        """Every file and call."""
        return [
            self._file(saved) if isinstance(saved, SavedFile) else self._call(saved)
            for saved in self._saved
        ]

    def _file(self, saved: SavedFile) -> SavedFile:
        return SavedFile(self._path(saved.path), self._content(saved.path, saved.content))

    def _content(self, path: str, content: bytes) -> bytes:
        process = _PROCESS.match(path)
        if process and path.endswith("cmdline"):
            return self.texts.command_line(content, self._comms.get(process[1], b""))
        for pattern, change in self._files:
            if pattern.match(path):
                return change(content)
        return self._patterns.text(content)

    def _path(self, path: str) -> str:
        """A path as it is asked for: what the kernel and tools name in it stays."""
        repository, interface = _REPOSITORIES.match(path), _INTERFACE.match(path)
        if repository:
            return repository[1] + _text(self._names.place, repository[2])
        if interface:
            above, name, ports, port, rest = interface.groups()
            port = _text(self._names.interface, port) if ports else port
            return above + _text(self._names.interface, name) + ports + port + rest
        if path.startswith(_CGROUPS):
            return _CGROUPS + _text(self._names.group, path.removeprefix(_CGROUPS))
        if _UNITS.match(path):
            return _text(self._names.text, path)
        return _text(self._patterns.text, path)

    def _entry(self, directory: str, name: str) -> str:
        """A name in a directory, as `_path` has it."""
        if directory == _NET or directory.endswith("/brif"):
            return _text(self._names.interface, name)
        if directory == "/dev":
            group = name.startswith(REPOSITORY_GROUP.decode())
            return _text(self._names.volume if group else self._names.text, name)
        return self._path(f"{directory.rstrip('/')}/{name}").rpartition("/")[2]

    def _call(self, saved: SavedCall) -> SavedCall:
        verb, arguments, outcome = saved.verb, saved.arguments, dict(saved.outcome)
        if "error" in outcome:
            error = outcome["error"]
            told = {name: self._told(verb, error[name]) for name in ("subject", "reason")}
            outcome["error"] = {**error, **told}
        if "answer" in outcome:
            outcome["answer"] = self._answer(verb, arguments, outcome["answer"])
        if verb in _PATH_VERBS:
            arguments = [self._path(arguments[0])]
        elif verb == "xenstore":
            arguments = [arguments[0], _latin(self._patterns.text, arguments[1])]
        return SavedCall(verb, arguments, outcome)

    def _told(self, verb: str, text: str) -> str:
        return self._path(text) if verb in _PATH_VERBS else _text(self._names.text, text)

    def _answer(self, verb: str, arguments: Sequence[Any], answer: Any) -> Any:
        """An answer as the calls have it; nothing of a verb that is not known here."""
        if verb in _NUMBERS:
            return answer
        if verb in self._raw:
            return _latin(lambda raw: self._raw[verb](arguments, raw), answer)
        change = self._structured.get(verb)
        return change(arguments, answer) if change else None

    def _listing(self, arguments: Sequence[Any], names: Sequence[str]) -> list[str]:
        return sorted(self._entry(arguments[0], name) for name in names)

    def _target(self, arguments: Sequence[Any], target: str) -> str:
        is_output = _OUTPUT.match(arguments[0])
        return _text(self.texts.output if is_output else self._patterns.text, target)

    def _done(self, arguments: Sequence[Any], done: Sequence[Any]) -> list[Any]:
        status, stdout, stderr = done
        out = _latin(self._output(arguments), stdout)
        return [status, out, _latin(self._names.text, stderr)]

    def _reply(self, arguments: Sequence[Any], reply: Sequence[Any]) -> list[Any]:
        result, block = reply
        return [result, self._block(arguments, block)]

    def _node(self, arguments: Sequence[Any], reply: Sequence[Any]) -> list[Any]:
        kind, payload = reply
        return [
            kind,
            payload if kind == XS_ERROR else _latin(self._value(arguments), payload),
        ]

    def _event(self, arguments: Sequence[Any], item: bytes) -> bytes:
        if arguments[0] == LINKS:
            return self._links(arguments, item)
        return item if arguments[0] in (DOMAINS, PROCESSES) else b""

    def _links(self, _: Sequence[Any], data: bytes) -> bytes:
        return blocks.links(data, self._names, self._tokens)

    def _output(self, argv: Sequence[str]) -> Callable[[bytes], bytes]:
        """How the output of a program is changed; the word that tells which is among its last."""
        found = (self._outputs[word] for word in argv[1:] if word in self._outputs)
        numbers = self._patterns.text if argv[0].endswith("lsevtchn") else self._names.text
        return next(found, numbers)

    def _value(self, arguments: Sequence[Any]) -> Callable[[bytes], bytes]:
        """How the answer to a request of xenstore is changed, by the last part of its path."""
        op, payload = arguments
        last = payload.rstrip("\0").rpartition("/")[2]
        if op != XS_READ or last in ("state", "target", "vm", "backend", "backend-id"):
            return self._patterns.text
        return {"name": self._names.vm, "params": self._names.place}.get(last, self._names.text)

    def _block(self, arguments: Sequence[Any], block: str) -> str:
        number, args, *_ = arguments
        raw = bytes.fromhex(block)
        if number == domaininfo.SYSCTL:
            command = blocks.asked(raw)
            if command == domaininfo.GETDOMAININFOLIST:
                raw = blocks.domains(raw, self._layout, self._tokens)
            elif command == xen_console.READCONSOLE:
                raw = self._console.get(repr(arguments), bytes(len(raw)))
        elif number == xenversion.XEN_VERSION and args[0] == xenversion.COMMANDLINE:
            text = self.texts.boot_arguments(raw.partition(b"\0")[0])
            raw = text[: len(raw) - 1].ljust(len(raw), b"\0")
        return raw.hex()

    def _console_blocks(self) -> dict[str, bytes]:
        found = {
            repr(saved.arguments): bytes.fromhex(saved.outcome["answer"][1])
            for saved in self._saved
            if isinstance(saved, SavedCall) and saved.verb == "hypercall"
            if saved.arguments[0] == domaininfo.SYSCTL and "answer" in saved.outcome
        }
        asked = {
            request: raw
            for request, raw in found.items()
            if blocks.asked(raw) == xen_console.READCONSOLE
        }
        return blocks.console(asked, self.texts.console_line)


_PATH_VERBS: Final = ("read", "listdir", "readlink", "certificates", "stat", "statvfs")
_NUMBERS: Final = ("stat", "statvfs", "adjtimex", "round_trip", "uname")
"""Verbs whose answers are numbers, or a version of Linux."""


def _text(change: Callable[[bytes], bytes], text: str) -> str:
    """A text as the file system has it, changed as bytes."""
    return os.fsdecode(change(os.fsencode(text)))


def _latin(change: Callable[[bytes], bytes], text: str) -> str:
    """Bytes as a string of the code points 0 to 255, changed."""
    return change(text.encode("latin-1")).decode("latin-1")


def _word(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """The change of a line that is one word."""
    return lambda data: change(data.rstrip(b"\n")) + b"\n" * data.endswith(b"\n")


def _comms(saved: Iterable[Saved]) -> Iterable[tuple[str, bytes]]:
    """Names of programs by process id."""
    for each in saved:
        process = _PROCESS.match(each.path) if isinstance(each, SavedFile) else None
        if process and isinstance(each, SavedFile):
            comm = _STAT_COMM.match(each.content)
            if comm:
                yield process[1], comm[1]


def _releases(saved: Iterable[Saved]) -> Iterable[str]:
    """Texts with versions of kernels."""
    for each in saved:
        if isinstance(each, SavedCall) and "answer" in each.outcome:
            if each.verb == "uname":
                yield each.outcome["answer"]
            elif each.verb == "listdir" and each.arguments[0] == "/boot":
                yield from each.outcome["answer"]


def _layout(saved: Iterable[Saved]) -> Layout | None:
    """The layout in which Xen lists the domains, by what the host has answered."""
    machine, version = "", None
    for each in saved:
        if not isinstance(each, SavedCall) or "answer" not in each.outcome:
            continue
        if each.verb == "uname":
            machine = each.outcome["answer"].split("\0")[3]
        elif each.verb == "hypercall" and list(each.arguments[:2]) == [
            xenversion.XEN_VERSION,
            [xenversion.VERSION],
        ]:
            version = xenversion.parse_version(each.outcome["answer"][0])
    return domaininfo.layout_of(machine, version) if version else None
