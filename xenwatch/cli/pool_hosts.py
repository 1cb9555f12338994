"""The hosts of a pool: read from sources, queried from daemons, or taken from a Prometheus."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.cli import daemon_client, daemon_request
from xenwatch.cli.daemon_address import Address, AddressError, accessed
from xenwatch.cli.daemon_request import AskError
from xenwatch.cli.passes import Live, Replayed, moment
from xenwatch.cli.source import is_record, open_source
from xenwatch.config import secret_file, state_file
from xenwatch.config.document import decoded
from xenwatch.config.settings import Settings
from xenwatch.display.text import printable, shown
from xenwatch.display.why import why
from xenwatch.planning import answer
from xenwatch.planning.members import alike, from_headrooms, member
from xenwatch.planning.pool import MOST, Member
from xenwatch.planning.running import running
from xenwatch.planning.shapes import TYPES, Shape
from xenwatch.readings.domains import STOPPED
from xenwatch.sources.base import SourceError
from xenwatch.status import from_json, prometheus
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.notices import notices
from xenwatch.status.targets import Key, targets
from xenwatch.values import dataclass

FILE_LIMIT: Final = 1 << 20
URL: Final = "url"
_KINDS: Final = ("source", URL)
_ACCESS: Final = ("username", "password_file", "ca_file")
"""Keys beside `url`; files are relative to the file of the pool."""
_VMS: Final = 'sum without (state) (xenwatch_domains{state!="dying"}) - 1'
"""The query for running VMs, whose series have the labels of the targets, and no others."""
_ROOMS: Final = {
    "rooms": "max by (instance, shape, limit) (xenwatch_limit_vm_headroom)",
    "whole": "max by (instance, shape) (xenwatch_vm_headroom)",
}
_LABELS: Final = {
    "rooms": ("instance", "shape", "limit"),
    "whole": ("instance", "shape"),
    "vms": ("instance",),
}
_DAEMON: Final = "Is the daemon running on that host, and does it listen there?"
_PROMETHEUS: Final = "Does a Prometheus listen there?"
_MOST_BYTES: Final = 1 << 60
"""More memory than any VM has."""


class PoolError(Exception):
    """A pool that is not one; the text has the reason and the next step."""


class Host(Protocol):
    """A host of the pool."""

    @property
    def name(self) -> str:
        """Its name in the file."""

    def vms(self) -> Counter[Shape] | None:
        """Its VMs by shape, `None` if unknown."""

    def member(self, shapes: Iterable[Shape]) -> Member:
        """The host, with its room for each shape."""


@dataclass(frozen=True, slots=True)
class Read:
    """A host that was read."""

    name: str
    assessment: Assessment

    def vms(self) -> Counter[Shape] | None:
        """Its VMs by shape, `None` where not all of them are known."""
        snapshot = self.assessment.snapshot
        if snapshot.domains is None:
            return None
        found = running(snapshot)
        lives = [one for one in snapshot.domains.domains if one.domid and one.state not in STOPPED]
        return alike(found.values()) if len(found) == len(lives) else None

    def member(self, shapes: Iterable[Shape]) -> Member:
        """The host, with its room for each shape."""
        snapshot = self.assessment.snapshot
        obstacle = answer.obstacle(snapshot)
        plans = {} if obstacle else {shape: self.assessment.plan({shape: 1}) for shape in shapes}
        return member(self.name, plans, self.vms(), obstacle or " ".join(notices(snapshot)))


@dataclass(frozen=True, slots=True)
class Unread:
    """A host that could not be read, and why."""

    name: str
    note: str

    def vms(self) -> None:
        """Nothing is known."""
        return

    def member(self, shapes: Iterable[Shape]) -> Member:
        """The host without any room."""
        return Member(self.name, {}, {}, None, self.note)


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a daemon says of a limit."""

    limit: str
    instance: str
    takes: float | None
    left: float | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a daemon says of a shape."""

    headroom: int | None
    limits: tuple[_Limit, ...]
    not_counted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A host whose daemon is queried."""

    name: str
    place: Address
    domains: Sequence[DomainRow] | None

    def vms(self) -> Counter[Shape] | None:
        """Its VMs by shape; an HVM VM is taken to have UEFI firmware, which costs more."""
        if self.domains is None:
            return None
        lives = [one for one in self.domains if one.domid and one.state not in STOPPED]
        shapes = [shape for one in lives if (shape := _shape(one)) is not None]
        return alike(shapes) if len(shapes) == len(lives) else None

    def member(self, shapes: Iterable[Shape]) -> Member:
        """The host, with its room for each shape. Raises `AskError`."""
        left: dict[str, float] = {}
        takes: dict[Shape, Mapping[str, float]] = {}
        uncounted: set[str] = set()
        problem = ""
        for shape in shapes:
            plan = self._plan(shape)
            if plan is None or plan.headroom is None:
                problem = "the daemon has no plan for all shapes"
                continue
            each: dict[str, float] = {}
            uncounted |= set(plan.not_counted)
            for row in plan.limits:
                if row.left is None or row.takes is None:
                    continue
                key = f"{row.limit} {row.instance}".strip()
                each[key] = row.takes
                left[key] = min(left.get(key, row.left), row.left)
            takes[shape] = each
        return Member(self.name, left, takes, self.vms(), problem, frozenset(uncounted))

    def _plan(self, shape: Shape) -> _Plan | None:
        given = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in dataclasses.asdict(shape).items()
            if name != "name" and value not in ("", 0)
        }
        given |= {"disks": shape.disks, "vifs": shape.vifs}
        found = _json(self.place, f"/api/v1/headroom?{urlencode(given)}")
        plans = found.get("plans")
        if not isinstance(plans, list) or not plans:
            return None
        try:
            return from_json.read(_Plan, plans[0])
        except (KeyError, TypeError, ValueError) as error:
            raise AskError(
                f"{self.place.url}: the plan is not from xenwatch: {why(error)}"
            ) from None


def _shape(row: DomainRow) -> Shape | None:
    known = (row.vcpus_max, row.memory_bytes, row.disks, row.vifs)
    if row.type not in TYPES or any(n is None or not 0 <= n < _MOST_BYTES for n in known):
        return None
    return Shape(
        "",
        row.type or "",
        row.vcpus_max or 1,
        row.disks or 0,
        row.vifs or 0,
        uefi=row.type == "hvm",
        memory_bytes=row.memory_bytes or 0,
    )


def _json(place: Address, path: str) -> dict[str, Any]:
    """The object in the answer. Raises `AskError`."""
    response = daemon_request.get(place, path)
    if response.code != 200:
        raise daemon_request.refused(place, response)
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise AskError(f"{place.url}: {why(error)}") from None
    if not isinstance(found, dict):
        raise AskError(f"{place.url}: the answer is not a JSON object")
    return found


def members(
    options: argparse.Namespace, settings: Settings, rules: Rules, shapes: Iterable[Shape]
) -> list[Member]:
    """The hosts of the file `pool`, with their room for these shapes and those that run in it.

    Daemons are asked as the options of `add_access` say, and the file. Raises `PoolError`.
    """
    named = list(_listed(options.pool))
    places = {name: _place(name, keys, options) for name, keys in named if URL in keys}
    hosts = [
        _asked(name, places[name]) if name in places else _read(name, keys, settings, rules)
        for name, keys in named
    ]
    every = dict.fromkeys(shapes)
    for host in hosts:
        every |= dict.fromkeys(host.vms() or ())
    return [_member(host, every) for host in hosts]


def _member(host: Host, shapes: Iterable[Shape]) -> Member:
    try:
        return host.member(shapes)
    except AskError as error:
        return Unread(host.name, str(error)).member(shapes)


def _listed(path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Name and keys of each host of a file. Raises `PoolError`."""
    problems: list[str] = []
    try:
        _, found = decoded(state_file.read(path, FILE_LIMIT), path, problems)
    except (OSError, ValueError) as error:
        raise PoolError(f"--pool: {path}: {why(error)}") from None
    for problem in problems:
        raise PoolError(f"--pool: {problem}")
    hosts = found.get("hosts")
    if not isinstance(hosts, dict) or len(found) > 1 or not hosts:
        raise PoolError(f'--pool: {path}: expected tables such as [hosts.xen1] with url = "..."')
    for name, table in hosts.items():
        if problem := _wrong(table):
            raise PoolError(f"--pool: {path}: hosts.{printable(name)} {problem}")
        yield printable(name), table


def _wrong(table: object) -> str:
    """What is wrong with the keys of a host, empty if nothing is."""
    keys = table if isinstance(table, dict) else {}
    if len(keys.keys() & {*_KINDS}) != 1 or not all(
        isinstance(each, str) for each in keys.values()
    ):
        return f"must have exactly one of {' and '.join(_KINDS)}; all values must be strings"
    more = keys.keys() - {*_KINDS}
    if unknown := sorted(more - {*_ACCESS} if URL in keys else more):
        beside = f"; allowed with url: {', '.join(_ACCESS)}" if URL in keys else ""
        return f"has an unknown key: {printable(unknown[0])}{beside}"
    if len(more & {"username", "password_file"}) == 1:
        return "must have both username and password_file, or neither"
    return ""


def _place(name: str, keys: Mapping[str, str], options: argparse.Namespace) -> Address:
    """Where a daemon is asked, and as whom: by the options, unless the file says so.

    Raises `PoolError`.
    """
    found = Address(keys[URL].rstrip("/"), next_step=_DAEMON)
    at = Path(options.pool).parent
    beside = {key: str(at / keys[key]) for key in ("password_file", "ca_file") if keys.get(key)}
    if not found.url.startswith("https:"):  # other hosts of the pool may have TLS
        options = argparse.Namespace(**{**vars(options), "cacert": None, "cert": None, "key": None})
    try:
        found.check()
        if "password_file" in beside:
            options = argparse.Namespace(**{**vars(options), "user": None})
        found = accessed(found, options, ("ca_file", beside.get("ca_file", "")))
        if "password_file" in beside:
            password = secret_file.text(beside["password_file"])
            found = dataclasses.replace(found, credentials=f"{keys['username']}:{password}")
    except AddressError as error:
        raise PoolError(f"--pool: {options.pool}: hosts.{name}: {error}") from None
    except (OSError, ValueError) as error:
        reason = f"password_file: {beside['password_file']}: {why(error)}"
        raise PoolError(f"--pool: {options.pool}: hosts.{name}: {reason}") from None
    return found


def _asked(name: str, place: Address) -> Host:
    try:
        return Asked(name, place, daemon_client.ask(place).status.domains)
    except AskError as error:
        return Unread(name, str(error))


def _read(name: str, keys: Mapping[str, str], settings: Settings, rules: Rules) -> Host:
    source = keys["source"]
    try:
        passes: Live | Replayed = (
            moment(source, time.time()) if is_record(source) else Live(open_source(source))
        )
        return Read(name, assess_pass(passes.take(settings.probes()).snapshot, rules))
    except (SourceError, ValueError) as error:
        return Unread(name, str(error))


def from_prometheus(options: argparse.Namespace, known: Mapping[str, Shape]) -> list[Member]:
    """The hosts that the Prometheus of the options scrapes. Raises `PoolError`, `AskError`."""
    url = options.prometheus
    try:
        place = Address(url.rstrip("/"), next_step=_PROMETHEUS)
        place.check()
        place = accessed(place, options)
    except AddressError as error:
        raise PoolError(f"--prometheus: {error}") from None
    try:
        vms = list(_vector(place, _VMS))
        of = targets(labels for labels, _ in vms)
        found = {"vms": vms} | {
            name: list(_vector(place, of.grouped(query))) for name, query in _ROOMS.items()
        }
    except AskError as error:
        raise AskError(f"--prometheus: {error}") from None
    except (AttributeError, LookupError, TypeError, ValueError):
        raise AskError(f"--prometheus: {shown(url)}: not a Prometheus response") from None
    unread: dict[Key, str] = {}
    for name, rows in found.items():
        for labels, value in rows:
            if problem := _problem(name, labels, value):
                unread[of.key(labels)] = problem
        found[name] = [row for row in rows if not _problem(name, *row)]
    whole = {(of.key(labels), labels["shape"]) for labels, _ in found["whole"]}
    rooms: defaultdict[Key, defaultdict[Shape, dict[str, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for labels, value in found["rooms"]:
        host, shape = of.key(labels), labels["shape"]
        if (host, shape) in whole:
            rooms[host][known.get(shape, Shape(shape))][labels["limit"]] = max(0.0, value)
    counts = {of.key(labels): int(value) for labels, value in found["vms"]}
    if not (counts or unread):
        raise AskError(f"--prometheus: {shown(url)} has no xenwatch_domains; is it scraped?")
    return [
        Unread(title, unread[host]).member(())
        if host in unread
        else from_headrooms(title, rooms[host], max(0, counts[host]))
        for host, title in sorted(of.titles({*counts, *unread}).items())
    ]


def _problem(name: str, labels: Mapping[str, str], value: float) -> str:
    """Why a series of that query cannot be used, empty if it can."""
    for label in _LABELS[name]:
        if label not in labels:
            return f"a series has no label {label}"
    most = MOST if name == "vms" else math.inf
    query = _ROOMS.get(name, _VMS)
    return "" if math.isfinite(value) and value <= most else f"{query} is {value:g}"


def _vector(place: Address, query: str) -> Iterator[tuple[Mapping[str, str], float]]:
    return prometheus.vector(_json(place, f"{prometheus.PATH}?query={quote(query)}"))
