"""The page of a pool: its hosts side by side, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from xenwatch.display.text import counted
from xenwatch.page.charts import percent
from xenwatch.page.document import Links, document, encoded, header
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.tables import Cell, table
from xenwatch.status.host_status import HostStatus
from xenwatch.status.pool import HostRow, Room

PATH: Final = "/pool"
HEADER: Final = ("Host", "State", "Most urgent limit", "Used", "Alerts", "More VMs fit", "Domains")
HOW: Final = (
    'To show other hosts, set pool.members = ["http://HOST:10730"] or '
    'pool.prometheus = "http://HOST:9090" in the configuration.'
)


def render(rows: Sequence[HostRow], status: HostStatus, links: Links, left_out: int = 0) -> bytes:
    """The page as UTF-8; `status` is that of this host, `left_out` counts hosts not shown."""
    counts = Counter(row.state for row in rows)
    facts = ", ".join(f"{number} {state}" for state, number in counts.items())
    shown = tag(
        "section",
        tag("h2", "Hosts", id="hosts-heading"),
        table(counted(len(rows), "host"), HEADER, [_row(row) for row in rows]),
        None if len(rows) > 1 else tag("p", HOW),
        tag("p", f"{counted(left_out, 'more host')} not shown.") if left_out else None,
        id="hosts",
        aria_labelledby="hosts-heading",
        data_live=True,
    )
    home = tag("a", status.hostname or "This host", href="/")
    up = tag("nav", home, class_="up", aria_label="Where this is")
    top = header(status, "Pool", tag("p", facts, id="facts", data_live=True))
    return encoded(document("Pool", join(up, top), [shown], status, links))


def _row(row: HostRow) -> list[Cell]:
    name = untrusted(row.name)
    if row.url is not None:
        name = tag("a", name, href=f"{row.url}/" if row.url else "/")
    version = f"xenwatch {row.version}"[:30] if row.version else ""
    about = ", ".join(filter(None, (row.mark, row.host, version)))
    return [
        Cell(
            tag("span", name, tag("span", " ", untrusted(about), class_="muted about"))
            if row.time is not None
            else tag("span", name),
            heading=True,
        ),
        Cell(tag("span", row.state, class_=f"badge {row.state}")),
        Cell(tag("span", _limit(row)), free=True),
        Cell(percent(row.ratio) or _unknown(), number=True),
        Cell(tag("span", _alerts(row))),
        Cell(tag("span", _headroom(row)), free=True),
        Cell(tag("span", _domains(row)), number=True),
    ]


def _limit(row: HostRow) -> Html:
    if row.reason:
        return tag("span", untrusted(row.reason), class_="unknown")
    return untrusted(row.fullest) if row.fullest else _unknown()


def _alerts(row: HostRow) -> Html:
    if row.critical is None or row.warning is None:
        return _unknown()
    if not row.critical and not row.warning:
        return tag("span", "none", class_="muted")
    text = f"{row.critical} critical, {row.warning} warning"
    return tag("span", text, class_="trouble" if row.critical else None)


def _headroom(row: HostRow) -> Html:
    if not row.headroom:
        return _unknown()
    return join(*map(_fits, row.headroom), f"and {row.left_out} more" if row.left_out else None)


def _fits(room: Room) -> Html:
    """How many of a shape fit, red where none does."""
    if room.at_most == 0:
        return tag("span", untrusted(f"{room.shape}: 0 "), class_="trouble")
    number = "?" if room.at_most is None else f"{'' if room.exact else '≤ '}{room.at_most}"
    return tag("span", untrusted(f"{room.shape}: {number} "))


def _domains(row: HostRow) -> Html:
    if row.domains is None:
        return _unknown()
    if row.broken is None:
        return join(str(row.domains), ", broken: ", _unknown())
    broken = tag("span", f", {row.broken} broken", class_="trouble") if row.broken else None
    return join(str(row.domains), broken)


def _unknown() -> Html:
    return tag("span", "unknown", class_="unknown")
