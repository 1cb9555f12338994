"""The part of the page that shows the domains: broken ones first, and a filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.display.quantities import quantity
from xenwatch.display.text import counted
from xenwatch.page.document import search
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.tables import Cell, table
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import HostStatus
from xenwatch.status.order import relevance

SHOWN: Final = 50
"""Max domains on the page: a host may have thousands."""
LONGEST: Final = 100
"""Max characters of a query; more are ignored."""
HEADER: Final = (
    "Id",
    "Name",
    "Type",
    "State",
    "vCPUs",
    "Memory",
    "Disks",
    "Interfaces",
    "Event channels",
    "Broken devices",
)
DRIVER_DOMAINS: Final = "Driver domains"
"""The header of one more column, where other domains than dom0 serve devices."""


def matches(domain: DomainRow, query: str) -> bool:
    """Whether every word of the query is in the id, name, UUID, type or state."""
    parts = (str(domain.domid), domain.name, domain.uuid, domain.type, domain.state)
    text = "\n".join(part.casefold() for part in parts if part)
    return all(word in text for word in query.casefold().split())


def section(status: HostStatus, query: str) -> Html:
    """The domains that match the query, at most `SHOWN`."""
    return tag(
        "section",
        tag("h2", "Domains", id="domains-heading"),
        _form(query) if status.domains else None,
        tag("div", _found(status, query), id="domains-found", data_live=True),
        id="domains",
        aria_labelledby="domains-heading",
    )


def _form(query: str) -> Html:
    return search(
        query,
        "/#domains",
        name="Domains",
        label="Name, id, type or state",
        identifier="filter",
        button="Filter",
        longest=LONGEST,
    )


def _found(status: HostStatus, query: str) -> Html:
    if status.domains is None:
        return tag("p", "The domains could not be read.", class_="unknown")
    found = sorted((row for row in status.domains if matches(row, query)), key=relevance)
    shown = found[:SHOWN]
    if not shown:
        return tag("p", f"None of {len(status.domains)} domains match.")
    first = f"{len(shown)} of " if len(shown) < len(found) else ""
    match = f" found among {len(status.domains)}" if query else ""
    caption = f"{first}{counted(len(found), 'domain')}{match}"
    rows = [_row(row) for row in shown]
    if not any(row.served_by for row in status.domains):
        return table(caption, HEADER, rows)
    names = {row.domid: row.name for row in status.domains}
    served = [[*cells, _served_by(row, names)] for row, cells in zip(shown, rows, strict=True)]
    return table(caption, (*HEADER, DRIVER_DOMAINS), served)


def _served_by(domain: DomainRow, names: Mapping[int, str | None]) -> Cell:
    """The driver domains that serve its devices, which dom0 does not."""
    words = (f"{domid} {names.get(domid) or ''}".rstrip() for domid in domain.served_by)
    return Cell(untrusted(", ".join(words)), free=True)


def _row(domain: DomainRow) -> list[Cell]:
    name = _unknown() if domain.name is None else untrusted(domain.name)
    return [
        Cell(str(domain.domid), number=True),
        Cell(name, heading=True),
        Cell(domain.type or _unknown()),
        Cell(domain.state or _unknown()),
        Cell(_vcpus(domain), number=True),
        Cell(_number(domain.memory_bytes, "bytes"), number=True),
        Cell(_number(domain.disks), number=True),
        Cell(_number(domain.vifs), number=True),
        Cell(_number(domain.event_channels), number=True),
        Cell(_broken(domain), free=True),
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
