"""The configuration: one table of keys, from which come checks, defaults, flags and documents.

`KEYS` holds the keys in the order of the document; those of `[probes.NAME]` and `[limits.NAME]`
are derived from `PROBES` and `LIMITS`. Those of `[shapes.NAME]` stand for as many sections as the
operator names. The file is TOML 1.0.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from xenwatch import shapes, values
from xenwatch.alerts import keys as alert_keys
from xenwatch.alerts.states import Policy
from xenwatch.alerts.table import ALERTS
from xenwatch.keys import Key
from xenwatch.limits import LIMITS, Limit, Thresholds
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe
from xenwatch.shapes import Shape
from xenwatch.words import hint, printable, shown

DEFAULT_FILE: Final = "/etc/xenwatch/xenwatch.toml"
FILE_LIMIT: Final = 1 << 20

T = TypeVar("T")


class ConfigError(Exception):
    """A configuration that is refused; `problems` has one line for each thing wrong with it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


LISTEN: Final[Key[tuple[str, ...]]] = Key(
    "web.listen_addresses",
    "array of strings",
    ("127.0.0.1:10730",),
    "Addresses to listen on: HOST:PORT, an IPv6 host in brackets; no host means all addresses.",
    values.addresses,
    flag="--web.listen-address",
    restart=True,
)
TELEMETRY_PATH: Final[Key[str]] = Key(
    "web.telemetry_path",
    "string",
    "/metrics",
    "Path under which the metrics are served.",
    values.url_path,
    flag="--web.telemetry-path",
    restart=True,
)
MAX_REQUESTS: Final[Key[int]] = Key(
    "web.max_requests",
    "integer",
    40,
    "Scrapes answered at the same time; a further one gets status 503.",
    values.integer(1, 10000),
    flag="--web.max-requests",
    restart=True,
)
SYSTEMD_SOCKET: Final[Key[bool]] = Key(
    "web.systemd_socket",
    "boolean",
    False,
    "Listen on the sockets systemd passes (socket activation) and on no address of its own.",
    values.boolean,
    flag="--web.systemd-socket",
    restart=True,
)
LOG_LEVEL: Final[Key[str]] = Key(
    "log.level",
    "string",
    "info",
    "The least severe messages logged: debug, info, warning or error.",
    values.choice("debug", "info", "warning", "error"),
    flag="--log.level",
)
LOG_FORMAT: Final[Key[str]] = Key(
    "log.format",
    "string",
    "auto",
    "Log as json or for a console; auto: console on a terminal, else json.",
    values.choice("auto", "json", "console"),
    flag="--log.format",
)
SOURCE: Final[Key[str]] = Key(
    "source.kind",
    "string",
    "host",
    "What to read: host, synthetic[:NAME] (an invented host), tree:DIR (a captured one), or "
    "auto (host on a Xen dom0, else synthetic).",
    values.source,
    flag="--source",
    restart=True,
)
ROOTFS: Final[Key[str]] = Key(
    "source.rootfs",
    "string",
    "/",
    "Directory under which the host's /proc, /sys and /var are found.",
    values.absolute_path,
    flag="--path.rootfs",
    restart=True,
)


def _probe_keys(probe: Probe) -> Iterator[Key[Any]]:
    path = f"probes.{probe.name}."
    yield Key(path + "enabled", "boolean", probe.enabled, f"Read: {probe.reads}.", values.boolean)
    text = "Seconds from one reading to the next; longer while a reading costs too much CPU time."
    yield Key(path + "interval", "number", probe.interval, text, values.seconds)
    text = "Seconds after which a reading that hangs counts as failed."
    yield Key(path + "deadline", "number", probe.deadline, text, values.seconds)
    text = "Part of one core that its readings may take: after a dear one it waits for longer."
    yield Key(path + "share", "number", probe.share, text, values.share)


def _limit_keys(limit: Limit) -> Iterator[Key[Any]]:
    for field in dataclasses.fields(Thresholds):
        yield Key(
            f"limits.{limit.name}.{field.name}",
            'number or "never"',
            getattr(limit.thresholds, field.name),
            f"Used ratio at which {limit.title} is {field.name}.",
            values.ratio,
        )


def _shape_keys() -> Iterator[Key[Any]]:
    for part in shapes.PARTS:
        path = f"{_SHAPES}.{_ANY}.{part.name}"
        yield Key(path, part.type, part.default, part.description, part.convert)


_SHAPES: Final = "shapes"
_ANY: Final = "NAME"
"""Stands in the paths of keys for the name an operator gives."""


def make_keys(probes: Iterable[Probe], limits: Iterable[Limit]) -> tuple[Key[Any], ...]:
    """The table of keys for these probes and limits."""
    return (
        *(LISTEN, TELEMETRY_PATH, MAX_REQUESTS, SYSTEMD_SOCKET),
        *(LOG_LEVEL, LOG_FORMAT, SOURCE, ROOTFS),
        *(key for probe in probes for key in _probe_keys(probe)),
        *(key for limit in limits for key in _limit_keys(limit)),
        *alert_keys.KEYS,
        *_shape_keys(),
    )


KEYS: Final = make_keys(PROBES, LIMITS)
"""Every key, for loops: see `Key` for what is known of each."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Values that were set, by path of key; every other key has its default."""

    values: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __getitem__(self, key: Key[T]) -> T:
        return cast(T, self.values.get(key.path, key.default))

    def probes(self, probes: Iterable[Probe] = PROBES) -> tuple[Probe, ...]:
        """The probes with their interval, deadline, share and switch as configured."""
        return tuple(
            dataclasses.replace(probe, **{key.name: self[key] for key in _probe_keys(probe)})
            for probe in probes
        )

    def thresholds(self, limits: Iterable[Limit] = LIMITS) -> dict[str, Thresholds]:
        """The thresholds as configured, by name of limit."""
        return {
            limit.name: Thresholds(**{key.name: self[key] for key in _limit_keys(limit)})
            for limit in limits
        }

    def alerts(self) -> Policy:
        """How long alerts take, their own thresholds, and where their runbooks are."""
        return Policy(
            seconds={alert.name: self[alert_keys.seconds(alert)] for alert in ALERTS},
            thresholds={
                alert.name: Thresholds(**{it.name: self[it] for it in alert_keys.own(alert)})
                for alert in ALERTS
                if alert.thresholds is not None
            },
            keep=self[alert_keys.KEEP],
            runbooks=self[alert_keys.RUNBOOKS],
        )

    def shapes(self) -> dict[str, Shape]:
        """The shapes of VMs by name: those built in, and those configured or changed."""
        found = dict(shapes.BUILT_IN)
        for path, value in self.values.items():
            section, _, rest = path.partition(".")
            name, _, part = rest.partition(".")
            if section == _SHAPES:
                changed: dict[str, Any] = {part: value}
                found[name] = dataclasses.replace(found.get(name, Shape(name)), **changed)
        return found


def load(
    path: str | None, overrides: Mapping[str, object], keys: Iterable[Key[Any]] = KEYS
) -> Settings:
    """Settings of a file and of the command line, which wins.

    `path` `None` means the default file, which may be missing; a named file may not. `overrides`
    has values by path of key. Raises `ConfigError` with every problem found.
    """
    keys = tuple(keys)
    name = DEFAULT_FILE if path is None else path
    problems: list[str] = []
    try:
        with Path(name).open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
        values = parse(data, name, keys, problems)
    except OSError as error:
        values = {}
        if path is not None or not isinstance(error, FileNotFoundError):
            problems.append(f"{name}: {error.strerror}; name another with --config.file")
    for key in keys:
        if key.path in overrides:
            try:
                values[key.path] = key.convert(overrides[key.path])
            except ValueError as error:
                problems.append(f"{key.flag}: {shown(overrides[key.path])} {error}")
    if problems:
        raise ConfigError(problems)
    return Settings(values)


def parse(
    data: bytes, name: str, keys: Iterable[Key[Any]], problems: list[str]
) -> dict[str, object]:
    """Values of a TOML document by path of key; what is wrong with it is added to `problems`.

    `name` is the file's, for the messages. Values that are refused are left out.
    """
    if len(data) > FILE_LIMIT:
        problems.append(f"{name}: is larger than {FILE_LIMIT} bytes")
        return {}
    try:
        text = data.decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        problems.append(f"{name}: is not UTF-8 text (byte {error.start})")
        return {}
    except (ValueError, RecursionError) as error:
        problems.append(f"{name}: is not TOML: {str(error)[:200]}")
        return {}
    table = {key.path: key for key in keys}
    found = _Found(name, text, table)
    found.walk(document, "")
    _order(found)
    problems += found.problems
    return found.values


class _Found:
    """What a document holds: values by path, and what is wrong with it."""

    def __init__(self, name: str, text: str, table: Mapping[str, Key[Any]]) -> None:
        self.values: dict[str, object] = {}
        self.problems: list[str] = []
        self.table = table
        self._name = name
        self._text = text
        self._sections = _sections(table)

    def refuse(self, path: str, reason: str) -> None:
        """Note a problem with the key or section at `path`, and its line where that is easy."""
        line = _line(self._text, path)
        where = f"{self._name}:{line}" if line else self._name
        self.problems.append(f"{where}: {printable(path)}: {reason}")

    def walk(self, table: Mapping[str, object], section: str) -> None:
        """Take up a TOML table: its keys, and the tables in it."""
        for name, value in table.items():
            path = f"{section}.{name}" if section else name
            known = _general(path)
            if section == _SHAPES and not re.fullmatch(shapes.NAME, name):
                self.refuse(path, "is no name of a shape: letters, digits, - and _, at most 40")
            elif known in self.table and "." not in name:
                self._take(path, self.table[known], value)
            elif known not in self._sections or "." in name:
                self.refuse(path, self._unknown(section, name, value))
            elif isinstance(value, dict):
                self.walk(value, path)
            else:
                self.refuse(path, f"is a section: write [{path}] and its keys under it")

    def _take(self, path: str, key: Key[Any], value: object) -> None:
        try:
            self.values[path] = key.convert(value)
        except ValueError as error:
            self.refuse(path, f"{shown(value)} {error}")

    def _unknown(self, section: str, name: str, value: object) -> str:
        depth = section.count(".") + 1 if section else 0
        prefix = f"{_general(section)}." if section else ""
        below = {path.split(".")[depth] for path in self.table if path.startswith(prefix)}
        kind = "section" if isinstance(value, dict) else "key"
        return f"unknown {kind}{hint(name, below) or '; known here: ' + ', '.join(sorted(below))}"


def _general(path: str) -> str:
    """The path under which the table of keys has this one."""
    section, dot, rest = path.partition(".")
    if section != _SHAPES or not dot:
        return path
    _, dot, name = rest.partition(".")
    return f"{_SHAPES}.{_ANY}{dot}{name}"


def _sections(paths: Iterable[str]) -> set[str]:
    parts = [path.split(".") for path in paths]
    found = {".".join(names[:depth]) for names in parts for depth in range(1, len(names))}
    # With no probe or limit at all, the section is still a known one.
    return found | {"probes", "limits"}


def _order(found: _Found) -> None:
    """Refuse thresholds where the warning comes after the critical one."""
    for path, key in found.table.items():
        if not path.startswith("limits.") or key.name != "warning":
            continue
        other = f"{key.section}.critical"
        if path not in found.values and other not in found.values:
            continue
        warning = found.values.get(path, key.default)
        critical = found.values.get(other, found.table[other].default)
        if isinstance(warning, float) and isinstance(critical, float) and warning > critical:
            note = "" if other in found.values else " (the default)"
            found.refuse(
                path if path in found.values else other,
                f"warning {warning:g} is above critical {critical:g}{note}; lower it, or set both",
            )


def _line(text: str, path: str) -> int:
    """Line of a key or section written in the usual way, from 1; 0 when it is not."""
    section, _, name = path.rpartition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if header:
            current = header[1]
            if current == path or current.startswith(f"{path}."):
                return number
        elif current == section and line.partition("=")[0].strip().strip("\"'") == name:
            return number
    return 0
