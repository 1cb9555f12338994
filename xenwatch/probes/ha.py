"""The heartbeats of a pool with high availability, as xhad on this host sees them."""

from __future__ import annotations

from typing import Final

from xenwatch.parse.liveset import COMMAND, NO_DAEMON, HostState, parse_liveset
from xenwatch.probes.base import NotApplicable, Probe, stateless
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.ha import Ha, PoolHost
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import CommandOutput, Source, SourceError

HEARTBEAT: Final = "heartbeat"
STATEFILE: Final = "statefile"
_MILLISECONDS: Final = 1000


def read(source: Source, context: Snapshot) -> Ha:
    """What xhad tells. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    output = _asked(source)
    if output.status == NO_DAEMON:
        raise NotApplicable(
            "xhad does not run: high availability is disabled, or xhad has ended (/var/log/xha.log)"
        )
    if output.status:
        raise SourceError(" ".join(COMMAND), f"exit status {output.status}")
    found = parse_liveset(output.stdout)
    return Ha(
        found.online,
        {host.uuid: _pool_host(host) for host in found.hosts},
        {
            HEARTBEAT: _seconds(found.heartbeat_timeout),
            STATEFILE: _seconds(found.statefile_timeout),
        },
        _seconds(found.statefile_latency),
        found.warnings or {},
    )


def _asked(source: Source) -> CommandOutput:
    try:
        return source.run(COMMAND)
    except SourceError as error:
        if error.missing:
            raise NotApplicable(f"no xhad: no {COMMAND[0]}") from error
        raise


def _pool_host(host: HostState) -> PoolHost:
    ages = _seconds(host.heartbeat_age), _seconds(host.statefile_age)
    return PoolHost(host.alive, host.excluded, *ages)


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / _MILLISECONDS


HA = Probe(
    name="ha",
    reads=" ".join(COMMAND),
    advice="run as root; look at /var/log/xha.log",
    read=stateless(read),
    interval=30.0,
    # A question ends the interval of which xhad tells xapi the longest latencies.
    enabled=False,
)
