"""Readings: the ways to the storage: multipath maps, iSCSI sessions, NFS mounts."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class MultipathMap:
    """A multipath map: the paths it should have, and how many of them do not work.

    `paths` are those it has, or as many as have worked at once since it was first seen, whichever
    is more. `down` is `None` where the state of a path is unknown.
    """

    paths: int
    down: int | None


@dataclass(frozen=True, slots=True)
class Multipath:
    """The multipath maps by name; `fallback` is why multipathd did not tell of their paths."""

    maps: Mapping[str, MultipathMap]
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class IscsiSession:
    """A session with an iSCSI target; `portal` is address and port, empty where unknown.

    `logged_in` is `None` for a state that is not known.
    """

    target: str
    portal: str
    logged_in: bool | None


@dataclass(frozen=True, slots=True)
class IscsiSessions:
    """The sessions of this host as an initiator, by number."""

    sessions: Mapping[str, IscsiSession]


@dataclass(frozen=True, slots=True)
class NfsRequests:
    """Completed requests to a server since the mount: repeated transmissions, and timeouts."""

    retransmissions: int
    timeouts: int


@dataclass(frozen=True, slots=True)
class NfsRepositories:
    """The storage repositories on NFS, by UUID."""

    by_uuid: Mapping[str, NfsRequests]
