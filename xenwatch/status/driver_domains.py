"""Driver domains in words: which domain but dom0 serves a device, with its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from xenwatch.exposition.text_format import text
from xenwatch.readings.devices import DeviceKey
from xenwatch.readings.snapshot import Snapshot

Names = Mapping[int, str]
"""Names by domid, empty where unknown; of dom0 there is none."""


def names(snapshot: Snapshot) -> Names:
    """The names of all domains but dom0."""
    domains = snapshot.domains.domains if snapshot.domains is not None else ()
    return {domain.domid: text(snapshot.name(domain) or b"") for domain in domains if domain.domid}


def served_by(snapshot: Snapshot) -> Mapping[int, tuple[int, ...]]:
    """By domain: the driver domains that serve its devices."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    devices = snapshot.xenstore_devices
    for key in devices.elsewhere if devices is not None else ():
        found[key.domid].add(key.backend_domid)
    return {domid: tuple(sorted(domids)) for domid, domids in found.items()}


def server(key: DeviceKey, known: Names) -> str:
    """The driver domain that serves a device, as the end of a sentence; empty if it is dom0."""
    if not key.backend_domid:
        return ""
    served = f", served by domain {key.backend_domid}"
    if known and key.backend_domid not in known:
        return f"{served}, which does not exist"
    return served + in_brackets(known.get(key.backend_domid, ""))


def in_brackets(name: str) -> str:
    """A name as an addition, or nothing."""
    return f" ({name})" if name else ""
