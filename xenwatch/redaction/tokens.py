"""What stands in place of names and addresses: the same for the same within one capture.

A replacement is made of the original by HMAC-SHA256 with a key that nobody keeps: it can neither be
computed back nor tried out, and two captures have nothing in common.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import itertools
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Final

VM: Final = "VM name"
HOST: Final = "host name"
NETWORK: Final = "network name"
STORAGE: Final = "storage name"
PATH: Final = "file name"
TARGET: Final = "iSCSI name"
UUID: Final = "UUID"
MAC: Final = "MAC"
IP: Final = "IP"

_PREFIXES: Final = {VM: "vm", HOST: "host", NETWORK: "net", STORAGE: "vol", PATH: "file"}
"""No hyphen follows, which the device mapper and systemd write in other ways."""
_DIGITS: Final = 8
"""Hexadecimal digits of a name: with its prefix it fits a network interface (IFNAMSIZ)."""
_IPV4: Final = (
    tuple(map(ipaddress.IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))),
    (ipaddress.IPv4Network("198.18.0.0/15"),),
    (ipaddress.IPv4Network("240.0.0.0/4"),),
)
"""For documentation (RFC 5737); if these do not do, for benchmarks (RFC 2544), and reserved."""
_TRIES: Final = 64
"""Tries to find an unused address in one row of them."""
_DOCUMENTATION: Final = bytes.fromhex("20010db8")
_LINK_LOCAL: Final = bytes.fromhex("fe80000000000000")
_SOLICITED: Final = bytes.fromhex("ff0200000000000000000001ff")
"""Multicast with the end of an address in it (RFC 4291, 2.7.1)."""
_WELL_KNOWN: Final = 1 << 16
"""Groups of multicast below it are the same everywhere, such as ff02::1."""
_FIXED_MACS: Final = (bytes(6), b"\xff" * 6, b"\xfe" + b"\xff" * 5)
"""None, broadcast, and what Xen's interfaces have in dom0."""
_GROUPS: Final = (bytes.fromhex("0180c2"), bytes.fromhex("01005e"))

Form = Callable[[bytes, int], bytes]
"""A replacement of a digest; the second argument counts the tries before."""


class Tokens:
    """The replacements of one capture, made with `key`."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._made: dict[tuple[str, bytes], bytes] = {}
        self._used: set[bytes] = set()

    def counts(self) -> dict[str, int]:
        """How many originals of each kind were replaced."""
        return dict(Counter(kind for kind, _ in self._made))

    def addresses(self) -> dict[bytes, bytes]:
        """Hardware and IPv4 addresses, raw, by what they were."""
        return {was: now for (kind, was), now in self._made.items() if kind in (MAC, IP)}

    def name(self, kind: str, original: bytes) -> bytes:
        """A name of that kind."""
        prefix = _PREFIXES[kind]
        return self._once(kind, original, lambda raw, _: f"{prefix}{raw.hex()[:_DIGITS]}".encode())

    def target(self, original: bytes) -> bytes:
        """An iSCSI qualified name."""
        return self._once(
            TARGET, original, lambda raw, _: b"iqn.2001-01.com.example:" + raw.hex()[:16].encode()
        )

    def uuid(self, original: bytes) -> bytes:
        """The 16 bytes of a UUID; that of zeros stays."""
        if not any(original):
            return original
        return self._once(UUID, original, lambda raw, _: uuid.UUID(bytes=raw[:16], version=4).bytes)

    def mac(self, original: bytes) -> bytes:
        """The bytes of a hardware address, locally administered; those with a meaning stay."""
        if original in _FIXED_MACS or original[:3] in _GROUPS or original[:4] == b"33\0\0":
            return original
        fixed = original[:3] if original[:2] == b"33" else b""

        def form(raw: bytes, _: int) -> bytes:
            made = raw[: len(original)]
            local = bytes([made[0] & 0xFC | 2]) + made[1:]
            return fixed + local[len(fixed) :]

        return self._once(MAC, original, form)

    def ip(self, original: bytes) -> bytes:
        """The 4 or 16 bytes of an IP address; loopback, masks and known groups stay."""
        address = ipaddress.ip_address(original)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        if mapped is not None:
            return original[:12] + self.ip(mapped.packed)
        if address.is_loopback or address.is_unspecified or _is_mask(address):
            return original
        if address.is_multicast and (address.version == 4 or int(address) % 1 << 112 < _WELL_KNOWN):
            return original
        return self._once(IP, original, _ipv4 if address.version == 4 else _ipv6(original))

    def _once(self, kind: str, original: bytes, form: Form) -> bytes:
        made = self._made.get((kind, original))
        if made is None:
            made = next(
                candidate
                for tries in itertools.count()
                if (candidate := form(self._digest(kind, original, tries), tries)) not in self._used
            )
            self._used.add(made)
            self._made[kind, original] = made
        return made

    def _digest(self, kind: str, original: bytes, tries: int) -> bytes:
        return hmac.digest(self._key, f"{kind} {tries} ".encode() + original, hashlib.sha256)


def _is_mask(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is a netmask, or that of a broadcast to everybody."""
    if address.version == 6 or int(address) >> 24 != 255:
        return False
    inverted = int(address) ^ 0xFFFFFFFF
    return not inverted & (inverted + 1)


def _ipv4(raw: bytes, tries: int) -> bytes:
    networks = _IPV4[min(tries // _TRIES, len(_IPV4) - 1)]
    place = int.from_bytes(raw[:8], "big") % sum(net.num_addresses - 2 for net in networks)
    for network in networks:
        if place < network.num_addresses - 2:
            return network[place + 1].packed
        place -= network.num_addresses - 2
    raise AssertionError(place)


def _ipv6(original: bytes) -> Form:
    """An address of the same kind: with the end of another, on this link, or for documentation."""
    kept = _DOCUMENTATION
    if original[:13] == _SOLICITED:
        kept = _SOLICITED
    elif original[0] == 0xFE and original[1] & 0xC0 == 0x80:
        kept = _LINK_LOCAL
    return lambda raw, _: (kept + raw)[:16]
