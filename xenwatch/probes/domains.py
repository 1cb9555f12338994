"""The domains: one hypercall lists them all, so a stuck xenstored hides none."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.parse import domaininfo, xenstore, xenversion
from xenwatch.parse.domaininfo import DomainInfo, Layout
from xenwatch.parse.errors import ParseError
from xenwatch.probes.base import DOMAIN, DOMAIN_SETTLED, Probe
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

CHUNK: Final = 256
"""Domains a hypercall: their records fit the argument buffer."""
DOMIDS: Final = 0x7FF0
"""DOMID_FIRST_RESERVED (xen/include/public/xen.h)."""
_VM_PATH = re.compile(rb"/vm/([0-9a-f-]{36})")
_NANOSECONDS: Final = 1e9


@dataclass(frozen=True, slots=True)
class _Memory:
    """The domains' names by domid and UUID, kept while xenstored does not answer."""

    names: Mapping[tuple[int, str], bytes]


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[Domains, _Memory]:
    """All domains. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    try:
        infos = list_domains(source)
    except SourceError as error:
        try:
            return _from_xenstore(source), memory
        except (SourceError, ParseError) as second:
            raise SourceError("domains", f"{error}; fallback {second}") from second
    names = {**memory.names, **(context.xenstore.names if context.xenstore is not None else {})}
    domains = tuple(_domain(info, names.get((info.domid, info.uuid))) for info in infos)
    kept = {
        (domain.domid, domain.uuid): domain.name for domain in domains if domain.name is not None
    }
    return Domains(domains, "hypercall"), _Memory(kept)


def this_layout(source: Source) -> Layout:
    """The record layout of this Xen's sysctl interface. Raises `SourceError` when it is unknown."""
    reply = source.hypercall(xenversion.version_call())
    if reply.result < 0:
        raise SourceError("XENVER_version", os.strerror(-reply.result), errno=-reply.result)
    version = xenversion.parse_version(reply.result)
    layout = domaininfo.LAYOUTS.get(version)
    if layout is None:
        raise SourceError(
            "sysctl", f"Xen {version[0]}.{version[1]} is not supported: unknown layout"
        )
    return layout


def list_domains(source: Source) -> tuple[DomainInfo, ...]:
    """The hypervisor's own list. Raises `SourceError` and `ParseError`."""
    layout = this_layout(source)
    infos: list[DomainInfo] = []
    first = 0
    while first < DOMIDS:
        found = _chunk(source, layout, first)
        infos += found
        if len(found) < CHUNK:
            break
        if found[-1].domid < first:
            raise SourceError("XEN_SYSCTL_getdomaininfolist", "listed the same domains twice")
        first = found[-1].domid + 1
    if not infos:
        raise SourceError("XEN_SYSCTL_getdomaininfolist", "listed no domains, not even dom0")
    return tuple(infos)


def xenstore_directory(source: Source, path: str) -> tuple[str, ...]:
    """Names below a xenstore path; empty where the path does not exist.

    For a directory over 4 KiB (about 800 domains) the C xenstored answers E2BIG, and it is read in
    parts (XS_DIRECTORY_PART); oxenstored sends socket clients all of it. Raises `SourceError`.
    """
    payload = xenstore.path_payload(path)
    reply = source.xenstore(xenstore.DIRECTORY, payload)
    error_name = xenstore.refusal(reply)
    if error_name == "E2BIG":
        return xenstore.parse_directory(_in_parts(source, payload))
    if error_name == "ENOENT":
        return ()
    if error_name is not None:
        raise SourceError(f"xenstore {path}", error_name)
    return xenstore.parse_directory(reply.payload)


def _in_parts(source: Source, payload: bytes) -> bytes:
    generation, names = b"", b""
    for _ in range(1 << 10):
        offset = b"%d\0" % len(names)
        reply = source.xenstore(xenstore.DIRECTORY_PART, payload + offset)
        error_name = xenstore.refusal(reply)
        if error_name is not None:
            raise SourceError(f"xenstore {payload[:-1].decode()}", error_name)
        now, _, part = reply.payload.partition(b"\0")
        if names and now != generation:  # the directory changed between two parts: begin again
            generation, names = b"", b""
            continue
        generation, names = now, names + part
        if names in (b"", b"\0") or names.endswith(b"\0\0"):  # an empty name is the end
            return names[:-1]
    raise SourceError(f"xenstore {payload[:-1].decode()}", "kept changing while it was read")


def _chunk(source: Source, layout: Layout, first: int) -> tuple[DomainInfo, ...]:
    reply = source.hypercall(domaininfo.list_call(layout, first, CHUNK))
    if reply.result < 0:
        reason = os.strerror(-reply.result)
        if reply.result == -errno.EACCES:
            reason = f"rejected: Xen's sysctl interface version is not {layout.sysctl:#x}"
        raise SourceError("XEN_SYSCTL_getdomaininfolist", reason, errno=-reply.result)
    return domaininfo.parse_list(layout, reply.block)


def _domain(info: DomainInfo, name: bytes | None) -> Domain:
    return Domain(
        domid=info.domid,
        uuid=info.uuid,
        name=name,
        type=info.type,
        state=info.state,
        vcpus_online=info.online_vcpus,
        vcpus_max=info.vcpus_max,
        memory_bytes=info.tot_pages * domaininfo.PAGE,
        cpu_seconds=info.cpu_time / _NANOSECONDS,
    )


def _from_xenstore(source: Source) -> Domains:
    """The domains from xenstore alone: domids and UUIDs."""
    domids = sorted(
        int(name) for name in xenstore_directory(source, "/local/domain") if name.isdigit()
    )
    if not domids:
        raise SourceError("xenstore /local/domain", "listed no domains, not even dom0")
    return Domains(tuple(_named(source, domid) for domid in domids), "xenstore")


def _named(source: Source, domid: int) -> Domain:
    path = xenstore.path_payload(f"/local/domain/{domid}/vm")
    match = _VM_PATH.match(source.xenstore(xenstore.READ, path).payload)
    uuid = match[1].decode() if match else ""
    return Domain(domid, uuid, None, None, None, None, None, None, None)


DOMAINS = Probe(
    name="domains",
    reads="XEN_SYSCTL_getdomaininfolist through /dev/xen/privcmd, else xenstore /local/domain",
    advice="run as root in dom0 with access to /dev/xen/privcmd or to xenstored's socket",
    read=read,
    memory=_Memory({}),
    events=frozenset({DOMAIN, DOMAIN_SETTLED}),
)
