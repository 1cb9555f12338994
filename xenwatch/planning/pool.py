"""Where VMs go in a pool, what binds it, and whether it can lose hosts.

The rule: shapes of which fewest fit come first, and each VM goes to the host with the most room for
its shape. Where that leaves VMs over, hosts are filled one by one instead, the fullest first, and
both are tried with the shapes in reverse; what leaves the fewest over counts. VMs of one shape are
placed exactly; of several a rule can fail where another placement exists, so "no" is only said
where one shape alone has not enough room, or all hosts together have not enough of a limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import combinations
from typing import Final

from xenwatch.planning.shapes import Shape
from xenwatch.values import dataclass

PAIRS: Final = 30
"""Hosts of which every two are tried: in a larger pool, those with the most VMs."""
_ROUNDING: Final = 1e-9

Vms = Mapping[Shape, int]
"""How many VMs of each shape."""


@dataclass(frozen=True, slots=True)
class Member:
    """A host: units left by limit, what a VM of each shape takes of them, and its VMs.

    A shape that is not in `takes` has no known room here. `vms` is `None` where they are unknown,
    `note` why something is, or that the host is synthetic. `uncounted` are limits of which VMs
    take an unknown amount.
    """

    name: str
    left: Mapping[str, float]
    takes: Mapping[Shape, Mapping[str, float]]
    vms: Vms | None
    note: str = ""
    uncounted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where VMs go, by name of host, and those that have no place.

    `fits` is `None` where that cannot be said: a rule has found no place, or a host has no known
    room.
    """

    placed: Mapping[str, Vms]
    over: Vms
    fits: bool | None


@dataclass(frozen=True, slots=True)
class Loss:
    """What happens if hosts are lost: their VMs, and where they go; `None` if unknown."""

    lost: tuple[str, ...]
    vms: int
    placement: Placement | None

    @property
    def survives(self) -> bool | None:
        """Whether all VMs have a place elsewhere."""
        return None if self.placement is None else self.placement.fits


@dataclass(slots=True)
class _Filling:
    """Hosts that are being filled; `rooms` is kept for shapes that were asked for."""

    members: Sequence[Member]
    rooms: Mapping[Shape, Sequence[int]]
    left: dict[int, dict[str, float]] = field(default_factory=dict)
    placed: dict[int, Counter[Shape]] = field(default_factory=dict)

    def room(self, place: int, shape: Shape) -> int:
        if place not in self.left:
            return self.rooms[shape][place]
        return _room(self.left[place], self.members[place].takes.get(shape))[0]

    def put(self, place: int, shape: Shape, count: int) -> None:
        member = self.members[place]
        left = self.left.setdefault(place, dict(member.left))
        for limit, amount in member.takes[shape].items():
            left[limit] -= count * amount
        self.placed.setdefault(place, Counter())[shape] += count


MOST: Final = 1_000_000
"""VMs of a shape that takes nothing of what is known, or hardly anything."""


def _room(left: Mapping[str, float], takes: Mapping[str, float] | None) -> tuple[int, str]:
    """How many VMs fit, and by which limit."""
    if takes is None:
        return 0, ""
    rooms = (
        (int(max(-MOST, min(left[limit] / each + _ROUNDING, MOST))), limit)
        for limit, each in takes.items()
        if each
    )
    found, limit = min(rooms, default=(MOST, ""))
    return max(0, found), limit


def _units(members: Sequence[Member]) -> dict[str, tuple[float, Mapping[Shape, float]]]:
    """Of limits that every host has: what is left on all, and the least that a shape takes."""
    if not members or any(not member.takes for member in members):
        return {}
    first, *others = members
    found: dict[str, tuple[float, Mapping[Shape, float]]] = {}
    for limit in first.left:
        if all(limit in other.left for other in others):
            shapes = first.takes
            least = {
                shape: min(each.takes.get(shape, {}).get(limit, 0.0) for each in members)
                for shape in shapes
            }
            found[limit] = sum(each.left[limit] for each in members), least
    return found


def room(member: Member, shape: Shape) -> int | None:
    """How many VMs of the shape fit on the host, `None` if unknown."""
    return _room(member.left, member.takes[shape])[0] if shape in member.takes else None


def binding(members: Sequence[Member], shape: Shape) -> Counter[str]:
    """On how many hosts each limit stops the next VM of the shape."""
    found = (
        _room(member.left, member.takes[shape])[1] for member in members if shape in member.takes
    )
    return Counter(limit for limit in found if limit)


class Pool:
    """The hosts of a pool, and how many VMs of each shape fit on each."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        shapes = {shape for member in members for shape in (*member.takes, *(member.vms or ()))}
        self._rooms = {shape: [room(each, shape) or 0 for each in members] for shape in shapes}
        self._total = {shape: sum(rooms) for shape, rooms in self._rooms.items()}
        self._units = _units(members)
        self._blind = {
            shape: {n for n, each in enumerate(members) if shape not in each.takes}
            for shape in shapes
        }

    def place(self, vms: Vms, lost: tuple[int, ...] = ()) -> Placement:
        """Where these VMs go on the hosts that are not lost."""
        wanted = {shape: count for shape, count in vms.items() if count}
        order = sorted(wanted, key=lambda shape: self._elsewhere(shape, lost) / wanted[shape])
        found, over = self._filled(wanted, order, lost, levelled=True)
        for others, levelled in ((order, False), (order[::-1], True), (order[::-1], False)):
            if not over or len(wanted) == 1:
                break
            other = self._filled(wanted, others, lost, levelled=levelled)
            if sum(other[1].values()) < sum(over.values()):
                found, over = other
        placed = {self.members[n].name: dict(found[n]) for n in sorted(found)}
        return Placement(placed, over, self._verdict(wanted, over, lost))

    def _verdict(self, wanted: Vms, over: Vms, lost: tuple[int, ...]) -> bool | None:
        if not over:
            return True
        nowhere = {*range(len(self.members))}  # no host has said anything of the shape
        short = any(
            self._elsewhere(shape, lost) < count and self._blind.get(shape, nowhere) <= set(lost)
            for shape, count in wanted.items()
        )
        return False if short or self._short_of_units(wanted, lost) else None

    def _short_of_units(self, wanted: Vms, lost: tuple[int, ...]) -> bool:
        """Whether all hosts together have not enough of some limit, however VMs are placed."""
        for limit, (left, least) in self._units.items():
            here = left - sum(self.members[n].left[limit] for n in lost)
            if here < sum(count * least.get(shape, 0.0) for shape, count in wanted.items()):
                return True
        return False

    def _elsewhere(self, shape: Shape, lost: tuple[int, ...]) -> int:
        rooms = self._rooms.get(shape)
        return 0 if rooms is None else self._total[shape] - sum(rooms[n] for n in lost)

    def _filled(
        self, wanted: Vms, order: Sequence[Shape], lost: tuple[int, ...], *, levelled: bool
    ) -> tuple[Mapping[int, Counter[Shape]], dict[Shape, int]]:
        filling = _Filling(self.members, self._rooms)
        over: dict[Shape, int] = {}
        for shape in order:
            rooms = self._now(filling, shape, lost)
            count = wanted[shape]
            for place, some in _level(rooms, count) if levelled else _packed(rooms, count):
                filling.put(place, shape, some)
                count -= some
            if count:
                over[shape] = count
        return filling.placed, over

    def _now(self, filling: _Filling, shape: Shape, lost: tuple[int, ...]) -> list[tuple[int, int]]:
        """The room for a shape and the place of each host, the most room first."""
        rooms = list(self._rooms.get(shape, ()))
        for place in lost:
            rooms[place : place + 1] = [0] if rooms else []
        for place in filling.left:
            rooms[place] = filling.room(place, shape)
        return sorted(((each, n) for n, each in enumerate(rooms) if each), reverse=True)

    def losses(self, count: int) -> Iterator[Loss]:
        """What happens if one host is lost, or two: the most VMs first."""
        places = sorted(range(len(self.members)), key=self._vms, reverse=True)
        if count > 1:
            places = places[:PAIRS]
        lost = combinations(places, count)
        return map(self._lost, sorted(lost, key=lambda some: -sum(map(self._vms, some))))

    def _lost(self, lost: tuple[int, ...]) -> Loss:
        vms: Counter[Shape] = Counter()
        names = tuple(self.members[n].name for n in lost)
        for place in lost:
            known = self.members[place].vms
            if known is None:
                return Loss(names, 0, None)
            vms.update(known)
        return Loss(names, vms.total(), self.place(vms, lost))

    def _vms(self, place: int) -> int:
        return sum((self.members[place].vms or {}).values())

    def freed_first(self) -> Loss | None:
        """The host with the fewest VMs that all have a place elsewhere; `None` if there is none."""
        found = (loss for loss in reversed(list(self.losses(1))) if loss.vms and loss.survives)
        return next(found, None)


def _level(rooms: Sequence[tuple[int, int]], count: int) -> Iterator[tuple[int, int]]:
    """Each VM to the host with the most room left: by place, how many."""
    above, level = 0, 0
    for number, (room, _) in enumerate(rooms, 1):
        above += room
        following = rooms[number][0] if number < len(rooms) else 0
        if above - number * following >= count:
            level = -((count - above) // number)
            # So many would go to the first hosts; what is too much stays with the last of them.
            level = max(level, following)
            break
    left = count
    for room, place in rooms:
        some = min(left, room - level)
        if some <= 0:
            break
        yield place, some
        left -= some
    if left and level:
        for room, place in rooms:
            if not left or room < level:
                break
            yield place, 1
            left -= 1


def _packed(rooms: Sequence[tuple[int, int]], count: int) -> Iterator[tuple[int, int]]:
    """The fullest host first: by place, how many."""
    for room, place in reversed(rooms):
        some = min(count, room)
        if some:
            yield place, some
        count -= some
