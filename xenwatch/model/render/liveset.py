"""What `calldaemon query_liveset` prints of a pool (xenserver/xha, commands/calldaemon.c)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.parse.liveset import HostState, Liveset

_LISTS: Final = (
    "heartbeat_active_list_on_heartbeat",
    "heartbeat_active_list_on_statefile",
    "statefile_active_list_on_heartbeat",
    "statefile_active_list_on_statefile",
)
_XAPI: Final = "xapi_healthcheck_approaching_timeout"


def render_liveset(local: str, found: Liveset) -> bytes:
    """The XML; `local` is this host's UUID. What a `Liveset` does not hold is as on a calm pool."""
    index = next((number for number, host in enumerate(found.hosts) if host.uuid == local), 0)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<ha_liveset_info version="1.0">',
        f"  <status>{'Online' if found.online else 'Starting'}</status>",
        "  <localhost>",
        f"    <HostID>{local}</HostID>",
        f"    <HostIndex>{index}</HostIndex>",
        "  </localhost>",
    ]
    if found.online:
        lines += _hosts(local, found)
        lines += _status(found)
        lines += _timeouts(found)
        lines += _warnings(found.warnings or {})
    return "\n".join((*lines, "</ha_liveset_info>", "")).encode("ascii")


def _hosts(local: str, found: Liveset) -> Iterator[str]:
    for index, host in enumerate(found.hosts):
        yield from (
            "  <host>",
            f"    <HostID>{host.uuid}</HostID>",
            f"    <HostIndex>{index}</HostIndex>",
            f"    <liveness>{_boolean(host.alive)}</liveness>",
            f"    <master>{_boolean(host.uuid == local)}</master>",
            f"    <statefile_access>{_boolean(host.alive)}</statefile_access>",
            "    <statefile_corrupted>FALSE</statefile_corrupted>",
            f"    <excluded>{_boolean(host.excluded)}</excluded>",
            "  </host>",
        )


def _status(found: Liveset) -> Iterator[str]:
    yield "  <raw_status_on_local_host>"
    for name, time in (
        ("statefile_latency", found.statefile_latency),
        ("heartbeat_latency", 7_000),
        ("Xapi_healthcheck_latency", 240),
    ):
        for suffix in ("", "_max", "_min"):
            yield f"    <{name}{suffix}>{_time(time)}</{name}{suffix}>"
    for index, host in enumerate(found.hosts):
        yield from _raw(index, host, found.hosts)
    yield "  </raw_status_on_local_host>"


def _raw(index: int, host: HostState, hosts: tuple[HostState, ...]) -> Iterator[str]:
    yield "    <host_raw_data>"
    for name, value in (
        ("HostID", host.uuid),
        ("HostIndex", index),
        ("time_since_last_update_on_statefile", _time(host.statefile_age)),
        ("time_since_last_heartbeat", _time(host.heartbeat_age)),
        ("time_since_xapi_restart_first_attempted", -1),
        ("xapi_error_string", ""),
    ):
        yield f"      <{name}>{value}</{name}>"
    for name in _LISTS:
        yield f"      <{name}>"
        yield from (f"          {other.uuid}" for other in hosts if other.alive)
        yield f"      </{name}>"
    yield "    </host_raw_data>"


def _timeouts(found: Liveset) -> Iterator[str]:
    yield "  <timeout>"
    for name, time in (
        ("T1", found.heartbeat_timeout),
        ("T2", found.statefile_timeout),
        ("T3", 60_000),
        ("Wh", 60_000),
        ("Ws", 75_000),
    ):
        yield f"    <{name}>{_time(time)}</{name}>"
    yield "  </timeout>"


def _warnings(warnings: Mapping[str, bool]) -> Iterator[str]:
    yield "  <warning_on_local_host>"
    for name, on in warnings.items():
        tag = name.replace("xapi", "Xapi") if name == _XAPI else name
        yield f"    <{tag}>{_boolean(on)}</{tag}>"
    yield "  </warning_on_local_host>"


def _boolean(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _time(milliseconds: int | None) -> int:
    return -1 if milliseconds is None else milliseconds
