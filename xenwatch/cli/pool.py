"""`xenwatch plan --pool`: where VMs go in a pool, and whether it can lose hosts."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from xenwatch.cli.exit_status import FINDING, OK, UNKNOWN
from xenwatch.display.columns import columns
from xenwatch.display.text import printable
from xenwatch.planning.members import described
from xenwatch.planning.pool import Loss, Member, Placement, Pool, Vms, binding, room
from xenwatch.planning.shapes import Shape
from xenwatch.values import dataclass

_LOSSES: Final = {1: "any host", 2: "any two hosts"}
_MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer about a pool: `placement` is that of the VMs asked for, `None` without any.

    `losses` are those of one host and of two: the first that the pool does not survive, else the
    first of which that is unknown, else that of the most VMs; `None` in a pool without so many.
    """

    members: Sequence[Member]
    shapes: Sequence[Shape]
    wanted: Vms
    placement: Placement | None
    losses: Mapping[int, Loss | None]
    freed: Loss | None

    @property
    def uncounted(self) -> list[str]:
        """Limits that VMs use by an unknown amount on some host."""
        return sorted({name for each in self.members for name in each.uncounted})


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that name a pool."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--pool", metavar="FILE", help="plan for the hosts in this TOML file")
    which.add_argument(
        "--prometheus", metavar="URL", help="plan for the hosts that this Prometheus scrapes"
    )


def answer(members: Sequence[Member], shapes: Sequence[Shape], wanted: Vms) -> Answer:
    """The answer for these hosts, and the VMs that are to be placed."""
    pool = Pool(members)
    return Answer(
        members,
        shapes,
        wanted,
        pool.place(wanted) if wanted else None,
        {count: _worst(pool, count) for count in _LOSSES if count < len(members)},
        pool.freed_first(),
    )


def _worst(pool: Pool, count: int) -> Loss | None:
    found = list(pool.losses(count))
    for verdict in (False, None):
        for loss in found:
            if loss.survives is verdict:
                return loss
    return found[0] if found else None


def status(found: Answer) -> int:
    """The exit status: of the VMs asked for, else of the loss of a host."""
    fits = found.placement.fits if found.placement is not None else None
    if found.placement is None:
        loss = found.losses.get(1)
        fits = loss.survives if loss is not None else None
    return {True: OK, False: FINDING, None: UNKNOWN}[fits]


def table(found: Answer) -> str:
    """The answer for people."""
    return "".join([_hosts(found), "\n", *(f"{printable(line)}\n" for line in _lines(found))])


def _hosts(found: Answer) -> str:
    header = ("HOST", "VMS", *(described(shape).upper() for shape in found.shapes), "NOTE")
    rows = [header, *(_host(each, found.shapes) for each in found.members)]
    return columns(rows, numbers=1 + len(found.shapes))


def _host(member: Member, shapes: Sequence[Shape]) -> tuple[str, ...]:
    vms = "-" if member.vms is None else str(sum(member.vms.values()))
    rooms = (room(member, shape) for shape in shapes)
    counts = ("-" if each is None else str(each) for each in rooms)
    return (printable(member.name), vms, *counts, printable(member.note))


def _lines(found: Answer) -> Iterator[str]:
    as_counted = ", as far as counted" if found.uncounted else ""
    for shape in found.shapes:
        most = "at most " if found.uncounted else ""
        total = sum(room(each, shape) or 0 for each in found.members)
        binds = ", ".join(
            f"{limit} on {count}" for limit, count in binding(found.members, shape).most_common(3)
        )
        yield f"{described(shape)}: {most}{total} more fit; stopped by: {binds or 'nothing known'}"
    if found.placement is not None:
        yield from _placement(found.wanted, found.placement, as_counted)
    for count, loss in found.losses.items():
        yield _loss(count, loss, as_counted)
    if found.freed is not None and found.freed.placement is not None:
        where = ", ".join(
            f"{sum(vms.values())} to {name}" for name, vms in found.freed.placement.placed.items()
        )
        name, vms = found.freed.lost[0], found.freed.vms
        yield f"Free first: {name}, VMs to move: {vms}{as_counted}: {where}"
    if found.uncounted:
        yield f"Not counted: {', '.join(found.uncounted)}"


def _placement(wanted: Vms, placement: Placement, as_counted: str) -> Iterator[str]:
    subject = _words(wanted)
    if placement.fits:
        yield f"{subject}: they fit{as_counted}"
    elif placement.fits is False:
        yield f"{subject}: they do not fit; no room for {_words(placement.over)}"
    else:
        yield f"{subject}: cannot say whether they fit; no room found for {_words(placement.over)}"
    for name, vms in list(placement.placed.items())[:_MOST_SHOWN]:
        yield f"  {name}: {_words(vms)}"
    if len(placement.placed) > _MOST_SHOWN:
        yield f"  and on {len(placement.placed) - _MOST_SHOWN} more hosts; --format json has all"


def _loss(count: int, loss: Loss | None, as_counted: str) -> str:
    if loss is None:
        return f"Loss of {_LOSSES[count]}: unknown"
    names, subject = " and ".join(loss.lost), f"Loss of {_LOSSES[count]}"
    if loss.survives:
        return f"{subject}: survived{as_counted}; the most VMs are on {names}, {loss.vms}"
    if loss.placement is None:
        return f"{subject}: unknown; not all VMs on {names} are known"
    what = f"of the {loss.vms} VMs on {names}, no room elsewhere for {_words(loss.placement.over)}"
    if loss.survives is False:
        return f"{subject}: not survived; {what}"
    return f"{subject}: cannot say; {what}, as far as known"


def _words(vms: Vms) -> str:
    return " and ".join(f"{count} {name}" for name, count in _counts(vms).items() if count)


def dumps(found: Answer) -> str:
    """The answer as JSON, ended by a newline."""
    document = {
        "hosts": [
            {
                "name": each.name,
                "vms": None if each.vms is None else sum(each.vms.values()),
                "headroom": {described(shape): room(each, shape) for shape in found.shapes},
                "note": each.note,
            }
            for each in found.members
        ],
        "binding": {described(one): binding(found.members, one) for one in found.shapes},
        "wanted": _counts(found.wanted),
        "placement": None if found.placement is None else _placed(found.placement),
        "losses": {str(count): _lost(loss) for count, loss in found.losses.items()},
        "free_first": _lost(found.freed),
        "not_counted": found.uncounted,
    }
    return json.dumps(document, indent=2) + "\n"


def _lost(loss: Loss | None) -> dict[str, Any] | None:
    if loss is None:
        return None
    placed = {} if loss.placement is None else _placed(loss.placement)
    return {"hosts": loss.lost, "vms": loss.vms, "survives": loss.survives, **placed}


def _placed(placement: Placement) -> dict[str, Any]:
    return {
        "fits": placement.fits,
        "placed": {name: _counts(vms) for name, vms in placement.placed.items()},
        "over": _counts(placement.over),
    }


def _counts(vms: Vms) -> dict[str, int]:
    """VMs by a few words; some that differ in their devices share these."""
    found: Counter[str] = Counter()
    for shape, count in vms.items():
        found[described(shape)] += count
    return found
