"""The runbooks as files of this host, and where those who are told of an alert find them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.config import alert_keys
from xenwatch.config.settings import Settings

_PACKAGE: Final = Path(__file__).parent
_INSTALLED: Final = _PACKAGE / "runbooks"
DIRECTORY: Final = _INSTALLED if _INSTALLED.exists() else _PACKAGE.parent / "contrib/runbooks"
"""Where they are: in the package once that is installed, beside it in a checkout."""


def files() -> Mapping[str, bytes]:
    """The runbooks by the path they are served at."""
    return {f"{RUNBOOKS}{file.name}": file.read_bytes() for file in DIRECTORY.glob("*.md")}


def begin(settings: Settings) -> str:
    """What the links begin with that are sent to others.

    As configured; else this daemon's own address where `alerts.instance` is one, as the label
    `instance` that Prometheus gives; else the files of this host.
    """
    own = settings[alert_keys.INSTANCE]
    address = re.fullmatch(r"[\w.\[\]:-]+:\d+", own, re.ASCII)
    here = f"http://{own}{RUNBOOKS}" if address else f"{DIRECTORY.as_uri()}/"
    return settings[alert_keys.RUNBOOKS] or here
