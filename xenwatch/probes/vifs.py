"""Network interfaces of domains as dom0's kernel has them, and the scripts that set them up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from xenwatch.parse import netdev
from xenwatch.parse.rtnl import Link, parse_links
from xenwatch.probes.xen import list_optional
from xenwatch.probes.xenstore import read_key
from xenwatch.readings.datapath import Hotplug, Vif
from xenwatch.readings.openvswitch import OpenVswitch
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import resolve
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

VIF: Final = re.compile(r"vif(\d{1,5})\.(\d{1,5})\Z")
"""An interface's name: domid and device id."""
READ: Final = 16
"""Interfaces whose keys are read in one pass: xenstored serves one request at a time."""
XAPI: Final = "vif"
"""The name of xapi's script."""

Place = tuple[int, bool]
"""A link by its index, and whether it has a master: what is known holds until that changes."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of interfaces: how doubtful ones are attached, and the queues of all by name.

    The queues are those of `links`: while a source gives the very same ones, nothing has happened
    to an interface.
    """

    hotplugs: Mapping[Place, Hotplug] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    queues: Mapping[str, int | None] = field(default_factory=dict)


def read_vifs(source: Source, context: Snapshot, known: Known) -> tuple[Mapping[str, Vif], Known]:
    """Interfaces by name, and what is now known of them.

    Raises `SourceError` and `ParseError`.
    """
    counters = netdev.parse_net_dev(source.read("/proc/net/dev"))
    reports_masters = bool(resolve(context.host).linux.masters)
    every = parse_links(source.links())
    links = [link for link in every if VIF.match(link.name)]
    switch = context.openvswitch or OpenVswitch({})
    tagless = switch.untagged([link.name for link in links])
    doubtful = [link for link in links if link.master is None or link.name in tagless]
    hotplugs, failed = _hotplugs(source, context, doubtful, known.hotplugs)
    queues = known.queues
    if every is not known.links:
        queues = {link.name: _queues(source, link.name) for link in links}
    found = {}
    for link in links:
        row = counters.get(link.name)
        found[link.name] = Vif(
            _numbers(link)[0],
            queues[link.name],
            (link.master is not None) or (False if reports_masters else None),
            None if row is None else row[netdev.RX_DROPPED],
            None if row is None else row[netdev.TX_DROPPED],
            link.up,
            hotplugs.get(_place(link), Hotplug("") if failed else None),
        )
    return found, Known(hotplugs, every, queues)


def _hotplugs(
    source: Source, context: Snapshot, links: Sequence[Link], known: Mapping[Place, Hotplug]
) -> tuple[Mapping[Place, Hotplug], bool]:
    """How these links are attached, and whether xenstored failed to give that of one.

    Each is read once, and only those that may not be as they should. On a host with a thousand
    routed interfaces that takes 63 passes.
    """
    uuids = {}
    if context.domains is not None:
        uuids = {domain.domid: domain.uuid for domain in context.domains.domains}
    found = {place: known[place] for place in map(_place, links) if place in known}
    new = [link for link in links if _place(link) not in found]
    for link in new[:READ]:
        domid, devid = _numbers(link)
        try:
            found[_place(link)] = _hotplug(source, domid, devid, uuids.get(domid))
        except SourceError:
            return found, True
    return found, False


def _hotplug(source: Source, domid: int, devid: int, uuid: str | None) -> Hotplug:
    """The key `script` of the backend, and of an interface of xapi its locking mode.

    xen-api, ocaml/xenopsd/scripts/vif-real and setup-vif-rules.
    """
    path = read_key(source, f"/local/domain/0/backend/vif/{domid}/{devid}/script") or b""
    script = path.rpartition(b"/")[2].decode("utf-8", "replace")
    if script != XAPI or uuid is None:
        return Hotplug(script)
    mode = read_key(source, f"/xapi/{uuid}/private/vif/{devid}/locking-mode")
    return Hotplug(script, mode == b"disabled")


def _place(link: Link) -> Place:
    return link.index, link.master is not None


def _numbers(link: Link) -> tuple[int, int]:
    """Domid and device id of an interface."""
    domid, _, devid = link.name.removeprefix("vif").partition(".")
    return int(domid), int(devid)


def _queues(source: Source, name: str) -> int | None:
    queues = list_optional(source, f"/sys/class/net/{name}/queues")
    return None if queues is None else sum(queue.startswith("tx-") for queue in queues)
