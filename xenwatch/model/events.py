"""Events of the synthetic host: links, domains and backends that came, went or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xenwatch.model.render.rtnl import render_event, reported
from xenwatch.model.render.xenstore import render_watch_event
from xenwatch.model.state import DYING, Dom0
from xenwatch.parse.rtnl import Link
from xenwatch.sources.base import DOMAINS, LINKS
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Announced:
    """The links by index, the ids of the domains that are not dying, and the backends' states."""

    links: Mapping[int, Link]
    domains: frozenset[int]
    backends: Mapping[str, str]


def announced(dom0: Dom0) -> Announced:
    """What the events so far add up to."""
    links = {link.index: link for link in reported(dom0.links.values(), dom0.platform.kernel)}
    alive = (domid for domid, domain in dom0.domains.items() if domain.state != DYING)
    return Announced(links, frozenset(alive), dom0.backends.copy())


def messages(topic: str, before: Announced, now: Announced) -> bytes:
    """The events on a topic between two states; there are none of processes."""
    if topic == LINKS:
        return b"".join(_links(before.links, now.links))
    if topic == DOMAINS:
        introduced, released = now.domains - before.domains, before.domains - now.domains
        told = ["@introduceDomain"] * len(introduced) + ["@releaseDomain"] * len(released)
        changed = dict(before.backends.items() ^ now.backends.items())
        told += [f"backend/{bus_id.replace('-', '/')}/state" for bus_id in sorted(changed)]
        return b"".join(render_watch_event(path) for path in told)
    return b""


def _links(before: Mapping[int, Link], now: Mapping[int, Link]) -> Iterator[bytes]:
    for index, link in before.items():
        if index not in now:
            yield render_event(link, gone=True)
    for index, link in now.items():
        if before.get(index) != link:
            yield render_event(link)
