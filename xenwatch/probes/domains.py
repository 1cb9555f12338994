"""The domains: one hypercall lists them all, so a stuck xenstored hides none."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from xenwatch.parse import domaininfo, xenstore, xenversion
from xenwatch.parse.domaininfo import DomainInfo, Layout
from xenwatch.parse.errors import ParseError
from xenwatch.parse.text import uname
from xenwatch.probes.base import DOMAIN, DOMAIN_SETTLED, Probe
from xenwatch.probes.restarts import Lives
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

CHUNK: Final = 256
"""Domains a hypercall: their records fit the argument buffer."""
_VM_PATH = re.compile(rb"/vm/([0-9a-f-]{36})")
_DOMID = re.compile(r"[0-9]{1,5}\Z")
_NANOSECONDS: Final = 1e9


Names = Mapping[tuple[int, str], bytes]


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is kept from run to run.

    The domains' names by domid and UUID, while xenstored does not answer, and the VMs there were.
    """

    names: Names
    lives: Lives


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[Domains, _Memory]:
    """All domains. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    found, names = _domains(source, context, memory.names)
    known = context.xenstore.names if context.xenstore is not None else {}
    lives = memory.lives.after(found.domains, context.instant, known)
    found = replace(found, restarts=lives.restarts, restarted=lives.restarted(context.instant))
    return found, _Memory(names, lives)


def _domains(source: Source, context: Snapshot, before: Names) -> tuple[Domains, Names]:
    """The domains and their names, which xenstore alone does not tell."""
    try:
        infos = list_domains(source, context)
    except (SourceError, ParseError) as error:
        try:
            return _from_xenstore(source, str(error)), before
        except (SourceError, ParseError) as second:
            raise SourceError("domains", f"{error}; fallback {second}") from second
    names = {**before, **(context.xenstore.names if context.xenstore is not None else {})}
    domains = tuple(_domain(info, names.get((info.domid, info.uuid))) for info in infos)
    kept = {
        (domain.domid, domain.uuid): domain.name for domain in domains if domain.name is not None
    }
    return Domains(domains, "hypercall"), kept


def this_layout(source: Source) -> Layout:
    """The layout of this Xen's records. Raises `SourceError` and `ParseError`.

    It is unknown for an architecture or a version of Xen that is.
    """
    reply = source.hypercall(xenversion.version_call())
    if reply.result < 0:
        raise SourceError.from_number("XENVER_version", -reply.result)
    version = xenversion.parse_version(reply.result)
    machine = uname(source.uname())[3]
    layout = domaininfo.layout_of(machine, version)
    if layout is None:
        raise SourceError(
            "sysctl", f"layout of Xen {version[0]}.{version[1]} on {machine} is unknown"
        )
    return layout


def list_domains(source: Source, context: Snapshot) -> tuple[DomainInfo, ...]:
    """The hypervisor's own list. Raises `SourceError` and `ParseError`."""
    layout = this_layout(source)
    memory = context.host_memory
    pages = None if memory is None else memory.total // domaininfo.PAGE
    infos: list[DomainInfo] = []
    first = 0
    while first < domaininfo.FIRST_RESERVED:
        found = _chunk(source, layout, first, pages)
        infos += found
        if len(found) < CHUNK:
            break
        first = found[-1].domid + 1
    if not infos:
        raise SourceError("XEN_SYSCTL_getdomaininfolist", "listed no domains, not even dom0")
    return tuple(infos)


def list_uuids(source: Source, context: Snapshot) -> dict[int, str]:
    """UUIDs by domid, as the probe `domains` has read them; Xen's own list where it could not.

    Without either, xenstore's domains, whose UUIDs are empty. Raises `SourceError` and
    `ParseError`.
    """
    if context.domains is not None:
        return {domain.domid: domain.uuid for domain in context.domains.domains}
    try:
        return {info.domid: info.uuid for info in list_domains(source, context)}
    except (SourceError, ParseError) as error:
        try:
            return dict.fromkeys(_xenstore_domids(source), "")
        except (SourceError, ParseError) as second:
            raise SourceError("domains", f"{error}; fallback {second}") from second


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


def _chunk(source: Source, layout: Layout, first: int, pages: int | None) -> tuple[DomainInfo, ...]:
    reply = source.hypercall(domaininfo.list_call(layout, first, CHUNK))
    if reply.result == -errno.EACCES:
        reason = f"rejected: Xen's sysctl interface version is not {layout.sysctl:#x}"
        raise SourceError("XEN_SYSCTL_getdomaininfolist", reason, errno.EACCES)
    if reply.result < 0:
        raise SourceError.from_number("XEN_SYSCTL_getdomaininfolist", -reply.result)
    infos = domaininfo.parse_list(layout, reply.block)
    doubt = domaininfo.implausible(layout, reply.block, infos, pages)
    if doubt is not None:
        raise SourceError("XEN_SYSCTL_getdomaininfolist", f"implausible: {doubt}")
    return infos


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


def _from_xenstore(source: Source, reason: str) -> Domains:
    """The domains from xenstore alone, domids and UUIDs, and why not from Xen."""
    domains = tuple(_named(source, domid) for domid in _xenstore_domids(source))
    return Domains(domains, "xenstore", reason)


def _xenstore_domids(source: Source) -> list[int]:
    names = xenstore_directory(source, "/local/domain")
    domids = sorted(int(name) for name in names if _DOMID.match(name))
    if not domids:
        raise SourceError("xenstore /local/domain", "listed no domains, not even dom0")
    return domids


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
    memory=_Memory({}, Lives()),
    events=frozenset({DOMAIN, DOMAIN_SETTLED}),
)
