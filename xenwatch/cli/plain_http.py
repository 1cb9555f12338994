"""`http.client` without TLS, whose libraries are 6 MiB: who asks https imports `ssl` himself.

A check is run every minute on every host, and asks a Unix socket or plain HTTP on most. What the
standard library has for https is then not there: no module may use it beside this one.
"""

from __future__ import annotations

import sys
from typing import Any

modules: dict[str, Any] = sys.modules
if "http.client" not in modules and "ssl" not in modules:
    modules["ssl"] = None  # an import of it fails, which http.client provides for
    try:
        from http.client import HTTPConnection, HTTPException
    finally:
        del modules["ssl"]
else:
    from http.client import HTTPConnection, HTTPException

__all__ = ["HTTPConnection", "HTTPException"]
