"""Quotas of xenstore by domain: xenstored's control command `quota`, and XS_GET_QUOTA.

Sources: the C xenstored, tools/xenstored/control.c and domain.c (until Xen 4.17
tools/xenstore/xenstored_*.c): do_control_quota, domain_get_quota, do_get_quota; it has the command
since Xen 4.17, older releases since XSA-326. oxenstored, process.ml: do_debug; quota.ml: to_string.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import XenstoreReply
from xenwatch.sources.wire import XS_CONTROL, XS_GET_QUOTA

Request = tuple[int, bytes]

NODES: Final = "nodes"
WATCHES: Final = "watches"
TRANSACTIONS: Final = "transactions"
MEMORY: Final = "memory"
KINDS: Final = (NODES, WATCHES, TRANSACTIONS, MEMORY)
"""What a domain has a quota of, in xenstored's words; memory in bytes."""

ACKNOWLEDGED: Final = b"OK\0"
"""oxenstored's reply to a control command that it does not know or does not allow."""
SETTINGS_HEAD: Final = b"Quota settings:\n"
_COMMAND: Final = "xenstored's reply to the control command quota"
_SETTING: Final = re.compile(rb"([a-z-]{1,40}) *: *(\d{1,10}) [^\n]*\Z")
_DOMAIN: Final = re.compile(rb"Domain (\d{1,10}):\Z")
_USED: Final = re.compile(rb"([a-z-]{1,40}) *: *(\d{1,10})(?: \(max +\d{1,10}\))?\Z")
"""The max in parentheses is the most that was seen (Xen 4.18), not the quota."""
_OXENSTORED: Final = re.compile(rb"dom(\d{1,10}) quota: (?:(\d{1,18})/(\d{1,18})|not set)\0\Z")
_VALUE: Final = re.compile(rb"(\d{1,10})\0?\Z")
_NOT_SET: Final = 0xFFFFFFFF
"""Q_VAL_DISABLED (tools/xenstored/domain.h of Xen 4.22)."""


def settings_request() -> Request:
    """The request for the quotas that hold for every domain."""
    return XS_CONTROL, b"quota\0"


def domain_request(domid: int) -> Request:
    """The request for what one domain uses."""
    return XS_CONTROL, b"quota\0%d\0" % domid


def own_quota_request(domid: int, kind: str) -> Request:
    """The request for a domain's own quota, which only the C xenstored of Xen 4.22 on has."""
    return XS_GET_QUOTA, b"%d\0%s\0" % (domid, kind.encode())


def parse_settings(reply: XenstoreReply) -> Mapping[str, int] | None:
    """Quotas by kind; `None`: not the C xenstored, for oxenstored only acknowledges the request.

    Kinds that this xenstored does not have are missing. Raises `ParseError`.
    """
    if not reply.payload.startswith(SETTINGS_HEAD):
        return None
    found = {}
    for line in _lines(reply.payload)[1:]:
        match = _SETTING.match(line)
        if match is None:
            raise ParseError(_COMMAND, "expected name, number and description", line)
        found[match[1].decode()] = int(match[2])
    return {kind: found[kind] for kind in KINDS if kind in found}


def parse_domain(reply: XenstoreReply, domid: int) -> Mapping[str, int]:
    """What a domain uses by kind, from the C xenstored. Raises `ParseError`."""
    head, *lines = _lines(reply.payload)
    named = _DOMAIN.match(head)
    if named is None or int(named[1]) != domid:
        raise ParseError(_COMMAND, f"expected Domain {domid}:", head)
    found = {}
    for line in lines:
        match = _USED.match(line)
        if match is None:
            raise ParseError(_COMMAND, "expected name and number", line)
        found[match[1].decode()] = int(match[2])
    return {kind: found[kind] for kind in KINDS if kind in found}


def parse_oxenstored(reply: XenstoreReply, domid: int) -> tuple[int, int] | None:
    """Nodes a domain owns and their quota, from oxenstored; `None` where it owns none.

    Raises `ParseError`.
    """
    match = _OXENSTORED.match(reply.payload)
    if match is None or int(match[1]) != domid:
        raise ParseError(_COMMAND, f"expected dom{domid} quota", reply.payload)
    return None if match[2] is None else (int(match[2]), int(match[3]))


def parse_own_quota(reply: XenstoreReply) -> int | None:
    """A domain's own quota of one kind; `None`: that of all domains. Raises `ParseError`."""
    match = _VALUE.match(reply.payload)
    if match is None:
        raise ParseError("XS_GET_QUOTA", "expected one number", reply.payload)
    quota = int(match[1])
    return None if quota == _NOT_SET else quota


def _lines(payload: bytes) -> list[bytes]:
    """The lines of a text, which ends with a newline and NUL. Raises `ParseError`."""
    text, end, rest = payload.partition(b"\n\0")
    if not end or rest:
        raise ParseError(_COMMAND, "cut short", payload[-60:])
    return text.split(b"\n")
