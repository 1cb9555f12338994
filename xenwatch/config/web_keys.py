"""The configuration keys of what is served over HTTP."""

from __future__ import annotations

from typing import Any, Final

from xenwatch.config import converters
from xenwatch.config.key import Key

LISTEN: Final[Key[tuple[str, ...]]] = Key(
    "web.listen_addresses",
    "array of strings",
    ("127.0.0.1:10730",),
    "Addresses to listen on: HOST:PORT, an IPv6 host in brackets, no host for all addresses; or "
    "unix:/PATH, a Unix socket that its owner and group may open. An empty list, which is the "
    "default if textfile.directory is set: do not listen.",
    converters.addresses,
    flag="--web.listen-address",
    restart=True,
)
TELEMETRY_PATH: Final[Key[str]] = Key(
    "web.telemetry_path",
    "string",
    "/metrics",
    "URL path of the metrics.",
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
    "Maximum number of concurrent requests; more are rejected with status 503.",
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
    "exporter-toolkit; it is read again when it changes. Empty: plain HTTP, no authentication.",
    converters.text,
    flag="--web.config.file",
    restart=True,
)

KEYS: Final[tuple[Key[Any], ...]] = (
    LISTEN,
    TELEMETRY_PATH,
    TELEMETRY_LABELS,
    MAX_REQUESTS,
    SYSTEMD_SOCKET,
    WEB_CONFIG,
)
