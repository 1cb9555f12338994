"""The platforms: kinds of hosts whose formats, limits and costs are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.model.platform import Platform
from xenwatch.model.platforms.debian import DEBIAN_12, DEBIAN_13
from xenwatch.model.platforms.experiment import EXPERIMENT
from xenwatch.model.platforms.xapi import XCP_NG_8_2, XCP_NG_8_3, XENSERVER_8
from xenwatch.model.platforms.xenserver import (
    XENSERVER_6_1,
    XENSERVER_6_2,
    XENSERVER_7_0,
    XENSERVER_7_1,
)

PLATFORMS: Final[Mapping[str, Platform]] = {
    platform.name: platform
    for platform in (
        XCP_NG_8_3,
        DEBIAN_12,
        XENSERVER_6_1,
        XENSERVER_6_2,
        XENSERVER_7_0,
        XENSERVER_7_1,
        XCP_NG_8_2,
        XENSERVER_8,
        DEBIAN_13,
        EXPERIMENT,
    )
}
"""The platforms by name, the default one first."""
