"""The runbooks as files of this host, and the links to them in delivered alerts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from xenwatch.alerts.messages import RUNBOOKS

_PACKAGE: Final = Path(__file__).parent.parent
_INSTALLED: Final = _PACKAGE / "runbooks"
DIRECTORY: Final = _INSTALLED if _INSTALLED.exists() else _PACKAGE.parent / "contrib/runbooks"
"""Where they are: in the package once that is installed, beside it in a checkout."""


_FENCE: Final = re.compile(rb"^```sh .*$", re.MULTILINE)
"""The start of a block of commands with words for the tests that run them."""


def files() -> Mapping[str, bytes]:
    """The runbooks by the path they are served at, without what is for tests alone."""
    return {
        f"{RUNBOOKS}{file.name}": _FENCE.sub(b"```sh", file.read_bytes())
        for file in DIRECTORY.glob("*.md")
    }


def link_prefix(configured: str, instance: str, scheme: str = "http") -> str:
    """The prefix of links to runbooks in delivered alerts.

    As configured; else this daemon's own address where `instance` is one, as the label `instance`
    that Prometheus gives, with the `scheme` it serves; else the files of this host.
    """
    address = re.fullmatch(r"[\w.\[\]:-]+:\d+", instance, re.ASCII)
    here = f"{scheme}://{instance}{RUNBOOKS}" if address else f"{DIRECTORY.as_uri()}/"
    return configured or here
