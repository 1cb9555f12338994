"""What a kernel tells of every link beside what is modelled: most of a dump's bytes.

Sizes are those of a captured host (Linux 6.1, 1,412 bytes for a port of a bridge), values those of
an interface that nobody has used (net/core/rtnetlink.c, rtnl_fill_ifinfo).
"""

from __future__ import annotations

import struct
from typing import Final

from xenwatch.sources.wire import ATTRIBUTE

_WORD: Final = struct.Struct("=I")
_NUMBERS: Final = {
    13: 1000,  # IFLA_TXQLEN
    4: 1500,  # IFLA_MTU
    50: 68,  # IFLA_MIN_MTU
    51: 65517,  # IFLA_MAX_MTU
    27: 0,  # IFLA_GROUP
    30: 1,  # IFLA_PROMISCUITY
    61: 1,  # IFLA_ALLMULTI
    31: 2,  # IFLA_NUM_TX_QUEUES
    40: 65535,  # IFLA_GSO_MAX_SEGS
    41: 65536,  # IFLA_GSO_MAX_SIZE
    58: 65536,  # IFLA_GRO_MAX_SIZE
    59: 65536,  # IFLA_TSO_MAX_SIZE
    60: 65535,  # IFLA_TSO_MAX_SEGS
    32: 2,  # IFLA_NUM_RX_QUEUES
}
_ADDRESS: Final = b"\xfe" + b"\xff" * 5
_INET: Final = {1: 132}
_INET6: Final = {1: 4, 5: 16, 2: 236, 7: 16, 8: 1}
_AF_INET, _AF_INET6 = 2, 10
_PORT: Final = dict.fromkeys(
    (*(1, 4, 5, 6, 7, 28, 8, 9, 27, 30, 10, 12), *(19, 20, 29, 32, 35, 36, 33, 39, 25)), 1
) | {
    **dict.fromkeys((2, 15, 16, 17, 18, 31), 2),
    **dict.fromkeys((3, 37, 38), 4),
    **dict.fromkeys((13, 14, 21, 22, 23), 8),
}
_BRIDGE: Final = dict.fromkeys((7, 14, 15, 41, 45, 22, 23, 24, 25, 42, 43, 44, 36, 37, 38), 1) | {
    **dict.fromkeys((6, 9, 12, 8, 39), 2),
    **dict.fromkeys((1, 2, 3, 4, 5, 13, 26, 27, 28, 29), 4),
    20: 6,
    **dict.fromkeys((16, 17, 18, 19, 11, 10, 46, 30, 31, 32, 33, 34, 35), 8),
}


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute, padded to four bytes."""
    data = ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value
    return data + bytes(-len(data) % 4)


def _zeros(sizes: dict[int, int]) -> bytes:
    return b"".join(attribute(kind, bytes(size)) for kind, size in sizes.items())


USUAL: Final = (
    *((kind, _WORD.pack(number)) for kind, number in _NUMBERS.items()),
    (16, b"\6"),  # IFLA_OPERSTATE
    (17, b"\0"),  # IFLA_LINKMODE
    (33, b"\1"),  # IFLA_CARRIER
    (6, b"mq\0"),  # IFLA_QDISC
    (39, b"\0"),  # IFLA_PROTO_DOWN
    (14, bytes(32)),  # IFLA_MAP
    (1, _ADDRESS),  # IFLA_ADDRESS
    (2, b"\xff" * 6),  # IFLA_BROADCAST
    (23, bytes(200)),  # IFLA_STATS64
    (7, bytes(96)),  # IFLA_STATS
    (43, attribute(2, b"\0")),  # IFLA_XDP
    (54, _ADDRESS),  # IFLA_PERM_ADDRESS
    # IFLA_AF_SPEC
    (26, attribute(_AF_INET, _zeros(_INET)) + attribute(_AF_INET6, _zeros(_INET6))),
)
"""Attributes of any link by type, and their values."""
BRIDGE_DATA: Final = _zeros(_BRIDGE)
"""IFLA_INFO_DATA of a bridge (net/bridge/br_netlink.c, br_fill_info)."""
PORT_DATA: Final = _zeros(_PORT)
"""IFLA_INFO_SLAVE_DATA of a port of a bridge (br_port_fill_attrs)."""


def parent(name: bytes) -> tuple[tuple[int, bytes], ...]:
    """IFLA_PARENT_DEV_NAME and IFLA_PARENT_DEV_BUS_NAME of a device on the bus of backends."""
    return (56, name + b"\0"), (57, b"xen-backend\0")
