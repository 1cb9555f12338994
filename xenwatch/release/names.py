"""A host's platform from `/etc/xensource-inventory` and `/etc/os-release`."""

from __future__ import annotations

from typing import Final

from xenwatch.parse.text import assignments

SHARED_ID: Final = "xenenterprise"
"""The os-release ID of XenServer and of XCP-ng; only NAME says which."""


def platform(inventory: bytes | None, os_release: bytes | None) -> tuple[str, str]:
    """The platform in lower case (xenserver, xcp-ng, debian, ...) and its version.

    XenServer's inventory takes precedence; early releases of XenServer wrote no brand in it. Both
    are empty where neither file has them.
    """
    if inventory is not None:
        facts = assignments(inventory)
        return facts.get("PRODUCT_BRAND", "XenServer").lower(), facts.get("PRODUCT_VERSION", "")
    facts = assignments(os_release or b"")
    key = "NAME" if facts.get("ID") == SHARED_ID else "ID"
    return facts.get(key, "").lower(), facts.get("VERSION_ID", "")
