"""What only xenstored has of the domains: their names, and whose QEMU a stubdomain runs.

Named keys only, never a walk: a walk over 50 guests kept xenstored busy for 45 s. Known keys are
read again in slices, one slice per pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from xenwatch.parse import xenstore
from xenwatch.probes.base import DOMAIN, DOMAIN_SETTLED, Probe
from xenwatch.probes.domains import list_uuids
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.xenstore import Xenstore
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

SLICE: Final = 64
"""Known keys read again in one pass: xenstored serves one request at a time."""

STUBDOMAIN: Final = b"-dm"
"""What the name of a stubdomain ends with (Xen, libxl__stub_dm_name in libxl_dm.c)."""
_DOMID = re.compile(rb"\d{1,5}\Z")
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class _Names:
    """The names last read, and the position of the next slice."""

    last: Xenstore
    cursor: int


NO_NAMES: Final = _Names(Xenstore({}), 0)


def read_names(source: Source, context: Snapshot, memory: _Names) -> tuple[Xenstore, _Names]:
    """Names and stubdomains. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    uuids = list_uuids(source, context)
    if context.xenstore is None:  # after a failure read everything again
        memory = NO_NAMES
    last = memory.last
    names = {key: last.names[key] for key in uuids.items() if key in last.names}
    stubdomains = {key: last.stubdomains[key] for key in names if key in last.stubdomains}
    unknown = [key for key in uuids.items() if key not in names]
    again, cursor = rotation(sorted(names), memory.cursor)
    for key in {(0, uuids.get(0, "")), *unknown, *again}:
        names.pop(key, None)
        stubdomains.pop(key, None)
        name = read_key(source, f"/local/domain/{key[0]}/name")
        if name is not None:
            names[key] = name
        target = _target(source, key[0]) if name and name.endswith(STUBDOMAIN) else None
        if target is not None:
            stubdomains[key] = target
    found = Xenstore(names, stubdomains)
    return found, _Names(found, cursor)


def _target(source: Source, domid: int) -> int | None:
    """The domain whose QEMU a stubdomain runs; `None` where it is none.

    Xen, docs/misc/stubdom.txt.
    """
    value = read_key(source, f"/local/domain/{domid}/target")
    return int(value) if value is not None and _DOMID.match(value) else None


def read_key(source: Source, path: str) -> bytes | None:
    """A key's value, `None` where it does not exist. Raises `SourceError` on any other error."""
    reply = source.xenstore(xenstore.READ, xenstore.path_payload(path))
    error_name = xenstore.refusal(reply)
    if error_name == "ENOENT":
        return None
    if error_name is not None:
        raise SourceError(f"xenstore {path}", error_name)
    return reply.payload


def rotation(items: Sequence[_Item], cursor: int, size: int = SLICE) -> tuple[Sequence[_Item], int]:
    """The next `size` of `items` from `cursor` on, and the cursor after them."""
    if len(items) <= size:
        return items, 0
    start = cursor % len(items)
    turned = (*items[start:], *items[:start])[:size]
    return turned, (start + size) % len(items)


XENSTORE = Probe(
    name="xenstore",
    reads="the name of every domain, and the target of stubdomains, from xenstored's socket or "
    "/dev/xen/xenbus",
    advice="check that xenstored answers: xenstore-read domid; its descriptors may be exhausted",
    read=read_names,
    memory=NO_NAMES,
    events=frozenset({DOMAIN, DOMAIN_SETTLED}),
    asks=frozenset({"xenstored"}),
)
