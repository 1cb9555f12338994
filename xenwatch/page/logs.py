"""The part of the page that shows messages of trouble in the logs of dom0's kernel and of Xen."""

from __future__ import annotations

from typing import Final

from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.tables import Cell, table
from xenwatch.page.times import moment
from xenwatch.status.host_status import HostStatus
from xenwatch.status.log_row import LogRow

HEADER: Final = ("Log", "Kind", "Last 15 minutes", "Since start", "Before", "Last message")


def section(status: HostStatus) -> Html:
    """The kinds of messages that there are."""
    return tag(
        "section",
        tag("h2", "Log messages", id="logs-heading"),
        table("Messages of trouble, by log and kind", HEADER, [_row(row) for row in status.logs])
        if status.logs
        else tag("p", "No messages of trouble in the logs that were read."),
        id="logs",
        aria_labelledby="logs-heading",
        data_live=True,
    )


def _row(row: LogRow) -> list[Cell]:
    link = row.runbook_url.startswith(("https://", "http://", "/"))
    name = tag("a", row.runbook, href=row.runbook_url) if link else tag("span", row.runbook)
    when = join([moment(row.time), ", "]) if row.time is not None else None
    return [
        Cell(row.log, heading=True),
        Cell(row.kind),
        Cell(str(row.recent), number=True),
        Cell(str(row.counted), number=True),
        Cell(str(row.earlier), number=True),
        Cell(
            join([tag("div", untrusted(row.text)), tag("div", when, name, class_="muted")]),
            free=True,
        ),
    ]
