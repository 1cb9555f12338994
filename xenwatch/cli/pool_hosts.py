"""The hosts of a pool: read from sources, queried from daemons, or taken from a Prometheus."""

from __future__ import annotations

import dataclasses
import json
import math
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.cli import daemon_client, daemon_request
from xenwatch.cli.daemon_address import Address
from xenwatch.cli.daemon_request import AskError
from xenwatch.cli.passes import Live, Replayed, moment
from xenwatch.cli.source import is_record, open_source
from xenwatch.config import state_file
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

FILE_LIMIT: Final = 1 << 20
_KINDS: Final = ("source", "url")
_QUERIES: Final = {
    "rooms": "max by (instance, shape, limit) (xenwatch_limit_vm_headroom)",
    "whole": "max by (instance, shape) (xenwatch_vm_headroom)",
    "vms": 'sum by (instance) (xenwatch_domains{state!="dying"}) - 1',
}
_LABELS: Final = {
    "rooms": ("instance", "shape", "limit"),
    "whole": ("instance", "shape"),
    "vms": ("instance",),
}
_MOST_BYTES: Final = 1 << 60
"""More memory than any VM has."""


class PoolError(Exception):
    """A pool that cannot be read; the text has the reason and the next step."""


class Host(Protocol):
    """A host of the pool."""

    @property
    def name(self) -> str:
        """Its name in the file."""

    def vms(self) -> Counter[Shape] | None:
        """Its VMs by shape, `None` if unknown."""

    def member(self, shapes: Iterable[Shape]) -> Member:
        """The host, with its room for each shape."""


@dataclasses.dataclass(frozen=True, slots=True)
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


@dataclasses.dataclass(frozen=True, slots=True)
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


@dataclasses.dataclass(frozen=True, slots=True)
class _Limit:
    """What a daemon says of a limit."""

    limit: str
    instance: str
    takes: float | None
    left: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """What a daemon says of a shape."""

    headroom: int | None
    limits: tuple[_Limit, ...]
    not_counted: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
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


def members(path: str, settings: Settings, rules: Rules, shapes: Iterable[Shape]) -> list[Member]:
    """The hosts of a file, with their room for these shapes and those that run in the pool.

    Raises `PoolError`.
    """
    hosts = [_host(name, kind, value, settings, rules) for name, kind, value in _listed(path)]
    every = dict.fromkeys(shapes)
    for host in hosts:
        every |= dict.fromkeys(host.vms() or ())
    return [_member(host, every) for host in hosts]


def _member(host: Host, shapes: Iterable[Shape]) -> Member:
    try:
        return host.member(shapes)
    except AskError as error:
        return Unread(host.name, str(error)).member(shapes)


def _listed(path: str) -> Iterator[tuple[str, str, str]]:
    """Name, kind and value of each host of a file. Raises `PoolError`."""
    try:
        found = tomllib.loads(state_file.read(path, FILE_LIMIT).decode())
    except (OSError, ValueError) as error:
        raise PoolError(f"--pool: {path}: {why(error)}") from None
    hosts = found.get("hosts")
    if not isinstance(hosts, dict) or len(found) > 1 or not hosts:
        raise PoolError(f'--pool: {path}: expected tables such as [hosts.xen1] with url = "..."')
    for name, table in hosts.items():
        keys = list(table) if isinstance(table, dict) else []
        if len(keys) != 1 or keys[0] not in _KINDS or not isinstance(table[keys[0]], str):
            place = f"--pool: {path}: hosts.{printable(name)}"
            raise PoolError(f"{place} must have one of: {', '.join(_KINDS)}, a string")
        yield printable(name), keys[0], table[keys[0]]


def _host(name: str, kind: str, value: str, settings: Settings, rules: Rules) -> Host:
    try:
        if kind == "url":
            place = Address(value.rstrip("/"))
            return Asked(name, place, daemon_client.ask(place).status.domains)
        passes: Live | Replayed = (
            moment(value, time.time()) if is_record(value) else Live(open_source(value))
        )
        return Read(name, assess_pass(passes.take(settings.probes()).snapshot, rules))
    except (AskError, SourceError, ValueError) as error:
        return Unread(name, str(error))


def from_prometheus(url: str, known: Mapping[str, Shape]) -> list[Member]:
    """The hosts that a Prometheus scrapes. Raises `PoolError`."""
    place = Address(url.rstrip("/"))
    try:
        found = {name: list(_vector(place, query)) for name, query in _QUERIES.items()}
    except AskError as error:
        raise PoolError(f"--prometheus: {error}") from None
    except (AttributeError, LookupError, TypeError, ValueError):
        raise PoolError(f"--prometheus: {shown(url)}: not an answer of Prometheus") from None
    unread: dict[str, str] = {}
    for name, rows in found.items():
        for labels, value in rows:
            if problem := _problem(name, labels, value):
                unread[labels.get("instance", "(no instance)")] = problem
        found[name] = [row for row in rows if not _problem(name, *row)]
    whole = {(labels["instance"], labels["shape"]) for labels, _ in found["whole"]}
    rooms: defaultdict[str, defaultdict[Shape, dict[str, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for labels, value in found["rooms"]:
        if (labels["instance"], labels["shape"]) in whole:
            shape = known.get(labels["shape"], Shape(labels["shape"]))
            rooms[labels["instance"]][shape][labels["limit"]] = max(0.0, value)
    vms = {labels["instance"]: int(value) for labels, value in found["vms"]}
    if not (vms or unread):
        raise PoolError(f"--prometheus: {shown(url)} has no xenwatch_domains; is it scraped?")
    return [
        Unread(name, unread[name]).member(())
        if name in unread
        else from_headrooms(name, rooms[name], max(0, vms[name]))
        for name in sorted({*vms, *unread})
    ]


def _problem(name: str, labels: Mapping[str, str], value: float) -> str:
    """Why a series of that query cannot be used, empty if it can."""
    for label in _LABELS[name]:
        if label not in labels:
            return f"a series has no label {label}"
    most = MOST if name == "vms" else math.inf
    return "" if math.isfinite(value) and value <= most else f"{_QUERIES[name]} is {value:g}"


def _vector(place: Address, query: str) -> Iterator[tuple[Mapping[str, str], float]]:
    return prometheus.vector(_json(place, f"{prometheus.PATH}?query={quote(query)}"))
