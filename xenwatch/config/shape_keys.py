"""The keys of a VM shape, in the configuration and in a query."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any, Final

from xenwatch.config import converters
from xenwatch.planning.shapes import DEFAULT_MEMORY, TYPES, Shape
from xenwatch.planning.whole import whole
from xenwatch.values import dataclass

NAME: Final = r"[A-Za-z0-9_-]{1,40}"
"""What the name of a shape must match."""


def problem(name: str) -> str:
    """Why a shape cannot have that name; empty if it can."""
    if re.fullmatch(NAME, name):
        return ""
    return "invalid shape name: must be at most 40 letters, digits, - and _"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of `Shape` in the configuration and in a query.

    `type` is the TOML type; `convert` takes a TOML value, `parse` the text of a query;
    both raise `ValueError` with the reason.
    """

    name: str
    type: str
    description: str
    convert: Callable[[object], Any]
    parse: Callable[[str], Any]

    @property
    def default(self) -> Any:
        """The default of the field."""
        return _DEFAULTS[self.name]


_DEFAULTS: Final = {field.name: field.default for field in dataclasses.fields(Shape)}


def _number(name: str, low: int, high: int, description: str) -> Part:
    convert = converters.integer(low, high)
    return Part(name, "integer", description, convert, lambda text: convert(whole(text)))


def _parse_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _bridge(value: object) -> str:
    name = converters.text(value)
    if len(name) > 15 or not name.isprintable():
        raise ValueError("must be the name of a bridge: at most 15 printable characters")
    return name


_BYTES: Final = converters.integer(1 << 20, 1 << 50)


def _memory_bytes(value: object) -> int:
    try:
        return _BYTES(value)
    except ValueError as error:
        raise ValueError(f"{error}; in bytes, 2 GiB is {DEFAULT_MEMORY}") from None


_memory = Part(
    "memory_bytes",
    "integer",
    "Bytes of memory; the built-in shape linux has 1 GiB.",
    _memory_bytes,
    lambda text: _memory_bytes(whole(text)),
)

_type = converters.choice(*TYPES)

PARTS: Final[tuple[Part, ...]] = (
    Part("type", "string", f"Type of domain: {', '.join(TYPES)}.", _type, _type),
    _number("vcpus", 1, 512, "Number of vCPUs."),
    _number("disks", 0, 1024, "Disks whose backend is in dom0."),
    _number("vifs", 0, 1024, "Network interfaces whose backend is in dom0."),
    _number(
        "queues",
        0,
        512,
        "Queues of each network interface; 0: as many as the vCPUs and netback allow.",
    ),
    Part(
        "uefi", "boolean", "Whether the VM has UEFI firmware.", converters.boolean, _parse_boolean
    ),
    _memory,
    _number(
        "dom0_memory_bytes",
        0,
        1 << 50,
        "Bytes of dom0's memory that the VM's QEMU, tapdisks and buffers need; 0: not counted.",
    ),
    _number(
        "tasks",
        0,
        1 << 20,
        "Processes and threads of dom0 that the VM needs; 0: not counted.",
    ),
    Part(
        "bridge",
        "string",
        "Bridge of the network interfaces; empty: that of VMs with the most headroom.",
        _bridge,
        _bridge,
    ),
)
"""Every field of a shape but its name, in the order of the documents."""
