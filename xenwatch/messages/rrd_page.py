"""Data sources of xcp-rrdd, and the page it reads them from.

Format: xapi, doc/content/xcp-rrdd/design/plugin-protocol-v2.md, as read by ocaml/xcp-rrdd/lib/
transport/base/rrd_protocol_v2.ml: the bytes DATASOURCES, CRC-32 of the data, CRC-32 of the
metadata, number of values; the data: time and values; length of the metadata and the metadata.
Everything is big-endian.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterable
from typing import Final

from xenwatch.messages.requests import Values
from xenwatch.values import dataclass

HEADER: Final = b"DATASOURCES"
_CHECKSUMS: Final = struct.Struct(">LLL")
"""Of the data, of the metadata; number of values."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """A value of the host, and what it is; NaN is unknown.

    `units` are those that XenCenter knows (XenAdmin, DataSet.cs), empty where it has none.
    """

    name: str
    description: str
    units: str
    value: float


def data_sources(values: Values) -> tuple[DataSource, ...]:
    """The data sources, the same ones for the same shapes."""
    vms = (
        DataSource(
            f"xenwatch_vms_left_{shape}",
            f"How many more VMs of the shape {shape} fit on the host",
            "count",
            _value(number),
        )
        for shape, number in sorted(values.vms.items())
    )
    return (
        *vms,
        DataSource(
            "xenwatch_fullest_limit",
            "Used ratio of the limit of the host that is fullest",
            "(fraction)",
            _value(values.fullest),
        ),
        DataSource(
            "xenwatch_qemu_wakeups",
            "Wakeups per second of the QEMUs of all VMs",
            "",
            _value(values.wakeups),
        ),
    )


def _value(value: float | None) -> float:
    return math.nan if value is None else float(value)


def metadata(sources: Iterable[DataSource]) -> bytes:
    """What the values are, as JSON; all are strings, as xapi's own writers have it."""
    return json.dumps(
        {
            "datasources": {
                source.name: {
                    "description": source.description,
                    "owner": "host",
                    "value_type": "float",
                    "type": "gauge",
                    "default": "true",
                    "units": source.units,
                    "min": "0",
                    "max": "inf",
                }
                for source in sources
            }
        }
    ).encode()


def head(sources: Iterable[DataSource], time: float) -> bytes:
    """The page up to the length of the metadata: what changes from one update to the next.

    `time` is Unix time in seconds; two pages of the same time are one to xcp-rrdd.
    """
    sources = tuple(sources)
    data = struct.pack(f">d{len(sources)}d", time, *(source.value for source in sources))
    checksums = _CHECKSUMS.pack(zlib.crc32(data), zlib.crc32(metadata(sources)), len(sources))
    return HEADER + checksums + data


def page(sources: Iterable[DataSource], time: float) -> bytes:
    """The whole page."""
    sources = tuple(sources)
    described = metadata(sources)
    return head(sources, time) + struct.pack(">L", len(described)) + described
