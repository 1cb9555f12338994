"""The part of the page that lists what happened in a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from xenwatch.alerts.names import CRITICAL
from xenwatch.display.text import counted
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.times import asked, moment
from xenwatch.values import dataclass

SHOWN: Final = 25
"""Events shown; the ones before are folded."""
MOST: Final = 500
"""Events listed at all."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event at a Unix time: its line, in which `vms` stand between `before` and `after`.

    They are name and UUID, which is empty if there is no page of it then. `severity` is that of an
    alert, else empty.
    """

    time: float
    severity: str
    before: str
    vms: Sequence[tuple[str, str]] = ()
    after: str = ""


def listed(events: Sequence[Happened], *, whole: bool = True) -> Html:
    """The events, ascending, with links to their moments and to the VMs as they were then.

    `whole` is whether all of the range was read.
    """
    newest = events[-MOST:]
    folded, shown = newest[:-SHOWN], newest[-SHOWN:]
    left = len(events) - len(newest)
    return join(
        tag("h3", "What happened"),
        tag("p", f"{counted(left, 'earlier event')} not shown; see xenwatch replay --list.")
        if left
        else None,
        tag("details", tag("summary", counted(len(folded), "earlier event")), _list(folded))
        if folded
        else None,
        _list(shown)
        if shown
        else tag("p", "No events." if whole else "No events read yet.", class_="muted"),
    )


def _list(events: Sequence[Happened]) -> Html:
    return tag("ul", [_event(each) for each in events], class_="plain events")


def _event(event: Happened) -> Html:
    at = asked(event.time)
    names: list[str] = []
    for name, uuid in event.vms:
        address = f"/vm/{quote(uuid, safe='')}?at={at}"
        known = untrusted(name or uuid)
        names += [tag("a", known, href=address) if uuid else known, ", "]
    return tag(
        "li",
        tag("a", moment(event.time), href=f"/?at={at}"),
        tag(
            "span",
            untrusted(event.before),
            names[:-1],
            untrusted(event.after) if event.after else None,
            class_="trouble" if event.severity == CRITICAL else None,
        ),
    )
