"""xenstored of the synthetic host: control commands about quotas, as the two kinds answer them."""

from __future__ import annotations

from typing import Final

from xenwatch.model.render.xenstore import refusal_reply
from xenwatch.model.render.xenstore_quota import (
    render_acknowledged,
    render_domain,
    render_own_quota,
    render_oxenstored,
    render_settings,
)
from xenwatch.model.state import DYING, QUOTAS, Dom0, Domain
from xenwatch.sources.base import XenstoreReply
from xenwatch.sources.wire import XS_CONTROL, XS_GET_QUOTA

_ALLOWED_SINCE: Final = (4, 2)
"""The first Xen whose oxenstored allows control commands to dom0 (process.ml, do_debug)."""
_COMMAND_SINCE: Final = (4, 13)
"""The first Xen whose C xenstored has the command, with its security updates (XSA-326)."""
_MOST_SINCE: Final = (4, 18)
"""The first Xen whose C xenstored tells the most that was used."""
_OWN_SINCE: Final = (4, 22)
"""The first Xen whose C xenstored has quotas for each domain."""


def answer(dom0: Dom0, op: int, payload: bytes) -> XenstoreReply:
    """The reply to a request of type XS_CONTROL or XS_GET_QUOTA."""
    words = payload.removesuffix(b"\0").decode().split("\0")
    if dom0.xenstored.comm == "oxenstored":
        return _oxenstored(dom0, op, words)
    if op == XS_GET_QUOTA:
        return _own_quota(dom0, words)
    return _quota(dom0, words) if op == XS_CONTROL else refusal_reply("ENOSYS")


def _quota(dom0: Dom0, words: list[str]) -> XenstoreReply:
    """The control command quota of the C xenstored."""
    xen = dom0.platform.xen
    if words[0] != "quota" or xen < _COMMAND_SINCE:
        return refusal_reply("EINVAL")
    if len(words) == 1:
        return render_settings(QUOTAS)
    domain = _domain(dom0, int(words[1]))
    if domain is None:
        return refusal_reply("ENOENT")
    used = domain.xenstore
    return render_domain(domain.domid, used, used if xen >= _MOST_SINCE else None)


def _own_quota(dom0: Dom0, words: list[str]) -> XenstoreReply:
    """A domain's own quota, which the C xenstored begins with that of all domains."""
    if dom0.platform.xen < _OWN_SINCE:
        return refusal_reply("ENOSYS")
    if _domain(dom0, int(words[0])) is None:
        return refusal_reply("ENOENT")
    return render_own_quota(QUOTAS[words[1]])


def _oxenstored(dom0: Dom0, op: int, words: list[str]) -> XenstoreReply:
    """As process.ml: what is not understood is acknowledged."""
    if op != XS_CONTROL:
        return refusal_reply("EINVAL")
    if words[0] != "quota" or len(words) == 1 or dom0.platform.xen < _ALLOWED_SINCE:
        return render_acknowledged()
    domain = _domain(dom0, int(words[1]))
    nodes = None if domain is None else (domain.xenstore["nodes"], QUOTAS["nodes"])
    return render_oxenstored(int(words[1]), nodes)


def _domain(dom0: Dom0, domid: int) -> Domain | None:
    """A domain that xenstored serves: not one that is dying."""
    domain = dom0.domains.get(domid)
    return None if domain is None or domain.state == DYING else domain
