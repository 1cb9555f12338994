"""Replies of xenstored about quotas, as `xenwatch.parse.xenstore_quota` describes them."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.parse.xenstore_quota import ACKNOWLEDGED, SETTINGS_HEAD
from xenwatch.sources.base import XenstoreReply
from xenwatch.sources.wire import XS_CONTROL, XS_GET_QUOTA


def render_settings(quotas: Mapping[str, int]) -> XenstoreReply:
    """The C xenstored's quotas by name."""
    lines = (f"{name:<17}: {quota:8} {name} per domain\n" for name, quota in quotas.items())
    return XenstoreReply(XS_CONTROL, SETTINGS_HEAD + "".join(lines).encode() + b"\0")


def render_domain(
    domid: int, used: Mapping[str, int], most: Mapping[str, int] | None = None
) -> XenstoreReply:
    """What a domain uses by name, from the C xenstored; `most` is the most seen (Xen 4.18 on)."""
    text = f"Domain {domid}:\n"
    for name, amount in used.items():
        seen = "" if most is None else f" (max {most[name]:8})"
        text += f"{name:<{16 if most is None else 17}}: {amount:8}{seen}\n"
    return XenstoreReply(XS_CONTROL, text.encode() + b"\0")


def render_own_quota(quota: int) -> XenstoreReply:
    """A domain's own quota of one kind."""
    return XenstoreReply(XS_GET_QUOTA, b"%d\0" % quota)


def render_oxenstored(domid: int, nodes: tuple[int, int] | None) -> XenstoreReply:
    """Nodes of a domain and their quota, from oxenstored."""
    text = "not set" if nodes is None else f"{nodes[0]}/{nodes[1]}"
    return XenstoreReply(XS_CONTROL, f"dom{domid} quota: {text}".encode() + b"\0")


def render_acknowledged() -> XenstoreReply:
    """Oxenstored's reply to a control command that it does not know or does not allow."""
    return XenstoreReply(XS_CONTROL, ACKNOWLEDGED)
