"""The one table of configuration keys, the source of checks, defaults, flags and documents.

`KEYS` holds the keys in the order of the document; those of `[probes.NAME]` and `[limits.NAME]`
are derived from `PROBES` and `LIMITS`. Those of `[shapes.NAME]` apply to every section the operator
names, that of `[labels]` to every name in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, Final

from xenwatch.config import (
    alert_keys,
    converters,
    label_keys,
    maintenance_keys,
    shape_keys,
    textfile_keys,
    xapi_keys,
)
from xenwatch.config.key import FileUse, Key
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Thresholds
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe

LISTEN: Final[Key[tuple[str, ...]]] = Key(
    "web.listen_addresses",
    "array of strings",
    ("127.0.0.1:10730",),
    "Addresses to listen on: HOST:PORT, an IPv6 host in brackets, no host for all addresses; or "
    "unix:/PATH, a Unix socket that its owner and group may open. [], and the default where "
    "textfile.directory is set: nowhere.",
    converters.addresses,
    flag="--web.listen-address",
    restart=True,
)
TELEMETRY_PATH: Final[Key[str]] = Key(
    "web.telemetry_path",
    "string",
    "/metrics",
    "Path under which the metrics are served.",
    converters.url_path,
    flag="--web.telemetry-path",
    restart=True,
)
TELEMETRY_LABELS: Final[Key[bool]] = Key(
    "web.telemetry_labels",
    "boolean",
    False,
    "Add the labels of the section labels to every metric too; not needed if Prometheus sets them, "
    "as external labels or labels of the target.",
    converters.boolean,
    restart=True,
)
MAX_REQUESTS: Final[Key[int]] = Key(
    "web.max_requests",
    "integer",
    40,
    "Max concurrent requests; more are rejected with status 503.",
    converters.integer(1, 10000),
    flag="--web.max-requests",
    restart=True,
)
SYSTEMD_SOCKET: Final[Key[bool]] = Key(
    "web.systemd_socket",
    "boolean",
    False,
    "Listen on the sockets passed by systemd (socket activation) instead of listen_addresses.",
    converters.boolean,
    flag="--web.systemd-socket",
    restart=True,
)
WEB_CONFIG: Final[Key[str]] = Key(
    "web.config_file",
    "string",
    "",
    "File with TLS, basic authentication, headers and rate limit, in the format of Prometheus's "
    "exporter-toolkit; it is read again when it changes. Empty: plain HTTP, for everybody.",
    converters.text,
    flag="--web.config.file",
    restart=True,
)
LOG_LEVEL: Final[Key[str]] = Key(
    "log.level",
    "string",
    "info",
    "Minimum severity of messages logged: debug, info, warning or error.",
    converters.choice("debug", "info", "warning", "error"),
    flag="--log.level",
)
LOG_FORMAT: Final[Key[str]] = Key(
    "log.format",
    "string",
    "auto",
    "Log format: json, console or auto (console on a terminal, otherwise json).",
    converters.choice("auto", "json", "console"),
    flag="--log.format",
)
SOURCE: Final[Key[str]] = Key(
    "source.kind",
    "string",
    "host",
    "Source of the readings: host, reader[:PATH] (the host, read by xenwatch reader as root), "
    "synthetic[:NAME] (simulated), tree:DIR (a capture), or auto (host on a Xen dom0, otherwise "
    "synthetic).",
    converters.source,
    flag="--source",
    restart=True,
)
ROOTFS: Final[Key[str]] = Key(
    "source.rootfs",
    "string",
    "/",
    "Root directory of the host's /proc, /sys and /var.",
    converters.absolute_path,
    flag="--path.rootfs",
    restart=True,
    file=FileUse.DIRECTORY,
)


LEARNT: Final[Key[str]] = Key(
    "plan.learnt",
    "string",
    "",
    "File with what another host has learnt of the memory and tasks that VMs take of dom0; used "
    "for shapes of which nothing is learnt here. Empty: none.",
    converters.text,
    flag="--plan.learnt",
    file=FileUse.READ,
)


def probe_keys(probe: Probe) -> Iterator[Key[Any]]:
    """The keys of `[probes.NAME]`."""
    path = f"probes.{probe.name}."
    yield Key(
        path + "enabled",
        "boolean",
        probe.enabled,
        f"Enable the probe, which reads {probe.reads}.",
        converters.boolean,
    )
    text = "Seconds between readings; longer when readings exceed the CPU budget."
    yield Key(path + "interval", "number", probe.interval, text, converters.seconds)
    text = "Seconds after which a reading times out and counts as failed."
    yield Key(path + "deadline", "number", probe.deadline, text, converters.seconds)
    text = (
        "CPU budget as a fraction of one core; after an expensive reading the probe waits longer."
    )
    yield Key(path + "share", "number", probe.share, text, converters.share)


def limit_keys(limit: Limit) -> Iterator[Key[Any]]:
    """The keys of `[limits.NAME]`."""
    for field in dataclasses.fields(Thresholds):
        yield Key(
            f"limits.{limit.name}.{field.name}",
            'number or "never"',
            getattr(limit.thresholds, field.name),
            f"Threshold for {limit.title}: {field.name} at this used ratio or above.",
            converters.ratio,
        )


def _shape_keys() -> Iterator[Key[Any]]:
    for part in shape_keys.PARTS:
        path = f"{SHAPES}.{ANY}.{part.name}"
        yield Key(path, part.type, part.default, part.description, part.convert)


SHAPES: Final = "shapes"
ANY: Final = "NAME"
"""Placeholder in key paths for a name the operator chooses."""
LABEL: Final[Key[str]] = Key(
    f"{label_keys.SECTION}.{ANY}",
    "string",
    "",
    "Label of delivered alerts that says where the host is, such as its pool or site. Set it as in "
    "Prometheus, external or of the target, so that Alertmanager deduplicates the alerts of both. "
    "Empty: none.",
    label_keys.value,
    restart=True,
)


def make_keys(probes: Iterable[Probe], limits: Iterable[Limit]) -> tuple[Key[Any], ...]:
    """The table of keys for these probes and limits."""
    return (
        *(LISTEN, TELEMETRY_PATH, TELEMETRY_LABELS, MAX_REQUESTS, SYSTEMD_SOCKET, WEB_CONFIG),
        *textfile_keys.KEYS,
        *(LOG_LEVEL, LOG_FORMAT, SOURCE, ROOTFS, LEARNT),
        *(key for probe in probes for key in probe_keys(probe)),
        *(key for limit in limits for key in limit_keys(limit)),
        LABEL,
        *alert_keys.KEYS,
        *xapi_keys.KEYS,
        *maintenance_keys.KEYS,
        *_shape_keys(),
    )


KEYS: Final = make_keys(PROBES, LIMITS)
"""Every key."""
