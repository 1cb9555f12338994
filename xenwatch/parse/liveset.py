"""What xhad tells of the heartbeats of a pool with high availability.

`calldaemon query_liveset` is what xapi's `ha_query_liveset` runs (xenserver/xha, commands/
calldaemon.c, print_query_liveset). What it prints is XML of a fixed form, with one element a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

PROGRAM: Final = "/usr/libexec/xapi/cluster-stack/xhad/calldaemon"
COMMAND: Final = (PROGRAM, "query_liveset")
NO_DAEMON: Final = 14
"""MTC_EXIT_DAEMON_IS_NOT_PRESENT (include/mtcerrno.def)."""
HOSTS_MAX: Final = 64
"""Hosts of a pool (include/xha.h)."""
WARNINGS: Final = (
    "statefile_lost",
    "heartbeat_approaching_timeout",
    "statefile_approaching_timeout",
    "xapi_healthcheck_approaching_timeout",
    "network_bonding_error",
)
"""What xhad warns of on its own host, in lower case."""
ONLINE: Final = "Online"
_SUBJECT: Final = " ".join(COMMAND)
_NEVER: Final = -1
_LEAF = re.compile(r"<(\w{1,64})>([^<>]{0,200})</\1>")
_BOOLEANS: Final = {"TRUE": True, "FALSE": False}
_MILLISECONDS = re.compile(r"-1|\d{1,10}")


@dataclass(frozen=True, slots=True)
class HostState:
    """A host of the pool as this one sees it.

    `alive` is whether it is in the liveset, `excluded` whether it was shut down cleanly. Ages are
    milliseconds since its last heartbeat on the network and in the state file; `None`: there was
    none yet.
    """

    uuid: str
    alive: bool
    excluded: bool
    heartbeat_age: int | None
    statefile_age: int | None


@dataclass(frozen=True, slots=True)
class Liveset:
    """The answer of xhad, which tells the rest once it is online.

    Milliseconds: how long this host's last access to the state file took, and after how long
    without heartbeats a host counts as dead, on the network and in the state file.
    """

    online: bool
    hosts: tuple[HostState, ...] = ()
    statefile_latency: int | None = None
    heartbeat_timeout: int | None = None
    statefile_timeout: int | None = None
    warnings: Mapping[str, bool] | None = None


def parse_liveset(data: bytes) -> Liveset:
    """What was printed. Raises `ParseError`."""
    text = data.decode("ascii", "replace")
    if "<ha_liveset_info " not in text or "</ha_liveset_info>" not in text:
        raise ParseError(_SUBJECT, "expected ha_liveset_info", data)
    if _leaves(text.partition("<localhost>")[0]).get("status") != ONLINE:
        return Liveset(online=False)
    status = _one(text, "raw_status_on_local_host")
    ages = {leaves["HostID"]: leaves for leaves in _blocks(status, "host_raw_data")}
    timeouts = _leaves(_one(text, "timeout"))
    warnings = {
        name.lower(): value for name, value in _leaves(_one(text, "warning_on_local_host")).items()
    }
    return Liveset(
        online=True,
        hosts=tuple(_host(leaves, ages) for leaves in _blocks(text, "host")),
        statefile_latency=_time(_leaves(status), "statefile_latency"),
        heartbeat_timeout=_time(timeouts, "T1"),
        statefile_timeout=_time(timeouts, "T2"),
        warnings={name: _boolean(warnings, name) for name in WARNINGS},
    )


def _host(leaves: Mapping[str, str], ages: Mapping[str, Mapping[str, str]]) -> HostState:
    uuid = leaves["HostID"]
    its = ages.get(uuid, {})
    return HostState(
        uuid,
        _boolean(leaves, "liveness"),
        _boolean(leaves, "excluded"),
        _time(its, "time_since_last_heartbeat"),
        _time(its, "time_since_last_update_on_statefile"),
    )


def _leaves(text: str) -> dict[str, str]:
    """Elements that hold text alone, by name."""
    return dict(_LEAF.findall(text))


def _one(text: str, name: str) -> str:
    """What is within an element."""
    _, found, rest = text.partition(f"<{name}>")
    inner, end, _ = rest.partition(f"</{name}>")
    if not found or not end:
        raise ParseError(_SUBJECT, f"expected an element {name}")
    return inner


def _blocks(text: str, name: str) -> Iterator[dict[str, str]]:
    """The leaves of each element of that name, which has a HostID."""
    parts = text.split(f"<{name}>")[1:]
    if not parts or len(parts) > HOSTS_MAX:
        raise ParseError(_SUBJECT, f"expected 1 to {HOSTS_MAX} elements {name}")
    for part in parts:
        leaves = _leaves(part.partition(f"</{name}>")[0])
        if "HostID" not in leaves:
            raise ParseError(_SUBJECT, f"expected a HostID in {name}")
        yield leaves


def _boolean(leaves: Mapping[str, str], name: str) -> bool:
    found = _BOOLEANS.get(leaves.get(name, ""))
    if found is None:
        raise ParseError(_SUBJECT, f"expected TRUE or FALSE in {name}")
    return found


def _time(leaves: Mapping[str, str], name: str) -> int | None:
    value = leaves.get(name, "")
    if not _MILLISECONDS.fullmatch(value):
        raise ParseError(_SUBJECT, f"expected milliseconds in {name}")
    return None if int(value) == _NEVER else int(value)
