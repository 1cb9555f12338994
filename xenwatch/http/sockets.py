"""Sockets of the web server: its own, or those systemd passes."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterable, MutableMapping
from typing import Final

import psutil

from xenwatch.config.converters import address, unix_path
from xenwatch.config.web_keys import LISTEN, SYSTEMD_SOCKET
from xenwatch.sockets.passed import PassedError, passed_sockets
from xenwatch.sockets.unix import BACKLOG, listen_unix

UNIX_MODE: Final = 0o660
"""Who may open a Unix socket: its owner and its group."""


class ListenError(Exception):
    """Why an address cannot be listened on, and the next step."""


def bind(addresses: Iterable[str]) -> list[socket.socket]:
    """Listening sockets at the addresses (see `config.converters`). Raises `ListenError`."""
    sockets: list[socket.socket] = []
    try:
        for text in addresses:
            path = unix_path(text)
            sockets += [listen_unix(path, UNIX_MODE)] if path else _bind(text)
    except OSError as error:
        remove_files(sockets)
        for sock in sockets:
            sock.close()
        # create_server appends to the reason; numbers of getaddrinfo are negative.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise ListenError(
            f"cannot listen on {text}: {reason}; choose another address with {LISTEN.flag}"
        ) from error
    return sockets


def remove_files(sockets: Iterable[socket.socket]) -> None:
    """Remove the files of Unix sockets of `bind`, which are still open: nobody else's are there."""
    for sock in sockets:
        if sock.family == socket.AF_UNIX:
            with contextlib.suppress(OSError):
                os.unlink(sock.getsockname())


def _bind(text: str) -> list[socket.socket]:
    host, port = address(text)
    if not host:
        # One socket for IPv4 and IPv6, or for IPv4 alone where the kernel has no IPv6.
        dual_stack = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual_stack else socket.AF_INET
        return [
            socket.create_server(
                ("", port), family=family, backlog=BACKLOG, dualstack_ipv6=dual_stack
            )
        ]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    targets = dict.fromkeys((family, target) for family, _, _, _, target in found)
    return [
        socket.create_server(target, family=family, backlog=BACKLOG) for family, target in targets
    ]


def inherited(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """The sockets systemd passed to this process; forgets them in `environment`.

    Raises `ListenError` when there are none, or one is none to listen on.
    """
    try:
        sockets = passed_sockets(environment)
    except PassedError as error:
        raise ListenError(str(error)) from error
    if not sockets:
        raise ListenError(
            f"no socket passed by systemd; start the socket unit, or remove {SYSTEMD_SOCKET.flag}"
        )
    return sockets


def urls(sock: socket.socket, path: str = "/", scheme: str = "http") -> list[str]:
    """The addresses to open in a browser: every address of this machine for a wildcard."""
    if sock.family == socket.AF_UNIX:
        return [f"unix:{sock.getsockname()}"]
    host, port = sock.getsockname()[:2]
    hosts = ["localhost", *_own_addresses(sock.family)] if host in ("::", "0.0.0.0") else [host]
    return [
        f"{scheme}://[{name}]:{port}{path}" if ":" in name else f"{scheme}://{name}:{port}{path}"
        for name in hosts
    ]


def _own_addresses(family: int) -> list[str]:
    """This machine's addresses except loopback; an IPv6 socket accepts IPv4 too."""
    families = {socket.AF_INET, family}
    every = (found for addresses in psutil.net_if_addrs().values() for found in addresses)
    texts = (
        found.address for found in every if found.family in families and "%" not in found.address
    )
    return [text for text in texts if not ipaddress.ip_address(text).is_loopback]
