"""UUIDs, hardware addresses, IP addresses and iSCSI names wherever they stand in a text."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Iterable
from typing import Final

from xenwatch.redaction.tokens import Tokens

_HEX: Final = rb"[0-9a-fA-F]"
_UUID = re.compile(
    rb"(HHHHHHHH)(--|-|_|\\x2[dD])(HHHH)\2(HHHH)\2(HHHH)\2(H{12})|(?<!H)(H{32})(?!H)".replace(
        b"H", _HEX
    )
)
"""With hyphens, as systemd and the device mapper escape them, with underscores, or without any."""
_MAC: Final = rb"(?<!H)HH([:-])HH(?:\1HH){4,}(?!H)".replace(b"H", _HEX)
_AROUND: Final = 64
"""Bytes on each side of a part in which the whole of it is looked for; a UUID has 48 at most."""
_LOGGED: Final = 14
"""Bytes of MAC= in a line of netfilter: two addresses and a type."""
_MAC_BYTES: Final = 6
_NAMED: Final = 16
"""Hexadecimal digits that stand for the identifier of a vendor."""
_IPV4: Final = (
    rb"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])(?!\.[0-9])(?!\.(?:xcpng|xs|el|fc)[0-9])"
)
"""Not within a version, such as 4.13.5.9.40 or that of a package of XCP-ng."""
_IPV6: Final = (
    rb"(?<![0-9A-Za-z.])(?:H{0,4}:){2,7}:?(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|H{1,4})?"
    rb"(?![0-9A-Za-z])"
).replace(b"H", _HEX)
_DOTTED: Final = rb"(?<!H)(?<!\.)H{4}\.H{4}\.H{4}(?!H|\.)".replace(b"H", _HEX)
"""A hardware address as switches have it. One without any separators is found by what is said of
it (`xenwatch.redaction.kernel_lines`), as numbers and identifiers have twelve digits too."""
_ADDRESS = re.compile(rb"%b|%b|%b|%b" % (_MAC, _IPV6, _IPV4, _DOTTED))
"""Each at once, so that none is found in another's replacement; the group is of the first."""
_ONLY_IPV4 = re.compile(_IPV4)
_TARGET = re.compile(
    rb"(?i)(?:iqn\.[0-9]{4}-|nqn\.[0-9]{4}[-.])[0-9]{2}"
    rb"\.[^\s,;:\"'|<>\0]+(?::[^\s,;\"'|<>\0]*)?"
)
_DISCOVERY: Final = b"nqn.2014-08.org.nvmexpress.discovery"
"""What the discovery service of NVMe over fabrics has for a name everywhere."""
_VENDOR = re.compile(rb"((?<![0-9A-Za-z])(?:t10\.|nvme\.[0-9a-fA-F]{4}-))([^\s,;\"'|<>\0()]+)")
"""Identifiers of disks that have none of the IEEE: the vendor, the model and the serial number."""
_PORT: Final = rb"(?:1000(?!0{6})H{12}|2H{3}00(?!0{4})H{10})"
"""Ports and nodes of Fibre Channel: a prefix, and an address of 48 bits (NAA 1 and 2).

A word of memory or a mask seldom is: most have zeros where that begins.
"""
_REGISTERS: Final = rb"(?<!R[A-Z0-9]{2}: )(?<!CR[0-9]: )(?<!x[0-9]{2}: )(?<!x[0-9] : )"
_LETTER: Final = rb"(?=[0-9]*[a-fA-F])"
_WORLD_WIDE = re.compile(
    (
        rb"(?<!H)(?:((?i:naa|eui)\.|wwn-0x)(H{16}(?:H{16})?)|(0x)(5H{15}|6H{31}|PORT)"
        rb"|(3)(6H{31}|(?:(?<=[-/|_]3)|LETTER)(?:5H{15}|PORT))|(x?)REGISTERSLETTER(PORT))(?!H)"
    )
    .replace(b"PORT", _PORT)
    .replace(b"REGISTERS", _REGISTERS)
    .replace(b"LETTER", _LETTER)
    .replace(b"H", _HEX)
)
"""Names of SCSI devices and of ports, as in /dev/disk/by-id, of multipath maps and in drivers.

Where nothing else tells them from a counter, those of decimal digits only are taken for one, and
what a register held is no name.
"""


class Patterns:
    """Replaces in texts what has a form of its own."""

    def __init__(self, tokens: Tokens, versions: frozenset[bytes] = frozenset()) -> None:
        """`versions` are those of kernels that look like an address, such as 2.6.32.43."""
        self._tokens = tokens
        self._versions = versions

    def text(self, data: bytes) -> bytes:
        """The text with other UUIDs and addresses, each in the form and case it had."""
        data = _TARGET.sub(self._target, data)
        data = _VENDOR.sub(self._vendor, data)
        data = _UUID.sub(self._uuid, data)
        data = _ADDRESS.sub(self._address, data)
        return _WORLD_WIDE.sub(self._world_wide, data)

    def around(self, data: bytes, begin: int, end: int) -> bool:
        """Whether a part of a text has some of what `text` replaces, but not all of that."""
        first = max(0, begin - _AROUND)
        begin, end, window = begin - first, end - first, data[first : end + _AROUND]
        return any(
            match.start() < end
            and begin < match.end()
            and not (begin <= match.start() and match.end() <= end)
            and self.text(match[0]) != match[0]
            for pattern in (_UUID, _ADDRESS)
            for match in pattern.finditer(window)
        )

    def without(self, data: bytes) -> bytes:
        """What is left of a text without what `text` replaces."""
        for pattern in (_TARGET, _VENDOR, _UUID, _ADDRESS, _WORLD_WIDE):
            data = pattern.sub(b"", data)
        return data

    def _uuid(self, match: re.Match[bytes]) -> bytes:
        separator = match[2] or b""
        digits = match[7] or b"".join(match.group(1, 3, 4, 5, 6))
        made = str(uuid.UUID(bytes=self._tokens.uuid(bytes.fromhex(digits.decode())))).encode()
        return _cased(made.replace(b"-", separator), match[0])

    def _target(self, match: re.Match[bytes]) -> bytes:
        name = match[0].lower()
        if name == _DISCOVERY:
            return match[0]
        made = self._tokens.target(name)
        return _cased(name[:3] + made[3:], match[0])

    def _vendor(self, match: re.Match[bytes]) -> bytes:
        return match[1] + self._tokens.mac(match[2].lower()).hex().encode()[:_NAMED]

    def hardware(self, digits: bytes) -> bytes:
        """A hardware address without separators, or a name of a port, in the form it had."""
        if len(digits) == 2 * _MAC_BYTES:
            made = self._tokens.mac(bytes.fromhex(digits.decode())).hex().encode()
        else:
            made = digits[:1] + self._tokens.mac(digits.lower()).hex().encode()[1 : len(digits)]
        return _cased(made, digits)

    def _mac(self, match: re.Match[bytes]) -> bytes:
        raw = bytes.fromhex(match[0].replace(match[1], b"").decode())
        parts = [raw]
        if len(raw) == _LOGGED:
            parts = [raw[:_MAC_BYTES], raw[_MAC_BYTES : 2 * _MAC_BYTES]]
        made = b"".join(map(self._tokens.mac, parts))
        made += raw[len(made) :]
        return _cased(made.hex(match[1].decode()).encode(), match[0])

    def _address(self, match: re.Match[bytes]) -> bytes:
        if match[1]:
            return self._mac(match)
        if b":" in match[0]:
            return self._ipv6(match)
        parts = match[0].split(b".")
        if len(parts) == 3:
            made = self.hardware(b"".join(parts))
            return b".".join((made[:4], made[4:8], made[8:]))
        return self._ipv4(match)

    def _ipv4(self, match: re.Match[bytes]) -> bytes:
        parts = [int(part) for part in match[0].split(b".")]
        if match[0] in self._versions or max(parts) > 255:
            return match[0]
        return b".".join(b"%d" % part for part in self._tokens.ip(bytes(parts)))

    def _ipv6(self, match: re.Match[bytes]) -> bytes:
        """A colon before or behind may belong to the text around."""
        whole = match[0]
        for begin, end in ((0, 0), (0, 1), (1, 0), (1, 1)):
            text = whole[begin : len(whole) - end].decode()
            try:
                address = ipaddress.IPv6Address(text)
            except ValueError:
                continue
            made = self._tokens.ip(address.packed)
            if made == address.packed:
                return whole
            changed = ipaddress.IPv6Address(made)
            mapped = changed.ipv4_mapped
            shown = f"::ffff:{mapped}" if mapped is not None and "." in text else str(changed)
            return whole[:begin] + _cased(shown.encode(), whole) + whole[len(whole) - end :]
        return _ONLY_IPV4.sub(self._ipv4, whole)

    def _world_wide(self, match: re.Match[bytes]) -> bytes:
        """The same for a name in whatever form; the digit stays that says of which kind it is."""
        head, digits = (group for group in match.groups() if group is not None)
        return head + self.hardware(digits)


def versions_in(texts: Iterable[str]) -> frozenset[bytes]:
    """What looks like an IPv4 address in texts that have none."""
    return frozenset(found for text in texts for found in _ONLY_IPV4.findall(text.encode()))


def _cased(made: bytes, was: bytes) -> bytes:
    """The replacement in upper case where the original had it."""
    return made.upper() if was.upper() == was and was.lower() != was else made
