"""The part of the page that shows the domains: broken ones first, sorted and filtered as asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from xenwatch.display.quantities import quantity
from xenwatch.display.text import counted
from xenwatch.page import vms
from xenwatch.page.document import choice, search
from xenwatch.page.history import NOW, View
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.tables import Cell, Head, table
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import HostStatus
from xenwatch.status.order import relevance
from xenwatch.values import dataclass

SHOWN: Final = 20
"""Domains on a page: a host may have thousands, and a telephone shows six screens at most."""
LONGEST: Final = 100
"""Max characters of a query; more are ignored."""
DRIVER_DOMAINS: Final = "Driver domains"
"""The header of one more column, where other domains than dom0 serve devices."""
TROUBLE: Final = "Trouble"
"""The order without any other: broken ones first."""

_Key = Callable[[DomainRow], Any]
"""What is compared; `None` where it is unknown."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its header, the name by which a query sorts it, and its sort key.

    Amounts (`number`) are sorted from the largest on.
    """

    header: str
    name: str
    key: _Key
    number: bool = False


COLUMNS: Final = (
    Column("Id", "id", lambda row: row.domid),
    Column("Name", "name", lambda row: (row.name or row.uuid).casefold()),
    Column("Type", "type", lambda row: row.type),
    Column("State", "state", lambda row: row.state),
    Column("vCPUs", "vcpus", lambda row: row.vcpus_online, number=True),
    Column("Memory", "memory", lambda row: row.memory_bytes, number=True),
    Column("Disks", "disks", lambda row: row.disks, number=True),
    Column("Interfaces", "interfaces", lambda row: row.vifs, number=True),
    Column("Event channels", "event_channels", lambda row: row.event_channels, number=True),
    Column("Broken devices", "broken", lambda row: len(row.broken or ()), number=True),
)
HEADER: Final = tuple(column.header for column in COLUMNS)
_BY_NAME: Final = {column.name: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of the domains: words to filter by, the name of a column, the first row.

    A column with `-` before its name is sorted the other way round.
    """

    words: str = ""
    sort: str = ""
    start: int = 0
    view: View = NOW

    @classmethod
    def of(cls, given: Mapping[str, str], view: View = NOW) -> Query:
        """The query of parameters as received: what is none is left out."""
        sort, start = given.get("sort", ""), given.get("from", "")
        return cls(
            given.get("q", "").strip()[:LONGEST],
            sort if sort.removeprefix("-") in _BY_NAME else "",
            int(start) if start.isascii() and start.isdigit() and len(start) < 8 else 0,
            view,
        )

    def href(self, *, sort: str | None = None, start: int = 0) -> str:
        """The address of the same words with another order, or from another row on."""
        order = self.sort if sort is None else sort
        given = {"q": self.words, "sort": order, "from": str(start) if start else ""}
        given |= self.view.parameters
        return f"/?{urlencode({name: value for name, value in given.items() if value})}#domains"


ALL: Final = Query()


def matches(domain: DomainRow, query: str) -> bool:
    """Whether every word of the query is in the id, name, UUID, type or state."""
    parts = (str(domain.domid), domain.name, domain.uuid, domain.type, domain.state)
    text = "\n".join(part.casefold() for part in parts if part)
    return all(word in text for word in query.casefold().split())


def section(status: HostStatus, query: Query) -> Html:
    """The domains that match the query, at most `SHOWN`."""
    return tag(
        "section",
        tag("h2", "Domains", id="domains-heading"),
        _form(query) if status.domains else None,
        tag("div", _found(status, query), id="domains-found", data_live=True),
        id="domains",
        aria_labelledby="domains-heading",
    )


def _form(query: Query) -> Html:
    orders = {"": TROUBLE, **{column.name: column.header for column in COLUMNS}}
    return search(
        query.words,
        "/#domains",
        name="Domains",
        label="Name, id, type or state",
        identifier="filter",
        button="Filter",
        longest=LONGEST,
        more=join(choice("sort", "Sort by", orders, query.sort), query.view.hidden()),
    )


def ordered(found: Sequence[DomainRow], sort: str) -> list[DomainRow]:
    """The domains in the order of a column: unknown values last, else the most relevant first."""
    rows = sorted(found, key=relevance)
    column = _BY_NAME.get(sort.removeprefix("-"))
    if column is None:
        return rows
    backwards = column.number != sort.startswith("-")
    known = [(column.key(row), row) for row in rows]
    there = [each for each in known if each[0] is not None]
    there.sort(key=lambda each: each[0], reverse=backwards)
    return [row for _, row in there] + [row for key, row in known if key is None]


def _found(status: HostStatus, query: Query) -> Html:
    if status.domains is None:
        return tag("p", "The domains could not be read.", class_="unknown")
    found = ordered([row for row in status.domains if matches(row, query.words)], query.sort)
    start = query.start if query.start < len(found) else 0
    shown = found[start : start + SHOWN]
    if not shown:
        return tag("p", f"None of {len(status.domains)} domains match.")
    first = f"{start + 1} to {start + len(shown)} of " if start else f"{len(shown)} of "
    match = f" found among {len(status.domains)}" if query.words else ""
    part = first if len(shown) < len(found) else ""
    caption = f"{part}{counted(len(found), 'domain')}{match}"
    known, header = vms.of(status), [_head(column, query) for column in COLUMNS]
    rows = [_row(row, known) for row in shown]
    if any(row.served_by for row in status.domains):
        header.append(Head(DRIVER_DOMAINS))
        for cells, row in zip(rows, shown, strict=True):
            served = [
                [", " if place else None, known.domain(str(domid))]
                for place, domid in enumerate(row.served_by)
            ]
            cells.append(Cell(tag("span", *served), free=True, extra=not row.served_by))
    return join(table(caption, header, rows, dense=True), _pages(query, start, len(found)))


def _pages(query: Query, start: int, number: int) -> Html | None:
    before, after = start - SHOWN, start + SHOWN
    links = [
        *([(f"Previous {SHOWN}", max(0, before))] if start else []),
        *([(f"Next {min(SHOWN, number - after)}", after)] if after < number else []),
    ]
    if not links:
        return None
    items = [tag("a", text, href=query.href(start=at)) for text, at in links]
    return tag("nav", items, class_="pages", aria_label="Pages of domains")


def _head(column: Column, query: Query) -> Head:
    """The head of a column: a click sorts by it, a second one the other way round."""
    is_sorted, backwards = query.sort.removeprefix("-") == column.name, query.sort.startswith("-")
    sort = f"-{column.name}" if is_sorted and not backwards else column.name
    direction = "ascending" if column.number == backwards else "descending"
    return Head(column.header, query.href(sort=sort), direction if is_sorted else None)


def _row(domain: DomainRow, known: vms.Vms) -> list[Cell]:
    name = _unknown() if domain.name is None else untrusted(domain.name)
    named = tag("a", name, href=known.address(domain)) if domain.domid else name
    unwell = domain.broken != ()
    return [
        Cell(str(domain.domid), number=True),
        Cell(named, heading=True),
        Cell(domain.type or _unknown(), extra=True),
        Cell(domain.state or _unknown()),
        Cell(_vcpus(domain), number=True, extra=True),
        Cell(_number(domain.memory_bytes, "bytes"), number=True),
        Cell(_number(domain.disks), number=True, extra=True),
        Cell(_number(domain.vifs), number=True, extra=True),
        Cell(_number(domain.event_channels), number=True, extra=True),
        Cell(_broken(domain), free=True, extra=not unwell),
    ]


def _vcpus(domain: DomainRow) -> str:
    if domain.vcpus_online == domain.vcpus_max:
        return _number(domain.vcpus_max)
    return join(_number(domain.vcpus_online), " of ", _number(domain.vcpus_max))


def _number(value: int | None, unit: str = "") -> str:
    return _unknown() if value is None else quantity(value, unit)


def _broken(domain: DomainRow) -> Html:
    if domain.broken is None:
        return _unknown()
    if not domain.broken:
        return tag("span", "none", class_="muted")
    return tag(
        "ul", [tag("li", untrusted(device)) for device in domain.broken], class_="plain trouble"
    )


def _unknown() -> Html:
    return tag("span", "unknown", class_="unknown")
