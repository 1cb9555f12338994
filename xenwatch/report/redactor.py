"""Redacts what is reported of a record, like a capture redacted with the same key."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Final

from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Active, Alerts
from xenwatch.exposition.text_format import text
from xenwatch.readings.domains import Domain
from xenwatch.readings.log_messages import LogMessages
from xenwatch.readings.snapshot import Snapshot
from xenwatch.record.past import Past
from xenwatch.redaction.names import Names
from xenwatch.redaction.patterns import Patterns, versions_in
from xenwatch.redaction.tokens import Tokens

_JOURNAL = re.compile(r"(?m)^(\S+ )(\S+)(?= [^\s\[:]+(?:\[\d+\])?: )")
"""Time and host of a line of journald in its short forms, before the program."""
LEFT_OUT: Final = "left out"
"""In place of free text, in which a program cannot know every name."""


class Redactor:
    """Replaces names in moments, from which it learns them, and then in texts.

    `hosts` are names of the host, `releases` versions of kernels, which may look like addresses.
    """

    def __init__(self, key: bytes, hosts: Iterable[str] = (), releases: Iterable[str] = ()) -> None:
        tokens = Tokens(key)
        self._names = Names(tokens, Patterns(tokens, versions_in(releases)))
        self._compiled = False
        for host in hosts:
            self._names.host(host.encode())

    def past(self, past: Past) -> Past:
        """The same moment with other names of VMs, and without free text."""
        snapshot = past.snapshot
        self._learn(snapshot)
        domains, xenstore = snapshot.domains, snapshot.xenstore
        if domains is not None:
            listed = tuple(self._domain(snapshot, domain) for domain in domains.domains)
            restarted = tuple(
                dataclasses.replace(one, name=None if one.name is None else self._vm(one.name))
                for one in domains.restarted
            )
            domains = dataclasses.replace(domains, domains=listed, restarted=restarted)
        if xenstore is not None:
            names = {key: self._vm(name) for key, name in xenstore.names.items()}
            xenstore = dataclasses.replace(xenstore, names=names)
        return dataclasses.replace(
            past,
            snapshot=dataclasses.replace(
                snapshot,
                domains=domains,
                xenstore=xenstore,
                kernel_log=_without_text(snapshot.kernel_log),
                xen_console=_without_text(snapshot.xen_console),
            ),
            alerts=None if past.alerts is None else self._alerts(past.alerts),
            maintenance=past.maintenance and Maintenance(past.maintenance.until),
        )

    def text(self, said: str) -> str:
        """A text with other names; from then on no more are learnt."""
        if not self._compiled:
            self._names.compile()
            self._compiled = True
        return self._names.text(said.encode(errors="surrogateescape")).decode(
            errors="surrogateescape"
        )

    def journal(self, said: str) -> str:
        """Lines of the journal, which have the name of the host, with other names."""

        def begin(match: re.Match[str]) -> str:
            host = self._names.host(match[2].encode(errors="surrogateescape"))
            return match[1] + host.decode(errors="surrogateescape")

        return self.text(_JOURNAL.sub(begin, said))

    def _domain(self, snapshot: Snapshot, domain: Domain) -> Domain:
        name = snapshot.name(domain)
        return dataclasses.replace(domain, name=None if name is None else self._vm(name))

    def _vm(self, name: bytes) -> bytes:
        return self._names.vm(text(name).encode())

    def _alerts(self, alerts: Alerts) -> Alerts:
        active = {key: self._active(one) for key, one in alerts.active.items()}
        return dataclasses.replace(alerts, active=active)

    def _active(self, active: Active) -> Active:
        labels = tuple(
            (name, self._names.vm(value.encode()).decode() if name == "name" else value)
            for name, value in active.labels
        )
        return dataclasses.replace(active, labels=labels, detail="")

    def _learn(self, snapshot: Snapshot) -> None:
        """Learn the names of networks, storage and files of a moment."""
        for name in _networks(snapshot):
            self._names.interface(name.encode(errors="surrogateescape"))
        for name in _volumes(snapshot):
            self._names.volume(name.encode(errors="surrogateescape"))
        for path in _places(snapshot):
            self._names.place(path.encode(errors="surrogateescape"))


def _networks(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.bridges is not None:
        yield from snapshot.bridges.ports
    if snapshot.uplinks is not None:
        yield from snapshot.uplinks.nics


def _volumes(snapshot: Snapshot) -> Iterator[str]:
    for names in (
        snapshot.thin_pools.by_name if snapshot.thin_pools else (),
        snapshot.volume_groups.by_name if snapshot.volume_groups else (),
        snapshot.multipath.maps if snapshot.multipath else (),
    ):
        for name in names:
            yield from name.split("/")


def _places(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.file_systems is not None:
        yield from snapshot.file_systems.by_mount_point
    if snapshot.storage_repositories is not None:
        for repository in snapshot.storage_repositories.by_uuid.values():
            yield repository.mount_point


def _without_text(messages: LogMessages | None) -> LogMessages | None:
    if messages is None:
        return None
    last = {kind: dataclasses.replace(one, text=LEFT_OUT) for kind, one in messages.last.items()}
    return dataclasses.replace(messages, last=last)
